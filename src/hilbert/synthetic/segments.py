"""Segments of one modality: a code of few numbers for each, embedded in as many dimensions as wanted.

With b ~ Bernoulli(salience), Λ the strengths and π the sub-population's unit vector, a segment is

    c = [b Λ_s s; b Λ_u u; population · π; 0] + √(noise² + white²) e,    x = Q c + ambient (I − Q Qᵀ) η

where Q (dim, code) has orthonormal columns and e, η are standard normal. So Qᵀ x is c whatever the width: a change
of ``dim`` changes no information about the latents. That is why segment noise lies in the space of the code. Of few
directions of its own in a wide space, a model could simply leave it out, the more easily the wider the space.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from hilbert.features.bags import Packed
from hilbert.synthetic.design import Design, Modality
from hilbert.synthetic.latents import Floats, Ints
from hilbert.synthetic.streams import Stream, stream

MODALITIES = ("audio", "text")


def strengths(count: int, strength: float, decay: float | None) -> Floats:
    """(count,) strength · exp(−i / decay); all the same where decay is None."""
    places = np.arange(count, dtype=np.float64)
    return strength * (np.ones(count) if decay is None else np.exp(-places / decay))


def embedding(design: Design, name: str, seed: int) -> Floats:
    """Q of the modality ``name``: (dim, code), orthonormal columns; shared latents first, then the modality's own."""
    modality: Modality = getattr(design, name)
    rng = stream(seed, Stream.EMBEDDING, MODALITIES.index(name))
    q, _ = np.linalg.qr(rng.standard_normal((modality.dim, design.code_size(modality))))
    return np.asarray(q, dtype=np.float64)


def draw_segments(
    design: Design, name: str, seed: int, shared: Floats, unique: Floats, populations: Ints, counts: Ints
) -> Packed:
    """Segments (float32) of the modality ``name`` for documents with these latents and numbers of segments.

    ``shared``: (docs, shared_latents), ``unique``: (docs, unique_latents) of this modality, ``populations``,
    ``counts``: (docs,). A document stays the same when the corpus gets more of them, its first segments (to
    rounding) when it gets more of those.
    """
    modality: Modality = getattr(design, name)
    number = MODALITIES.index(name)
    signal = np.concatenate(
        [
            shared * strengths(shared.shape[1], modality.shared, modality.decay),
            unique * strengths(unique.shape[1], modality.unique, modality.decay),
        ],
        axis=1,
    )
    size, latents, several = design.code_size(modality), signal.shape[1], design.populations.count > 1
    deviation = math.hypot(modality.noise, modality.white)
    q = embedding(design, name, seed).astype(np.float32)
    starts = np.cumsum(counts) - counts
    values = np.empty((int(counts.sum()), modality.dim), dtype=np.float32)
    for row, (start, count) in enumerate(zip(starts.tolist(), counts.tolist(), strict=True)):
        # salience and noise of a segment in one row, so that more segments only add rows
        normal = stream(seed, Stream.CODE, number, row).standard_normal((count, size + 1))
        code = deviation * normal[:, 1:]
        code[:, :latents] += np.where(ndtr(normal[:, :1]) < modality.salience, signal[row], 0.0)
        if several:
            code[:, latents + populations[row]] += modality.population
        x = values[start : start + count]
        stream(seed, Stream.AMBIENT, number, row).standard_normal(dtype=np.float32, out=x)
        x *= np.float32(modality.ambient)
        x += (code.astype(np.float32) - x @ q) @ q.T
    places = np.arange(len(values)) - np.repeat(starts, counts)
    return Packed(values, counts, ((places + 0.5) / np.repeat(counts, counts)).astype(np.float32))
