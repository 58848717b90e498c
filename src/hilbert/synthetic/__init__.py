"""Synthetic corpora whose latents, noise and labels are known, for experiments that real data cannot decide.

from dataclasses import replace
from hilbert.synthetic import Design, Modality, Target, generate

design = Design(documents=500, text=Modality(noise=4.0), target=Target(shared=1, audio=1, text=1))
data = generate(design, seed=0)
data.bags, data.y, data.groups                  # as models and evaluation take them
data.latents["shared"], data.oracle_auc         # what is true, and what could be reached
data.information("text", "shared")              # nats in the mean of a document's segments
noisier = generate(replace(design, text=replace(design.text, noise=8.0)), seed=0)  # paired with data
"""

from hilbert.synthetic.corpus import Synthetic, generate
from hilbert.synthetic.design import Design, Modality, Populations, Target
from hilbert.synthetic.information import pooled_information
from hilbert.synthetic.segments import embedding

__all__ = [
    "Design",
    "Modality",
    "Populations",
    "Synthetic",
    "Target",
    "embedding",
    "generate",
    "pooled_information",
]
