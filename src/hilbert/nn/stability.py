"""Two weightings of document vectors: by what stays the same through a recording, and by what changes within it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from hilbert.features.bags import Bags, Packed
from hilbert.nn.documents import DocumentVectors, Vectorizer

Floats = NDArray[np.float64]
STRENGTHS = {"steady": 3.0, "changing": -3.0}
ROUNDING = 1e-12  # of a part's variance: what float32 makes of two halves that are the same


def weightings(bags: Bags, vectorizer: Vectorizer, vectors: DocumentVectors) -> dict[str, Floats]:
    """Name → (width, width) symmetric map x ↦ x S of ``vectors.rows``, the vectors of ``bags``.

    Every document is cut into a first and a second half. Half the difference of their vectors has the covariance W of
    what is not the same throughout. In each part S ∝ (I + λ W/w)^(−½) for "steady" and (I + λ W/w)^(½) for "changing",
    λ = 3, w = tr W² / tr W; the mean squared norm of the part is kept. "steady" shrinks what changes: within-class
    covariance normalisation (Hatch et al. 2006, Interspeech) whose class is the document, so that no label is needed.
    """
    first, second = (vectorizer(half) for half in halves(bags))
    both = {"audio": first.has_audio & second.has_audio, "text": first.has_text & second.has_text}
    both["cross"] = both["audio"] & both["text"]
    found: dict[str, Floats] = {}
    for name, strength in STRENGTHS.items():
        blocks = []
        for part, rows in both.items():
            own = getattr(vectors, part)
            difference = (getattr(first, part)[rows] - getattr(second, part)[rows]) / 2
            within = difference.T @ difference / max(1, len(difference))
            centred = own - own.mean(axis=0) if len(own) else own
            blocks.append(_scaling(within, centred.T @ centred / max(1, len(own)), strength))
        found[name] = block_diag(*blocks)
    return found


def halves(bags: Bags) -> tuple[Bags, Bags]:
    """The first and the second half of each document; a lone segment leaves the second one empty."""

    def early(packed: Packed) -> NDArray[np.bool_]:
        place = np.arange(len(packed.values)) - np.repeat(packed.offsets[:-1], packed.lengths)
        return place < np.repeat((packed.lengths + 1) // 2, packed.lengths)

    audio, text = early(bags.audio), early(bags.text)
    return (
        Bags(bags.ids, _kept(bags.audio, audio), _kept(bags.text, text), bags.duration),
        Bags(bags.ids, _kept(bags.audio, ~audio), _kept(bags.text, ~text), bags.duration),
    )


def _scaling(within: Floats, total: Floats, strength: float) -> Floats:
    trace, before = float(np.trace(within)), float(np.trace(total))
    if trace <= ROUNDING * before:
        return np.eye(len(within))
    weight = abs(strength) * trace / float((within**2).sum())
    values, axes = np.linalg.eigh(within)
    factors = (1 + weight * np.maximum(values, 0.0)) ** (-0.5 if strength > 0 else 0.5)
    matrix: Floats = (axes * factors) @ axes.T
    after = float(np.trace(matrix @ total @ matrix))
    return matrix * np.sqrt(before / after) if after > 0 else matrix


def _kept(packed: Packed, keep: NDArray[np.bool_]) -> Packed:
    owner = np.repeat(np.arange(len(packed.lengths)), packed.lengths)
    lengths = np.bincount(owner[keep], minlength=len(packed.lengths)).astype(packed.lengths.dtype)
    return Packed(packed.values[keep], lengths, packed.times[keep])
