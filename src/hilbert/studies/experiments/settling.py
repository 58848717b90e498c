"""Does removing a term cost both structure and accuracy?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, PRESETS, SHIPPED, acts, network, raised, without
from hilbert.studies.claims import AUC_MATTERS, R2_MATTERS, Claim, above
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import NUISANCE, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Trial

TERMS = {"CKA": "retention_least", "balance": "least"}


def trials(size: Size) -> list[Trial]:
    """200 and 500 training documents, the rarest class 4 % of them."""
    arms = [arm for p in PRESETS for arm in (raised(p), without(p, "CKA"), without(p, "balance"))]
    if not size.small:
        arms += [SHIPPED, CONCAT, *(network(preset, "shipped") for preset in PRESETS)]
    found = []
    for train in (size.train,) if size.small else (200, 500):
        own = size._replace(train=train)
        case = {f"{train} documents": (float(train), corpus(own, text=NUISANCE))}
        found += crossed(arms, case, own, ("prediction", "latents", "flow", "terms"))
    return found


def claims(found: Found) -> list[Claim]:
    """Without the term, structure, macro AUC and AUPRC of the rarest class all fall."""
    made = []
    for preset in PRESETS:
        for term, structure in TERMS.items():
            names = raised(preset).name, without(preset, term).name
            parts = [
                above(f"{what} with − without", found.change(quantity, *names), matters)
                for what, quantity, matters in (
                    ("structure", structure, R2_MATTERS),
                    ("macro AUC", "auc", AUC_MATTERS),
                    ("AUPRC", "auprc", AUC_MATTERS),
                )
            ]
            text = f"{preset}: {term} keeps structure, and classes are told apart better for it"
            made.append(Claim(text, parts, acts(found, names[1]) if term == "balance" else ()))
    return made


EXPERIMENT = Experiment(
    "settling",
    "Does removing CKA or balance cost structure and accuracy?",
    "Four classes of 70, 18, 8 and 4 %, from shared and unique latents, both modalities equally clear but for 50 "
    "coordinates of noise in the text; 200 and 500 training documents. Structure is the least retention for CKA, the "
    "R² of the worse kept modality's own latents for balance. The claim stands only if structure, macro AUC and the "
    "rarest class's AUPRC all fall without the term.",
    trials,
    claims,
    ("auc", "auprc", "recall", "retention_least", "least", "dominance", "gap"),
    ("auc", "auprc", "retention_least"),
    "training documents",
)
