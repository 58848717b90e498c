"""`seq-lr`: `concat-lr` that is also told how a document moves from segment to segment."""

from __future__ import annotations

from hilbert.baselines.linear import Linear
from hilbert.nn.linear import LinearCore
from hilbert.nn.order import ordered_pool


class SeqLR(Linear):
    """Logistic regression on mean, spread and order statistics of both modalities; chosen like `concat-lr`.

    What it gains over `concat-lr` lies in the order and the extremes of the segments. ``decision_function``
    and ``predict_proba`` give (docs, classes).
    """

    modalities = ("audio", "text")

    def _core(self) -> LinearCore:
        return LinearCore(self.modalities, pooling=ordered_pool)
