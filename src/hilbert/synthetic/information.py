"""What a modality's pooled features can say about the latents, in closed form."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hilbert.errors import UsageError
from hilbert.synthetic.design import Design, Modality
from hilbert.synthetic.segments import MODALITIES, strengths


def pooled_information(design: Design, name: str, latents: Literal["shared", "unique"], segments: ArrayLike) -> float:
    """Mutual information, in nats, of the mean over a document's segments and its shared or own latents.

    ½ Σ_i ln(1 + n λ_i² / (noise² + white²)) for a document of n segments: in the mean the latent i keeps its
    strength λ_i, the noise has 1/n of its variance, and the columns of the embedding are orthogonal. Neither the
    width nor the ambient noise, which is outside the code's space, enters. ``segments``: one number of segments or
    many, over which the information is averaged.

    Raises UsageError for a salience below 1, where the mean is not Gaussian.
    """
    if name not in MODALITIES:
        raise UsageError(f"a modality is 'audio' or 'text', not {name!r}")
    if latents not in ("shared", "unique"):
        raise UsageError(f"latents are 'shared' or 'unique', not {latents!r}")
    modality: Modality = getattr(design, name)
    if modality.salience < 1:
        raise UsageError(
            f"pooled information: expected a {name} salience of 1, found {modality.salience:g}: no closed form there"
        )
    counts = np.atleast_1d(np.asarray(segments, dtype=np.float64))
    if not counts.size or not (counts >= 1).all():
        raise UsageError("pooled information: expected numbers of segments of 1 or more")
    size = design.shared_latents if latents == "shared" else design.unique_latents
    power = strengths(size, getattr(modality, latents), modality.decay) ** 2
    ratio = power / (modality.noise**2 + modality.white**2)
    return float(0.5 * np.log1p(counts[:, None] * ratio).sum(axis=1).mean())
