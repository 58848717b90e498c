"""`late-mean`, `late-stack`: audio and text are judged apart, and only the two judgements are combined."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np

from hilbert.baselines.base import Floats, LogitBaseline
from hilbert.baselines.calibration import fit_temperature
from hilbert.features.bags import Bags
from hilbert.nn.linear import STRENGTHS, Folds, Ints, LinearCore, LogisticMap, choose
from hilbert.splits import Labels, inner_folds

MODALITIES = ("audio", "text")


class _Late(LogitBaseline):
    """`audio-lr` and `text-lr` on the same inner folds, each with a temperature fitted out of fold.

    After ``fit``: ``cores_`` and ``temperatures_``, one a modality; ``inner_logits_`` the calibrated inner
    out-of-fold logits, (modalities, docs, classes), the only ones that anything is fitted on.
    """

    def __init__(self, seed: int = 0, folds: int = 3) -> None:
        self.seed = seed
        self.folds = folds

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds."""
        target = self._begin(X, y)
        inner = inner_folds(target, groups, self.folds, self.seed)
        self.cores_ = [LinearCore((name,)).fit(X, target, len(self.classes_), inner) for name in MODALITIES]
        self.temperatures_ = [fit_temperature(core.out_of_fold, target) for core in self.cores_]
        self.inner_logits_ = self._calibrated([core.out_of_fold for core in self.cores_])
        self._combine(target, inner)
        return self

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes)."""
        self._check()
        return self._combined(self._calibrated([core.logits(X) for core in self.cores_]))

    def _calibrated(self, logits: list[Floats]) -> Floats:
        return np.stack([values / t for values, t in zip(logits, self.temperatures_, strict=True)])

    @abstractmethod
    def _combine(self, target: Ints, inner: Folds) -> None:
        """Fit what combines the two, on ``inner_logits_``."""

    @abstractmethod
    def _combined(self, logits: Floats) -> Floats:
        """(modalities, docs, classes) → (docs, classes)."""


class LateMean(_Late):
    """The mean of the two calibrated logits: the product rule of Kittler et al. 1998, "On combining classifiers"."""

    def _combine(self, target: Ints, inner: Folds) -> None:
        pass  # a mean has nothing to fit

    def _combined(self, logits: Floats) -> Floats:
        mean: Floats = logits.mean(axis=0)
        return mean


class LateStack(_Late):
    """Multinomial logistic regression on the two logits (Wolpert 1992, "Stacked generalization"; Ting & Witten 1999).

    It is fitted on inner out-of-fold logits, its C is chosen on the same inner folds, and it is then applied to
    the logits of models fitted on all training documents. After ``fit``: ``stack_`` and ``chosen_``.
    """

    def _combine(self, target: Ints, inner: Folds) -> None:
        x, classes = _beside(self.inner_logits_), len(self.classes_)

        def logits_of(train: Ints, test: Ints) -> Floats:
            return np.stack([LogisticMap.fit(x[train], target[train], classes, c)(x[test]) for c in STRENGTHS])

        best = choose(logits_of, target, classes, inner)
        self.chosen_ = {"C": STRENGTHS[best.index]}
        self.stack_ = LogisticMap.final(x, target, classes, self.chosen_["C"])

    def _combined(self, logits: Floats) -> Floats:
        return self.stack_(_beside(logits))


def _beside(logits: Floats) -> Floats:
    """(docs, modalities × classes); a class that a fold could not know (-∞) is put at 0, the mean of logits."""
    return np.hstack(list(np.where(np.isfinite(logits), logits, 0.0)))
