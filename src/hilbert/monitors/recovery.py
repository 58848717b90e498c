"""How well a linear map of an embedding gives back what it was made of, on documents the map has not seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hilbert.losses.cka import MIN_DOCS
from hilbert.nn.inputs import column_moments

Floats = NDArray[np.float64]

PENALTIES = 10.0 ** np.arange(2, -6.5, -0.5)  # times the squared size of the centred embedding; the first of equals
PERMUTATIONS = 5
FLOOR = 0.01
WORST = -1.0  # one document far from all that was trained on would otherwise decide a mean over folds


class _Ridge:
    """Ridge regression on one embedding for any targets, with the penalty that leaving one document out prefers."""

    def __init__(self, train: Floats, test: Floats) -> None:
        centre = train.mean(axis=0)
        left, sizes, right = np.linalg.svd(train - centre, full_matrices=False)
        kept = sizes > max(train.shape) * np.finfo(np.float64).eps * np.linalg.norm(train)
        self.left, self.sizes, self.tested = left[:, kept], sizes[kept], (test - centre) @ right[kept].T

    def predict(self, targets: Floats) -> Floats:
        """(test docs, columns) from targets (docs, columns) of mean 0."""
        turned, squares = self.left.T @ targets, self.sizes**2
        best, chosen = math.inf, np.zeros_like(squares)
        for penalty in PENALTIES * squares.sum():
            shrunk = squares / (squares + penalty)
            leverage = 1 / len(targets) + self.left**2 @ shrunk
            left_out = (targets - self.left @ (shrunk[:, None] * turned)) / (1 - leverage)[:, None]
            error = float((left_out**2).sum())
            if error < best:
                best, chosen = error, self.sizes / (squares + penalty)
        predicted: Floats = self.tested @ (chosen[:, None] * turned)
        return predicted


def recovery(
    train: Floats,
    train_targets: Floats,
    test: Floats,
    test_targets: Floats,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> float:
    """R² on test documents of a ridge regression from an embedding to targets, minus that of permuted targets.

    train, test: embeddings (docs, width); targets: (docs, any columns), in units of their standard deviation on the
    training documents, so that each column counts the same. One penalty for all columns, chosen on the
    training documents by leaving one out in closed form, e_i / (1 − h_i). R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)² over
    all columns, ȳ the training mean. The null is the same with the training targets dealt out anew, on average over
    ``permutations``. An R² below −1 counts as −1. Moving, rotating or scaling the embedding changes nothing. NaN with
    fewer than 4 documents on either side, or where no target varies; 0 for a constant embedding.
    """
    if min(len(train), len(test)) < MIN_DOCS:
        return math.nan
    mean, scale = column_moments(train_targets)
    known, wanted = ((x - mean) / scale for x in (train_targets, test_targets))
    varies = known.std(axis=0) > 0.5
    known, wanted = known[:, varies], wanted[:, varies]
    total = float((wanted**2).sum())
    if not total:
        return math.nan
    ridge = _Ridge(train, test)

    def explained(targets: Floats) -> float:
        return max(WORST, 1 - float(((wanted - ridge.predict(targets)) ** 2).sum()) / total)

    null = [explained(known[rng.permutation(len(known))]) for _ in range(permutations)]
    return explained(known) - float(np.mean(null))


def dominance(audio: float, text: float) -> float:
    """(R²_a − R²_t) / (R²_a + R²_t), each R² at least 0: 1 is audio alone, −1 text alone, 0 balance.

    The R² may be those of the modalities' inputs or, on synthetic data, of their true latents. NaN where one of them
    is, and where both are below .01: then there is nothing to divide.
    """
    if not math.isfinite(audio + text) or max(audio, text) < FLOOR:
        return math.nan
    first, second = max(audio, 0.0), max(text, 0.0)
    return (first - second) / (first + second)
