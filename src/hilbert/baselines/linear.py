"""`audio-lr`, `text-lr`, `concat-lr`: logistic regression on pooled, block-scaled features."""

from __future__ import annotations

from typing import ClassVar, Self

from hilbert.baselines.base import Floats, LogitBaseline
from hilbert.features.bags import Bags
from hilbert.nn.linear import LinearCore
from hilbert.splits import Labels, inner_folds


class Linear(LogitBaseline):
    """Block scaling, PCA size and C are chosen on inner grouped folds, as in HILBERT's linear core."""

    modalities: ClassVar[tuple[str, ...]]

    def __init__(self, seed: int = 0, folds: int = 3) -> None:
        self.seed = seed
        self.folds = folds

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds."""
        target = self._begin(X, y)
        inner = inner_folds(target, groups, self.folds, self.seed)
        self.core_ = self._core().fit(X, target, len(self.classes_), inner)
        return self

    def _core(self) -> LinearCore:
        return LinearCore(self.modalities)

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes)."""
        self._check()
        return self.core_.logits(X)


class AudioLR(Linear):
    """What the audio features say, linearly."""

    modalities = ("audio",)


class TextLR(Linear):
    """What the text features say, linearly."""

    modalities = ("text",)


class ConcatLR(Linear):
    """Both modalities side by side: the honest baseline that every other model has to beat."""

    modalities = ("audio", "text")
