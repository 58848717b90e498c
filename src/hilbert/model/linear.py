"""Logistic regression on pooled, block-scaled features: the baseline `concat-lr`, and HILBERT's linear core."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.model.pooled import MAX_COMPONENTS, PooledBlocks, pool

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Folds = Sequence[tuple[Ints, Ints]]

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-6, 7))  # C from 1e-3 to 1e3
COMPONENTS = (32, MAX_COMPONENTS)


@dataclass(frozen=True)
class LogisticMap:
    """Fitted multinomial logistic regression: logits = x W + b; W (features, classes), b (classes,)."""

    weights: Floats
    bias: Floats
    converged: bool = True

    @classmethod
    def fit(cls, x: Floats, target: Ints, classes: int, strength: float) -> LogisticMap:
        """L2-penalised, balanced class weights, C = strength. A class without documents gets logit −∞."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        present = np.unique(target)
        weights, bias = np.zeros((x.shape[1], classes)), np.full(classes, -np.inf)
        if len(present) == 1:
            bias[present] = 0.0
            return cls(weights, bias)
        regression = LogisticRegression(C=strength, class_weight="balanced", solver="newton-cg", max_iter=500, tol=1e-6)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            regression.fit(x, target)
        unconverged = any(issubclass(w.category, ConvergenceWarning) for w in caught)
        coefficients, intercept = regression.coef_, regression.intercept_
        if len(present) == 2:  # scikit-learn keeps one row, the second class's log-odds
            coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
            intercept = np.concatenate([-intercept / 2, intercept / 2])
        weights[:, present], bias[present] = coefficients.T, intercept
        return cls(weights, bias, not unconverged)

    def __call__(self, x: Floats) -> Floats:
        """Logits (docs, classes)."""
        logits: Floats = x @ self.weights + self.bias
        return logits


@dataclass
class LinearCore:
    """Block scaling, PCA size and C chosen on inner folds by within-fold macro AUC, then fitted on all.

    After ``fit``: ``out_of_fold`` holds the inner out-of-fold logits of the chosen setting (docs, classes),
    NaN for documents that no inner fold tested; ``chosen`` the setting; ``score`` its AUC.
    """

    modalities: tuple[str, ...] = ("audio", "text")
    components: tuple[int, ...] = COMPONENTS
    strengths: tuple[float, ...] = STRENGTHS
    chosen: dict[str, float] = field(default_factory=dict)

    def fit(self, bags: Bags, target: Ints, classes: int, folds: Folds) -> LinearCore:
        """``target``: (docs,) class numbers; ``folds``: inner (train, test) index arrays."""
        pooled = [pool(getattr(bags, modality)) for modality in self.modalities]
        sizes = sorted({max(1, min(size, len(bags) // 2)) for size in self.components})
        settings = list(product(sizes, self.strengths))
        table = np.full((len(settings), len(bags), classes), np.nan)
        fold_of = np.full(len(bags), -1)
        for number, (train, test) in enumerate(folds):
            fold_of[test] = number
            for size in sizes:
                blocks = PooledBlocks.fit_pooled([x[train] for x in pooled], self.modalities, size)
                inner, outer = (np.hstack(blocks.transform_pooled([x[i] for x in pooled])) for i in (train, test))
                for row, setting in enumerate(settings):
                    if setting[0] == size:
                        table[row, test] = LogisticMap.fit(inner, target[train], classes, setting[1])(outer)
        tested = fold_of >= 0
        scores = [
            within_fold_auc(target[tested], softmax(logits[tested]), fold_of[tested], np.arange(classes))
            for logits in table
        ]
        best = int(np.argmax(np.nan_to_num(scores)))  # the first of equals: fewest components, smallest C
        self.out_of_fold, self.score, self.fold_of = table[best], float(scores[best]), fold_of
        self.chosen = {"components": settings[best][0], "C": settings[best][1]}
        self.blocks = PooledBlocks.fit_pooled(pooled, self.modalities, int(settings[best][0]))
        self.map = LogisticMap.fit(np.hstack(self.blocks.transform_pooled(pooled)), target, classes, settings[best][1])
        return self

    def logits(self, bags: Bags) -> Floats:
        """Logits (docs, classes) in float64."""
        return self.map(np.hstack(self.blocks(bags)))

    def arrays(self) -> dict[str, Floats]:
        """Everything that prediction needs, for saving."""
        return self.blocks.arrays() | {"weights": self.map.weights, "bias": self.map.bias}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats], modalities: Sequence[str]) -> LinearCore:
        """Rebuild from ``arrays()``, for prediction."""
        core = cls(tuple(modalities))
        core.blocks = PooledBlocks.from_arrays(arrays, modalities)
        core.map = LogisticMap(arrays["weights"], arrays["bias"])
        return core


def softmax(logits: Floats) -> Floats:
    """Probabilities (docs, classes) of logits, −∞ allowed."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities
