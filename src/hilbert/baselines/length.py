"""`length`: what the length of a recording says by itself."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from hilbert.baselines.base import Baseline, Floats
from hilbert.features.bags import Bags
from hilbert.splits import Labels


class Length(Baseline):
    """`length`: logistic regression on segment counts and duration alone; what it reaches needs no content."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; ``groups`` and ``seed`` change nothing."""
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        target = self._begin(X, y)
        self.pipeline_: Any = make_pipeline(
            SimpleImputer(keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(class_weight="balanced", max_iter=2000),
        ).fit(lengths(X), target)
        return self

    def _logits(self, X: Bags) -> Floats:
        logarithms: Floats = self.pipeline_.predict_log_proba(lengths(X))
        return logarithms


def lengths(bags: Bags) -> Floats:
    """(docs, 6): audio segments, text segments and seconds, each also as its logarithm."""
    raw = np.stack([bags.audio.lengths, bags.text.lengths, bags.duration], axis=1).astype(np.float64)
    return np.concatenate([raw, np.log1p(raw)], axis=1)
