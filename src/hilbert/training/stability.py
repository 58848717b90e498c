"""The choice of how strongly document vectors are weighted by their stability, and what they say without training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.model.build import VectorInputs
from hilbert.model.documents import DocumentVectors
from hilbert.model.linear import Folds
from hilbert.training.fit import Prepared
from hilbert.training.heads import InnerFold, LogisticHead

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-1, 4))  # C from 0.3 to 30


class VectorReadout:
    """Logistic regression on scaled document vectors: HILBERT without its network.

    Inner folds choose C and the strength of stability by within-fold macro AUC, the first strength of equals.
    After ``fit``: ``strength`` (of stability) and ``scores``, the inner AUC by strength.
    """

    head: LogisticHead
    strength: float

    def fit(
        self,
        prepared: Prepared,
        choices: Sequence[float],
        bags: Bags,
        target: Ints,
        labelled: Ints,
        folds: Folds,
        classes: int,
    ) -> Prepared:
        """Choose, fit on all labelled documents and return ``prepared`` with the chosen strength.

        target: (docs,) class numbers; labelled: rows; folds: inner (train, test) places among ``labelled``.
        """
        known = target[labelled]
        self.scores: dict[float, float] = {}
        for strength in choices:
            candidate = prepared.scaled(strength, bags)
            x = self._rows(candidate)[labelled]
            head = LogisticHead(STRENGTHS)
            inner = [InnerFold(x[train], known[train], x[test], known[test], test) for train, test in folds]
            head.select(inner, len(labelled), classes, 0)
            self.scores[strength] = head.score
            if len(self.scores) == 1 or head.score > self.scores[self.strength]:
                self.strength, self.head, chosen, best = strength, head, candidate, x
        self.head.fit(best, known, classes, 0)
        return chosen

    @staticmethod
    def _rows(prepared: Prepared) -> Floats:
        assert prepared.vectors is not None
        assert isinstance(prepared.inputs, VectorInputs)
        return np.hstack(prepared.inputs.scale(prepared.vectors))

    @classmethod
    def of(cls, head: LogisticHead) -> VectorReadout:
        """From a fitted head, for prediction."""
        readout = cls()
        readout.head = head
        return readout

    def logits(self, inputs: VectorInputs, vectors: DocumentVectors) -> Floats:
        """(docs, classes) of other documents, by their vectors of ``inputs.documents``."""
        return self.head.logits(np.hstack(inputs.scale(vectors)))
