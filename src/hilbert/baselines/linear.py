"""`audio-lr`, `text-lr`, `concat-lr`: logistic regression on pooled, block-scaled features."""

from __future__ import annotations

from typing import ClassVar, Self

from hilbert.baselines.base import Baseline, Floats
from hilbert.features.bags import Bags
from hilbert.model.linear import LinearCore, softmax
from hilbert.splits import Labels, inner_folds


class _Linear(Baseline):
    """Block scaling, PCA size and C are chosen on inner grouped folds, as in HILBERT's linear core."""

    modalities: ClassVar[tuple[str, ...]]

    def __init__(self, seed: int = 0, folds: int = 3) -> None:
        self.seed = seed
        self.folds = folds

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds."""
        target = self._begin(X, y)
        inner = inner_folds(target, groups, self.folds, self.seed)
        self.core_ = LinearCore(self.modalities).fit(X, target, len(self.classes_), inner)
        return self

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes)."""
        self._check()
        return self.core_.logits(X)

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes)."""
        return softmax(self.decision_function(X))


class AudioLR(_Linear):
    """What the audio features say, linearly."""

    modalities = ("audio",)


class TextLR(_Linear):
    """What the text features say, linearly."""

    modalities = ("text",)


class ConcatLR(_Linear):
    """Both modalities side by side: the honest baseline that every other model has to beat."""

    modalities = ("audio", "text")
