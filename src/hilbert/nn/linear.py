"""Logistic regression whose strength inner folds choose: on pooled, block-scaled features, or on vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hilbert.metrics import within_fold_auc
from hilbert.nn.pooled import MAX_COMPONENTS, PooledBlocks

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


@dataclass(eq=False)
class PooledLogistic:
    """Block scaling, PCA size and C chosen on inner folds by within-fold macro AUC, then fitted on all.

    Fitted on one array a modality, (docs, features) each, NaN where unknown, as ``pool`` makes them. ``out_of_fold``:
    inner out-of-fold logits of the chosen setting (docs, classes), NaN where no inner fold tested; ``chosen``: the
    setting. One that was read from a file has neither.
    """

    blocks: PooledBlocks
    map: LogisticMap
    out_of_fold: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    chosen: dict[str, float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        pooled: Sequence[Floats],
        target: Ints,
        classes: int,
        folds: Folds,
        components: Sequence[int] = COMPONENTS,
        strengths: Sequence[float] = STRENGTHS,
    ) -> PooledLogistic:
        """``target``: (docs,) class numbers; ``folds``: inner (train, test) index arrays."""
        names = [str(number) for number in range(len(pooled))]
        sizes = sorted({max(1, min(size, len(target) // 2)) for size in components})
        settings = list(product(sizes, strengths))  # fewest components, then smallest C first

        def logits_of(train: Ints, test: Ints) -> Floats:
            found = []
            for size in sizes:
                blocks = PooledBlocks.fit_pooled([x[train] for x in pooled], names, size)
                inner, outer = (np.hstack(blocks.transform_pooled([x[i] for x in pooled])) for i in (train, test))
                found += [LogisticMap.fit(inner, target[train], classes, c)(outer) for c in strengths]
            return np.stack(found)

        best = choose(logits_of, target, classes, folds)
        size, strength = settings[best.index]
        blocks = PooledBlocks.fit_pooled(pooled, names, size)
        rows = np.hstack(blocks.transform_pooled(pooled))
        fitted = LogisticMap.final(rows, target, classes, strength)
        return cls(blocks, fitted, best.out_of_fold, {"components": size, "C": strength})

    def __call__(self, pooled: Sequence[Floats]) -> Floats:
        """Logits (docs, classes)."""
        return self.map(np.hstack(self.blocks.transform_pooled(pooled)))

    def distances(self, pooled: Sequence[Floats]) -> list[Floats]:
        """How far documents lie from the training ones, (docs,) of each modality, as ``Block.distance`` says."""
        return [block.distance(x) for block, x in zip(self.blocks.blocks, pooled, strict=True)]

    def arrays(self) -> dict[str, Floats]:
        """Everything that prediction needs, for saving."""
        return self.blocks.arrays() | {"weights": self.map.weights, "bias": self.map.bias}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> PooledLogistic:
        """Rebuild from ``arrays()``, for prediction."""
        names = sorted({key.partition(".")[0] for key in arrays if "." in key})
        return cls(PooledBlocks.from_arrays(arrays, names), LogisticMap(arrays["weights"], arrays["bias"]))


@dataclass(eq=False)
class VectorLogistic:
    """Logistic regression on vectors (docs, width), centred and divided by one constant; C chosen on inner folds.

    Columns are not standardised: a vector's directions differ in weight for a reason. ``out_of_fold`` and ``strength``
    (C) as in ``PooledLogistic``.
    """

    centre: Floats
    power: float
    map: LogisticMap
    out_of_fold: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    strength: float = float("nan")

    @classmethod
    def fit(
        cls,
        x: Floats,
        target: Ints,
        classes: int,
        folds: Folds,
        strengths: Sequence[float] = STRENGTHS,
        inner: Sequence[Floats] | None = None,
    ) -> VectorLogistic:
        """Choose C on ``folds``, fit on all. ``inner``: the vectors (docs, width) that each fold has, if not ``x``."""
        number = {train.tobytes(): place for place, (train, _) in enumerate(folds)}

        def logits_of(train: Ints, test: Ints) -> Floats:
            own = x if inner is None else inner[number[train.tobytes()]]
            centre, power = _centre(own[train])
            rows, others = ((own[part] - centre) / power for part in (train, test))
            return np.stack([LogisticMap.fit(rows, target[train], classes, c)(others) for c in strengths])

        best = choose(logits_of, target, classes, folds)
        centre, power = _centre(x)
        fitted = LogisticMap.final((x - centre) / power, target, classes, strengths[best.index])
        return cls(centre, power, fitted, best.out_of_fold, strengths[best.index])

    def __call__(self, x: Floats) -> Floats:
        """Logits (docs, classes)."""
        return self.map((x - self.centre) / self.power)

    def after(self, matrix: Floats) -> VectorLogistic:
        """The same logits from vectors before x ↦ x ``matrix``, (inputs, width): the map goes into the weights."""
        weights = matrix @ self.map.weights / self.power
        known = np.isfinite(self.map.bias)
        moved = np.where(known, self.map.bias - self.centre @ self.map.weights / self.power, self.map.bias)
        inner = LogisticMap(weights, moved, self.map.converged)
        return replace(self, centre=np.zeros(len(matrix)), power=1.0, map=inner)

    def arrays(self) -> dict[str, Floats]:
        """Everything that prediction needs, for saving."""
        return {
            "centre": self.centre,
            "power": np.array([self.power]),
            "weights": self.map.weights,
            "bias": self.map.bias,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> VectorLogistic:
        """Rebuild from ``arrays()``, for prediction."""
        return cls(arrays["centre"], float(arrays["power"][0]), LogisticMap(arrays["weights"], arrays["bias"]))


def _centre(z: Floats) -> tuple[Floats, float]:
    """The mean row, and the constant that makes the mean squared row norm 1."""
    centre = z.mean(axis=0)
    power = float(np.sqrt(((z - centre) ** 2).sum(axis=1).mean()))
    return centre, power if power > 0 else 1.0


def softmax(logits: Floats) -> Floats:
    """Probabilities (docs, classes) of logits, −∞ allowed."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities
