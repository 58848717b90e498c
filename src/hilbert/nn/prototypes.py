"""Prototypes of segments: cluster centres that serve as the queries of attention, and what they attend to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Packed
from hilbert.nn.inputs import column_moments, principal_axes

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

SAMPLE = 1 << 14  # segments that the centres are fitted on
ITERATIONS = 12  # of Lloyd's algorithm: prototypes are to cover the segments, not to be optimal
SEGMENTS_EACH = 16  # at least so many of them for each prototype
WHITENING = 0.5  # 0 keeps the variances of the principal components, 1 makes them equal


@dataclass(frozen=True)
class Prototypes:
    """Several independent sets ("heads") of unit-norm centres in a half-whitened principal space.

    ``mean``: (dim,); ``axes``: (dim, components), standardising included; ``centres``: (heads, count, components).
    Averaging over heads makes what follows depend less on where k-means happened to start.
    """

    mean: Floats
    axes: Floats
    centres: Floats

    @classmethod
    def fit(cls, packed: Packed, heads: int, count: int, components: int, seed: int) -> Prototypes:
        """Spherical k-means (Dhillon and Modha 2001) on a sample of the training segments."""
        return cls.fit_many(packed, heads, (count,), components, seed)[0]

    @classmethod
    def fit_many(
        cls, packed: Packed, heads: int, counts: Sequence[int], components: int, seed: int
    ) -> list[Prototypes]:
        """The same for each of ``counts``, which share the principal space."""
        values = packed.values.astype(np.float64)
        mean, scale = column_moments(values)
        generator = np.random.default_rng(seed)
        if len(values) > SAMPLE:
            values = values[np.sort(generator.choice(len(values), SAMPLE, replace=False))]
        standard = np.nan_to_num((values - mean) / scale)
        axes = principal_axes(standard, components) if len(values) > 1 else np.eye(len(mean))[:, :components]
        spread = np.maximum(np.sqrt(((standard @ axes) ** 2).sum(axis=0) / max(1, len(standard))), 1e-9)
        axes = axes / spread**WHITENING
        points = unit_rows(standard @ axes).astype(np.float32)
        return [cls(mean.copy(), axes / scale[:, None], _centres(points, heads, count, seed)) for count in counts]

    def coordinates(self, packed: Packed) -> Singles:
        """Unit vectors of the segments in the principal space: (segments, components)."""
        values = packed.values.astype(np.float64) - self.mean
        return unit_rows(np.where(np.isnan(values), 0.0, values) @ self.axes).astype(np.float32)

    def similarities(self, packed: Packed) -> Singles:
        """Cosines of segments and centres: (segments, heads, count)."""
        heads, count, width = self.centres.shape
        flat = self.centres.reshape(heads * count, width).astype(np.float32)
        cosines: Singles = (self.coordinates(packed) @ flat.T).reshape(-1, heads, count)
        return cosines


def _centres(points: Singles, heads: int, count: int, seed: int) -> Floats:
    """(heads, count, components) unit-norm centres of unit vectors (segments, components); fewer of few segments."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    count = max(1, min(count, len(points) // SEGMENTS_EACH))
    centres = []
    for head in range(heads):
        if len(points) == 0:
            centres.append(np.zeros((count, points.shape[1])))
            continue
        means = KMeans(count, init="random", n_init=1, max_iter=ITERATIONS, random_state=seed + head)
        with warnings.catch_warnings():  # fewer different segments than prototypes: some are twice there
            warnings.simplefilter("ignore", ConvergenceWarning)
            centres.append(unit_rows(means.fit(points).cluster_centers_.astype(np.float64)))
    return np.stack(centres)


def assign(similarities: Singles, sharpness: float) -> Singles:
    """Soft assignment of each segment to each head's centres: softmax(sharpness × cosine) over centres."""
    weights: Singles = np.exp(sharpness * (similarities - similarities.max(axis=2, keepdims=True)))
    weights /= weights.sum(axis=2, keepdims=True)
    return weights


def unit_rows(x: Floats) -> Floats:
    """Rows divided by their norm; rows of zeros stay."""
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norms > 0, norms, 1.0)


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
