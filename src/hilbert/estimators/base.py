"""What every classifier of the package shares: scikit-learn's face over bags, and how it decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.errors import InputError
from hilbert.estimators.decisions import Decide, class_costs, decide_classes
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class BagClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier over bags: subclasses give ``fit``, which sets ``classes_`` and ``prior_``, and logits.

    ``version`` is raised when the same options would give other predictions, so that stored ones are not mixed
    with new ones; ``space`` holds the values of the options that a search may try.
    """

    version: ClassVar[int] = 1
    space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    decide: Decide = "balanced"
    classes_: NDArray[Any]
    prior_: Floats

    @abstractmethod
    def _logits(self, X: Bags) -> Floats:
        """Logits (docs, classes), in the order of ``classes_``."""

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes) in float64, in the order of ``classes_``; of two (docs,), of the second one."""
        check_is_fitted(self, "classes_")
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes), in the order of ``classes_``."""
        check_is_fitted(self, "classes_")
        return softmax(self._logits(X))

    def predict(self, X: Bags) -> NDArray[Any]:
        """The class that is decided for each document, as ``decide`` says; not always the most probable one."""
        proba = self.predict_proba(X)  # which says so when there are no classes yet
        decided: NDArray[Any] = self.classes_[self.decided(proba)]
        return decided

    def decided(self, proba: Floats) -> Ints:
        """(docs,) numbers of the classes that are decided for by probabilities (docs, classes) of this model."""
        return decide_classes(proba, class_costs(self.decide, self.classes_, self.prior_))


def check_bags(X: Any) -> None:
    """Raise InputError for anything but bags."""
    if not isinstance(X, Bags):
        raise InputError(f"expected hilbert.Bags (from a feature store), found {type(X).__name__}")
