"""`audio-lr`, `text-lr`, `concat-lr`: logistic regression on pooled, block-scaled features, calibrated."""

from __future__ import annotations

from typing import ClassVar, Self

from hilbert.errors import InputError
from hilbert.estimators.base import BagClassifier, Decide, Floats, Targets, check_bags, class_costs
from hilbert.estimators.mixture import Mixture
from hilbert.features.bags import Bags, Packed
from hilbert.nn.linear import PooledLogistic
from hilbert.nn.pooled import pool
from hilbert.splits import Labels


class LinearClassifier(BagClassifier):
    """Block scaling, PCA size and C are chosen on inner grouped folds, on which the logits are calibrated, too.

    decide: see ``class_costs``; folds: how many inner folds. After ``fit``: ``model_``, ``calibration_`` and
    ``out_of_fold_``, the inner out-of-fold logits before calibration (docs, classes).
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio", "text")
    version = 2

    def __init__(self, seed: int = 0, folds: int = 3, decide: Decide = "balanced") -> None:
        self.seed = seed
        self.folds = folds
        self.decide = decide

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on documents that all have a label; the seed decides the inner folds.

        Raises InputError for a document without a label or fewer than two classes, UsageError for groups that do not
        fit.
        """
        check_bags(X)
        targets = Targets.of(y, groups, len(X), self.folds, self.seed)
        if len(targets.labelled) < len(X):
            raise InputError(f"labels: expected one for each of {len(X)} documents, found {len(targets.labelled)}")
        self.classes_, self.prior_ = targets.classes, targets.prior
        class_costs(self.decide, self.classes_, self.prior_)  # so that a wrong one is found before the training
        self.model_ = PooledLogistic.fit(self._pooled(X), targets.known, len(self.classes_), targets.folds)
        self.out_of_fold_ = self.model_.out_of_fold
        self.calibration_ = Mixture.fit([self.out_of_fold_], targets.known)
        return self

    def raw_logits(self, X: Bags) -> Floats:
        """Logits (docs, classes) before calibration, of the kind that ``out_of_fold_`` holds."""
        return self.model_(self._pooled(X))

    def _logits(self, X: Bags) -> Floats:
        return self.calibration_([self.raw_logits(X)])

    def _pooled(self, X: Bags) -> list[Floats]:
        return [self._pool(getattr(X, modality)) for modality in self.modalities]

    def _pool(self, packed: Packed) -> Floats:
        """One vector a document, (docs, features), NaN where unknown."""
        return pool(packed)


class AudioLR(LinearClassifier):
    """What the audio features say, linearly."""

    modalities = ("audio",)


class TextLR(LinearClassifier):
    """What the text features say, linearly."""

    modalities = ("text",)


class ConcatLR(LinearClassifier):
    """Both modalities side by side: the honest baseline that every other model has to beat."""
