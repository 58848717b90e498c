"""What every baseline shares: scikit-learn's face over bags."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.errors import InputError
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax
from hilbert.splits import Labels, encode_labels

Floats = NDArray[np.float64]


class Baseline(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier over bags: subclasses give ``fit`` and ``predict_proba``.

    ``version`` is raised when the same options would give other predictions, so that stored ones are not mixed
    with new ones; ``space`` holds the values of the options that the benchmark's tuning tries.
    """

    version: ClassVar[int] = 1
    space: ClassVar[Mapping[str, Sequence[Any]]] = {}

    def _begin(self, bags: Bags, y: Labels) -> NDArray[np.int64]:
        """Set ``classes_`` and return class numbers; every document needs a label here."""
        self.classes_, target = encode_labels(np.asarray(y, dtype=object).tolist())
        if len(target) != len(bags) or (target < 0).any():
            raise InputError(
                f"labels: expected one for each of {len(bags)} documents, found {int((target >= 0).sum())}"
            )
        if len(self.classes_) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in self.classes_]}")
        return target

    def _check(self) -> None:
        check_is_fitted(self, "classes_")

    @abstractmethod
    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes), in the order of ``classes_``."""

    def predict(self, X: Bags) -> NDArray[Any]:
        """The most probable class of each document."""
        proba = self.predict_proba(X)  # which says so when there are no classes yet
        winners: NDArray[Any] = self.classes_[proba.argmax(axis=1)]
        return winners


class LogitBaseline(Baseline):
    """A baseline whose probabilities are the softmax of its logits."""

    @abstractmethod
    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes), in the order of ``classes_``."""

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes)."""
        return softmax(self.decision_function(X))
