"""Logistic regression on pooled, block-scaled features: the baseline `concat-lr`, and HILBERT's linear core."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags, Packed
from hilbert.metrics import within_fold_auc
from hilbert.model.pooled import MAX_COMPONENTS, PooledBlocks, pool

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Folds = Sequence[tuple[Ints, Ints]]

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-6, 7))  # C from 1e-3 to 1e3
COMPONENTS = (32, MAX_COMPONENTS)
MAX_STEPS = 500


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
        regression = LogisticRegression(
            C=strength, class_weight="balanced", solver="newton-cg", max_iter=MAX_STEPS, tol=1e-6
        )
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

    @classmethod
    def final(cls, x: Floats, target: Ints, classes: int, strength: float) -> LogisticMap:
        """The same for a C that was chosen: one that did not converge is used, with a ConvergenceWarning."""
        from sklearn.exceptions import ConvergenceWarning

        found = cls.fit(x, target, classes, strength)
        if not found.converged:
            said = f"logistic regression with C = {strength:g} stopped after {MAX_STEPS} steps, before it had converged"
            warnings.warn(said, ConvergenceWarning, stacklevel=2)
        return found

    def __call__(self, x: Floats) -> Floats:
        """Logits (docs, classes)."""
        logits: Floats = x @ self.weights + self.bias
        return logits


@dataclass(frozen=True, eq=False)
class Choice:
    """The setting that was best on inner folds: its number, its AUC and its out-of-fold logits (docs, classes).

    ``fold_of``: (docs,) the inner fold that tested a document, -1 and logits NaN where none did.
    """

    index: int
    score: float
    out_of_fold: Floats
    fold_of: Ints


def choose(logits_of: Callable[[Ints, Ints], Floats], target: Ints, classes: int, folds: Folds) -> Choice:
    """The setting with the best within-fold macro AUC; the first of equals, so order settings from simple to rich.

    ``logits_of(train, test)`` fits every setting on the documents ``train`` and gives logits
    (settings, test documents, classes). ``target``: (docs,) class numbers; ``folds``: inner (train, test) indices.
    """
    docs = len(target)
    fold_of = np.full(docs, -1)
    parts = []
    for number, (train, test) in enumerate(folds):
        fold_of[test] = number
        parts.append(logits_of(train, test))
    table = np.full((len(parts[0]), docs, classes), np.nan)
    for (_, test), part in zip(folds, parts, strict=True):
        table[:, test] = part
    return best_of(table, target, fold_of)


def best_of(table: Floats, target: Ints, fold_of: Ints) -> Choice:
    """The same from the out-of-fold logits of every setting, (settings, docs, classes)."""
    tested, classes = fold_of >= 0, np.arange(table.shape[2])
    scores = [within_fold_auc(target[tested], softmax(logits[tested]), fold_of[tested], classes) for logits in table]
    best = int(np.argmax(np.nan_to_num(scores)))
    return Choice(best, float(scores[best]), table[best], fold_of)


@dataclass
class LinearCore:
    """Block scaling, PCA size and C chosen on inner folds by within-fold macro AUC, then fitted on all.

    ``pooling`` makes one vector a document of its segments, (docs, features), NaN where unknown.
    After ``fit``: ``out_of_fold`` holds the inner out-of-fold logits of the chosen setting (docs, classes),
    NaN for documents that no inner fold tested; ``chosen`` the setting; ``score`` its AUC.
    """

    modalities: tuple[str, ...] = ("audio", "text")
    components: tuple[int, ...] = COMPONENTS
    strengths: tuple[float, ...] = STRENGTHS
    pooling: Callable[[Packed], Floats] = pool
    chosen: dict[str, float] = field(default_factory=dict)

    def fit(self, bags: Bags, target: Ints, classes: int, folds: Folds) -> LinearCore:
        """``target``: (docs,) class numbers; ``folds``: inner (train, test) index arrays."""
        pooled = self._pooled(bags)
        sizes = sorted({max(1, min(size, len(bags) // 2)) for size in self.components})
        settings = list(product(sizes, self.strengths))  # fewest components, then smallest C first

        def logits_of(train: Ints, test: Ints) -> Floats:
            found = []
            for size in sizes:
                blocks = PooledBlocks.fit_pooled([x[train] for x in pooled], self.modalities, size)
                inner, outer = (np.hstack(blocks.transform_pooled([x[i] for x in pooled])) for i in (train, test))
                found += [LogisticMap.fit(inner, target[train], classes, c)(outer) for c in self.strengths]
            return np.stack(found)

        best = choose(logits_of, target, classes, folds)
        self.out_of_fold, self.score, self.fold_of = best.out_of_fold, best.score, best.fold_of
        size, strength = settings[best.index]
        self.chosen = {"components": size, "C": strength}
        self.blocks = PooledBlocks.fit_pooled(pooled, self.modalities, size)
        self.map = LogisticMap.final(np.hstack(self.blocks.transform_pooled(pooled)), target, classes, strength)
        return self

    def logits(self, bags: Bags) -> Floats:
        """Logits (docs, classes) in float64."""
        return self.map(np.hstack(self.inputs(bags)))

    def inputs(self, bags: Bags) -> list[Floats]:
        """What the regression sees of each modality, (docs, components)."""
        return self.blocks.transform_pooled(self._pooled(bags))

    def distances(self, bags: Bags) -> dict[str, Floats]:
        """How far documents lie from the training ones, (docs,) of each modality, as ``Block.distance`` says."""
        parts = zip(self.modalities, self.blocks.blocks, self._pooled(bags), strict=True)
        return {modality: block.distance(pooled) for modality, block, pooled in parts}

    def _pooled(self, bags: Bags) -> list[Floats]:
        return [self.pooling(getattr(bags, modality)) for modality in self.modalities]

    def arrays(self) -> dict[str, Floats]:
        """Everything that prediction needs, for saving."""
        return self.blocks.arrays() | {"weights": self.map.weights, "bias": self.map.bias}

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, Floats], modalities: Sequence[str], pooling: Callable[[Packed], Floats] = pool
    ) -> LinearCore:
        """Rebuild from ``arrays()``, for prediction; ``pooling`` is not in them and has to be the same again."""
        core = cls(tuple(modalities), pooling=pooling)
        core.blocks = PooledBlocks.from_arrays(arrays, modalities)
        core.map = LogisticMap(arrays["weights"], arrays["bias"])
        return core


def softmax(logits: Floats) -> Floats:
    """Probabilities (docs, classes) of logits, −∞ allowed."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities
