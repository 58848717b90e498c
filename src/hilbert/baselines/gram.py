"""Kernels between documents: one a modality, centred and of equal norm, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError
from hilbert.nn.inputs import column_moments

Floats = NDArray[np.float64]

KINDS = ("linear", "rbf")


@dataclass(frozen=True, eq=False)
class CentredKernel:
    """One modality's kernel to the training documents: centred among them, of Frobenius norm 1 on them.

    A document that lacks the modality lies at the mean of the training documents that have it: its row and
    column are 0. ``rows``: (known, features) standardised training documents that have the modality, ``known``:
    (docs,) which these are; ``rate``: of the RBF kernel exp(-rate ‖x - x'‖²), None for the linear one;
    ``columns``: (known,) means that centre; ``scale``: what gives the norm.
    """

    moments: tuple[Floats, Floats]
    rows: Floats
    known: NDArray[np.bool_]
    rate: float | None
    columns: Floats
    scale: float

    @classmethod
    def fit(cls, pooled: Floats, kind: str = "rbf", gamma: float = 1.0, standardise: bool = True) -> CentredKernel:
        """Fit on pooled training documents (docs, features), NaN where unknown.

        Not to ``standardise`` is for columns of one scale, whose sizes say how much they matter.

        ``kind``: "linear", or "rbf" with the rate ``gamma`` / median squared distance of two documents (the
        median heuristic; Garreau et al. 2017, arXiv 1707.07269). Raises UsageError for another kind.
        """
        if kind not in KINDS:
            raise UsageError(f"kernel: expected one of {', '.join(KINDS)}, found {kind!r}")
        known = _known(pooled)
        mean, scale = column_moments(pooled)
        moments = mean, scale if standardise else np.ones_like(scale)
        rows = _standard(pooled[known], moments)
        rate = None
        if kind == "rbf":
            rate = gamma / _typical(_squared_distances(rows, rows)[np.triu_indices(len(rows), 1)])
        raw = _kernel(rows, rows, rate)
        columns = raw.sum(axis=0) / max(len(rows), 1)
        plain = cls(moments, rows, known, rate, columns, 1.0)
        size = float(np.linalg.norm(plain(pooled)))
        varies = size > 1e-9 * float(np.linalg.norm(raw))  # else the documents are alike, but for rounding
        return cls(moments, rows, known, rate, columns, 1.0 / size if varies else 0.0)

    def __call__(self, pooled: Floats) -> Floats:
        """(docs, training docs)."""
        result = np.zeros((len(pooled), len(self.known)))
        here = _known(pooled)
        if here.any() and self.known.any():
            raw = _kernel(_standard(pooled[here], self.moments), self.rows, self.rate)
            centred = raw - raw.mean(axis=1, keepdims=True) - self.columns + self.columns.mean()
            result[np.ix_(here, self.known)] = centred * self.scale
        return result


@dataclass(frozen=True, eq=False)
class KernelSum:
    """The sum of the modalities' kernels, so that neither has more weight (Gönen & Alpaydın 2011; Cortes et al. 2012).

    One common ``constant`` makes the mean of the training diagonal 1.
    """

    kernels: tuple[CentredKernel, ...]
    constant: float

    @classmethod
    def fit(
        cls, pooled: Sequence[Floats], kind: str = "rbf", gamma: float = 1.0, standardise: bool = True
    ) -> KernelSum:
        """Fit on one (docs, features) array of pooled training documents a modality."""
        plain = cls(tuple(CentredKernel.fit(x, kind, gamma, standardise) for x in pooled), 1.0)
        power = float(np.trace(plain(pooled))) / len(pooled[0])
        return cls(plain.kernels, 1.0 / power if power > 0 else 1.0)

    def __call__(self, pooled: Sequence[Floats]) -> Floats:
        """(docs, training docs)."""
        total = sum(kernel(x) for kernel, x in zip(self.kernels, pooled, strict=True))
        return np.asarray(total * self.constant, dtype=np.float64)


def _known(pooled: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(pooled).any(axis=1), dtype=np.bool_)


def _standard(pooled: Floats, moments: tuple[Floats, Floats]) -> Floats:
    mean, scale = moments
    standard: Floats = np.nan_to_num((pooled - mean) / scale)
    return standard


def _squared_distances(x: Floats, y: Floats) -> Floats:
    size = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)
    distances = size - 2 * (x @ y.T)
    return np.where(distances > 1e-12 * size, distances, 0.0)  # what is less is rounding


def _typical(distances: Floats) -> float:
    """The median, or the mean where most are 0, or 1 where all are."""
    if not len(distances):
        return 1.0
    return float(np.median(distances)) or float(distances.mean()) or 1.0


def _kernel(x: Floats, y: Floats, rate: float | None) -> Floats:
    similarity: Floats = x @ y.T if rate is None else np.exp(-rate * _squared_distances(x, y))
    return similarity
