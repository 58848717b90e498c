"""`prior`: the class shares of the training documents, whatever the document."""

from __future__ import annotations

from typing import Self

import numpy as np

from hilbert.baselines.base import Baseline, Floats
from hilbert.features.bags import Bags
from hilbert.splits import Labels


class Prior(Baseline):
    """Its within-fold AUC is exactly one half: what is above it, is above chance."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Count the classes; ``groups`` and ``seed`` change nothing."""
        target = self._begin(X, y)
        self.shares_ = np.bincount(target, minlength=len(self.classes_)) / len(target)
        return self

    def predict_proba(self, X: Bags) -> Floats:
        """The same shares for each document, (docs, classes)."""
        self._check()
        return np.tile(self.shares_, (len(X), 1))
