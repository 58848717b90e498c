"""Prototypes of segments: cluster centres that serve as the queries of attention, fitted without gradient."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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
