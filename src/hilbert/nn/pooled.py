"""Pooled features of documents: mean, spread and order of their segments, and blocks of equal norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags, Packed
from hilbert.nn.inputs import column_moments, principal_axes

Floats = NDArray[np.float64]
MAX_COMPONENTS = 256


def pool(packed: Packed) -> Floats:
    """Mean and spread of each feature over a document's segments: (docs, 2 dim).

    Missing values are left out; a feature that a document lacks altogether is NaN, to be imputed in the fold.
    """
    values = packed.values.astype(np.float64)
    known = ~np.isnan(values)
    count = _sums(known.astype(np.float64), packed)
    mean = np.divide(
        _sums(np.where(known, values, 0.0), packed), count, out=np.full_like(count, np.nan), where=count > 0
    )
    centred = np.where(known, values - np.repeat(mean, packed.lengths, axis=0), 0.0)
    spread = np.sqrt(np.divide(_sums(centred**2, packed), count, out=np.full_like(count, np.nan), where=count > 0))
    return np.concatenate([mean, spread], axis=1)


def _sums(values: Floats, packed: Packed) -> Floats:
    """(docs, dim) sums over each document's segments, 0 for a document without any."""
    filled = packed.lengths > 0
    sums = np.zeros((len(filled), values.shape[1]))
    if filled.any():
        sums[filled] = np.add.reduceat(values, packed.offsets[:-1][filled], axis=0)
    return sums


@dataclass(frozen=True)
class Block:
    """One modality's fitted path: impute and standardise, project, centre, scale. Output (docs, components)."""

    mean: Floats
    scale: Floats
    axes: Floats
    centre: Floats

    @classmethod
    def fit(cls, pooled: Floats, components: int, standardise: bool = True) -> Block:
        """Fit on pooled training documents (docs, features); the block's Gram matrix gets Frobenius norm 1.

        Not to ``standardise`` is for columns of one scale, whose sizes say how much they matter.
        """
        mean, scale = column_moments(pooled)
        if not standardise:
            scale = np.ones_like(scale)
        standard = np.nan_to_num((pooled - mean) / scale)
        # documents that lack the modality move the mean; projecting needs centred rows
        axes = principal_axes(standard - standard.mean(axis=0), components)
        projected = standard @ axes
        centre = projected.mean(axis=0)
        projected = projected - centre
        size = np.sqrt(np.linalg.norm(projected.T @ projected))
        return cls(mean, scale, axes / (size or 1.0), centre / (size or 1.0))

    def __call__(self, pooled: Floats) -> Floats:
        """Transform pooled documents; what is missing is put at the training mean."""
        projected: Floats = np.nan_to_num((pooled - self.mean) / self.scale) @ self.axes - self.centre
        return projected

    def distance(self, pooled: Floats) -> Floats:
        """(docs,) root mean square of the standardised features; over all training documents its mean square is 1.

        Features that were constant there, whose scale is 1, have no deviations to count in. NaN for a document that
        lacks all others.
        """
        varied = self.scale != 1.0
        standard = ((pooled - self.mean) / self.scale)[:, varied]
        known = ~np.isnan(standard)
        count = known.sum(axis=1)
        squares = np.where(known, standard, 0.0) ** 2
        mean = np.divide(squares.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)
        return np.asarray(np.sqrt(mean))


