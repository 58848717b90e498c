"""Stability: which directions of document vectors are the same all through a document, and which change within it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags, Packed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stability:
    """Second moments of one part of the document vectors: ``within`` documents and in ``total``, (width, width) each.

    ``within`` compares vectors of disjoint halves of the same documents.
    """

    within: Floats
    total: Floats

    @classmethod
    def fit(cls, vectors: Floats, halves: list[tuple[Floats, Floats]]) -> Stability:
        """vectors: (docs, width); halves: pairs of the same documents' vectors, (docs with both, width) each.

        Half the difference of two halves has the covariance of a whole document's error, since the error of a
        mean falls with the number of segments.
        """
        docs, width = max(1, len(vectors)), vectors.shape[1]
        within = np.zeros((width, width))
        for first, second in halves:
            difference = (first - second) / 2
            within += difference.T @ difference / max(1, len(difference)) / len(halves)
        centred = vectors - vectors.mean(axis=0) if len(vectors) else vectors
        return cls(within, centred.T @ centred / docs)

    @cached_property
    def _axes(self) -> tuple[Floats, Floats]:
        """Eigenvalues and eigenvectors of ``within``: every strength that is tried shares them."""
        values, axes = np.linalg.eigh(self.within)
        return values, axes

    def scaling(self, strength: float) -> Floats:
        """(width, width) symmetric map x ↦ x S: S ∝ (I + λ W/w)^(−½) for λ = strength > 0, (I + |λ| W/w)^(½) for λ < 0.

        W is ``within`` and w its mean eigenvalue weighted by itself. λ > 0 shrinks what changes within a document:
        a soft form of within-class covariance normalisation (Hatch et al. 2006, Interspeech) whose class is the
        document, so that no label is needed. λ < 0 stretches it. S keeps the mean squared norm of the vectors.
        """
        trace = float(np.trace(self.within))
        if strength == 0 or trace <= 0:
            return np.eye(len(self.within))
        weight = abs(strength) * trace / float((self.within**2).sum())
        values, axes = self._axes
        factors = (1 + weight * np.maximum(values, 0.0)) ** (-0.5 if strength > 0 else 0.5)
        matrix: Floats = (axes * factors) @ axes.T
        before, after = float(np.trace(self.total)), float(np.trace(matrix @ self.total @ matrix))
        return matrix * np.sqrt(before / after) if after > 0 else matrix


def halves(bags: Bags) -> Iterator[tuple[Bags, Bags]]:
    """Each document cut in two: first and second half, then by turns. A lone segment leaves one half empty."""

    def cut(later: bool, packed: Packed) -> NDArray[np.bool_]:
        place = np.arange(len(packed.values)) - np.repeat(packed.offsets[:-1], packed.lengths)
        return place >= np.repeat((packed.lengths + 1) // 2, packed.lengths) if later else place % 2 == 1

    for later in (True, False):
        audio, text = cut(later, bags.audio), cut(later, bags.text)
        yield _part(bags, ~audio, ~text), _part(bags, audio, text)


def _part(bags: Bags, audio: NDArray[np.bool_], text: NDArray[np.bool_]) -> Bags:
    def kept(packed: Packed, keep: NDArray[np.bool_]) -> Packed:
        owner = np.repeat(np.arange(len(packed.lengths)), packed.lengths)
        lengths = np.bincount(owner[keep], minlength=len(packed.lengths)).astype(packed.lengths.dtype)
        return Packed(packed.values[keep], lengths, packed.times[keep])

    return replace(bags, audio=kept(bags.audio, audio), text=kept(bags.text, text))
