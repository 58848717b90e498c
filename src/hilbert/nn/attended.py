"""What prototypes attend to in a document: how often, how strongly, and what the other modality does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Packed
from hilbert.nn.prototypes import Prototypes, assign

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 1 << 14  # segments whose similarities are held at once
PRIOR_MASS = 0.5  # segments' worth of attention on the document mean, so that an idle prototype says nothing


def occupancy_and_peak(packed: Packed, prototypes: Prototypes, sharpness: float) -> tuple[Floats, Floats]:
    """(docs, heads × count) each: root of the mean assignment to a prototype, and the greatest similarity to it.

    The root is the Hellinger map of a histogram (as for bags of visual words, Arandjelović and Zisserman 2012).
    A document without segments is NaN.
    """
    width = prototypes.centres.shape[0] * prototypes.centres.shape[1]
    occupancy, peak = (np.full((len(packed.lengths), width), np.nan) for _ in range(2))
    for rows, part in _chunks(packed):
        filled = part.lengths > 0
        if not filled.any():
            continue
        starts, chosen = part.offsets[:-1][filled], rows[filled]
        similar = prototypes.similarities(part)
        mass = np.add.reduceat(assign(similar, sharpness).reshape(-1, width), starts, axis=0)
        occupancy[chosen] = np.sqrt(mass / part.lengths[filled][:, None])
        peak[chosen] = np.maximum.reduceat(similar.reshape(-1, width), starts, axis=0)
    return occupancy, peak


def attended(queries: Packed, keys: Packed, values: Floats, prototypes: Prototypes, sharpness: float) -> Floats:
    """Mean of the keys' ``values`` over the time at which each prototype of the queries is active.

    queries, keys: the two modalities; values: (key segments, width), centred. → (docs, heads × count × width):
    Σ_s g_ks v_s / (Σ_s g_ks + ½), g the assignment of the query segments, interpolated at the relative times
    of the key segments, so that modalities of different segment counts share a clock. NaN where a document lacks
    a modality. It is cross-modal attention whose weights are assignments to prototypes.
    """
    heads, count, _ = prototypes.centres.shape
    found = np.full((len(queries.lengths), heads * count, values.shape[1]), np.nan)
    starts = keys.offsets
    for rows, part in _chunks(queries):
        weights = assign(prototypes.similarities(part), sharpness).reshape(-1, heads * count)
        for row, first, length in zip(rows, part.offsets[:-1], part.lengths, strict=True):
            key = slice(starts[row], starts[row + 1])
            if length == 0 or key.stop == key.start:
                continue
            order = first + np.argsort(part.times[first : first + length], kind="stable")  # cues may overlap
            own = weights[order]
            at = np.interp(keys.times[key], part.times[order], np.arange(length))
            low = np.floor(at).astype(np.int64)
            share = (at - low)[:, None]
            after = own[np.minimum(low + 1, length - 1)] if share.any() else own[low]
            gate = (1 - share) * own[low] + share * after
            found[row] = gate.T @ values[key] / (gate.sum(axis=0)[:, None] + PRIOR_MASS)
    return found.reshape(len(found), heads * count * values.shape[1])


def _chunks(packed: Packed) -> Iterator[tuple[Ints, Packed]]:
    """Runs of whole documents of about ``CHUNK`` segments, with their rows."""
    run = np.cumsum(packed.lengths) // CHUNK
    for number in np.unique(run):
        rows = np.flatnonzero(run == number)
        yield rows, packed.take(rows)