@dataclass(frozen=True)
class PooledBlocks:
    """Block scaling: every modality contributes a Gram matrix of the same norm (docs/method.md).

    Pool to mean and spread, impute, standardise, PCA to min(components, docs / 2), centre, divide by
    ‖X Xᵀ‖_F^½, all on training documents; one common constant then makes the mean squared row norm 1.
    """

    modalities: tuple[str, ...]
    blocks: tuple[Block, ...]
    constant: float

    @classmethod
    def fit(
        cls, bags: Bags, modalities: Sequence[str] = ("audio", "text"), components: int = MAX_COMPONENTS
    ) -> PooledBlocks:
        """Fit on training documents."""
        pooled = [pool(getattr(bags, modality)) for modality in modalities]
        return cls.fit_pooled(pooled, modalities, components)

    @classmethod
    def fit_pooled(
        cls,
        pooled: Sequence[Floats],
        modalities: Sequence[str] = ("audio", "text"),
        components: int = MAX_COMPONENTS,
    ) -> PooledBlocks:
        """Fit on features that ``pool`` has already made, one (docs, 2 dim) array a modality."""
        limit = max(1, min(components, len(pooled[0]) // 2))
        blocks = tuple(Block.fit(x, limit) for x in pooled)
        power = sum(float((block(x) ** 2).sum()) for block, x in zip(blocks, pooled, strict=True)) / len(pooled[0])
        return cls(tuple(modalities), blocks, 1.0 / np.sqrt(power) if power > 0 else 1.0)

    def __call__(self, bags: Bags) -> list[Floats]:
        """One (docs, components) array for each modality."""
        return self.transform_pooled([pool(getattr(bags, modality)) for modality in self.modalities])

    def transform_pooled(self, pooled: Sequence[Floats]) -> list[Floats]:
        """The same from pooled features."""
        return [block(x) * self.constant for block, x in zip(self.blocks, pooled, strict=True)]

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        kept = {"constant": np.array([self.constant])}
        for name, block in zip(self.modalities, self.blocks, strict=True):
            kept |= {f"{name}.{key}": getattr(block, key) for key in ("mean", "scale", "axes", "centre")}
        return kept

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats], modalities: Sequence[str]) -> PooledBlocks:
        """Rebuild from ``arrays()``."""
        blocks = tuple(
            Block(*(arrays[f"{name}.{key}"] for key in ("mean", "scale", "axes", "centre"))) for name in modalities
        )
        return cls(tuple(modalities), blocks, float(arrays["constant"][0]))


WINDOW = 8  # segments of the moving average
EXTREMES = 3  # largest and smallest values that are averaged
STATISTICS = ("range", "spread", "step", "largest", "smallest", "first", "last")
_CHUNK = 1 << 22  # values that are held at once


def order_statistics(packed: Packed) -> Floats:
    """Seven statistics of each feature over a document's segments: (docs, 7 dim), one statistic after another.

    In the order of ``STATISTICS``: range and spread (standard deviation) of the moving average over 8 segments,
    mean absolute step between neighbouring segments, mean of the three largest and of the three smallest
    values, mean of the first and of the last 8 segments. Windows shrink to the length of a shorter document,
    whose moving average is then one number; a single segment takes no step. A missing value is put at the
    document's mean of that feature; a feature that a document lacks altogether is NaN, as in ``pool``.

    Such functionals of segment features are common in computational paralinguistics (Schuller et al. 2013,
    "The INTERSPEECH 2013 Computational Paralinguistics Challenge").
    """
    table = np.full((len(packed.lengths), len(STATISTICS), packed.dim), np.nan)
    starts = packed.offsets[:-1]
    for length in np.unique(packed.lengths[packed.lengths > 0]):
        rows = np.flatnonzero(packed.lengths == length)
        size = max(1, _CHUNK // max(1, int(length) * packed.dim))
        for some in (rows[start : start + size] for start in range(0, len(rows), size)):
            table[some] = _statistics(packed.values[starts[some][:, None] + np.arange(length)].astype(np.float64))
    return table.reshape(len(table), len(STATISTICS) * packed.dim)


def ordered_pool(packed: Packed) -> Floats:
    """Mean and spread, then the order statistics: (docs, 9 dim)."""
    return np.concatenate([pool(packed), order_statistics(packed)], axis=1)


def _statistics(values: Floats) -> Floats:
    """(docs, segments, dim) of one length, NaN where missing → (docs, statistics, dim)."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    lowest, highest = (np.where(known, values, fill) for fill in (np.inf, -np.inf))
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    # rounding of the mean must not make a constant feature move
    mean = np.where(count > 0, np.clip(mean, lowest.min(axis=1), highest.max(axis=1)), 0.0)
    centred = np.where(known, values - mean[:, None], 0.0)  # a missing value is at the mean

    length = values.shape[1]
    window, extremes = min(WINDOW, length), min(EXTREMES, length)
    ranked = np.sort(centred, axis=1)
    sums = np.concatenate([np.zeros_like(centred[:, :1]), np.cumsum(centred, axis=1)], axis=1)
    smooth = (sums[:, window:] - sums[:, :-window]) / window
    steps = np.abs(np.diff(centred, axis=1)).sum(axis=1) / max(length - 1, 1)
    found = np.stack(
        [
            smooth.max(axis=1) - smooth.min(axis=1),
            smooth.std(axis=1),
            steps,
            ranked[:, length - extremes :].mean(axis=1) + mean,
            ranked[:, :extremes].mean(axis=1) + mean,
            centred[:, :window].mean(axis=1) + mean,
            centred[:, length - window :].mean(axis=1) + mean,
        ],
        axis=1,
    )
    found[np.broadcast_to((count == 0)[:, None], found.shape)] = np.nan
    return found
