"""`seq-lr`: `concat-lr` that is also told how a document moves from segment to segment."""

from __future__ import annotations

from hilbert.baselines.base import Floats
from hilbert.estimators.linear import LinearClassifier
from hilbert.features.bags import Packed
from hilbert.nn.pooled import ordered_pool


class SeqLR(LinearClassifier):
    """Logistic regression on mean, spread and order statistics of both modalities; chosen like `concat-lr`.

    What it gains over `concat-lr` lies in the order and the extremes of the segments.
    """

    def _pool(self, packed: Packed) -> Floats:
        return ordered_pool(packed)
