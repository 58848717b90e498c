"""What a document's segments say by their order and their extremes, beside their mean and spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Packed
from hilbert.nn.pooled import pool

Floats = NDArray[np.float64]

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
