"""`prior`: the class shares of the training documents, whatever the document."""

from __future__ import annotations

from typing import Self

import numpy as np

from hilbert.baselines.base import Baseline, Floats
from hilbert.features.bags import Bags
from hilbert.splits import Labels


class Prior(Baseline):
    """Its within-fold AUC is exactly one half: what is above it, is above chance.

    It alone has no class weights: its probabilities are ``prior_``, and it decides for the most frequent class.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Count the classes; ``groups`` and ``seed`` change nothing."""
        self._begin(X, y)
        return self

    def _logits(self, X: Bags) -> Floats:
        return np.tile(np.log(self.prior_), (len(X), 1))
