"""What every classifier shares: labels and groups as numbers, scikit-learn's face over bags, and how it decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.errors import InputError, UsageError
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Decide = str | Mapping[Any, float]
DECIDE = ("balanced", "probable")


def class_costs(decide: Decide, classes: NDArray[Any], prior: Floats) -> Floats:
    """(classes,) what it costs to miss a document of each class, by which its probability is multiplied.

    "balanced": one over its share in training (``prior``), so that every class is found alike, however rare;
    "probable": 1, so that the most probable class is said; or a mapping of each class to its cost, in any unit, which
    may name others, too: a rare class may be missing from a training fold. A class that no training document had is
    never said. Raises UsageError for anything else.

    Deciding by expected cost: Elkan 2001, "The foundations of cost-sensitive learning".
    """
    if isinstance(decide, Mapping):
        names = [str(name) for name in classes]
        wrong = UsageError(f"decide: expected a cost above 0 for each of {', '.join(names)}, found {dict(decide)}")
        try:
            costs = {str(name): float(cost) for name, cost in decide.items()}
        except (TypeError, ValueError):
            raise wrong from None
        if not set(costs) >= set(names) or not all(np.isfinite(cost) and cost > 0 for cost in costs.values()):
            raise wrong
        found = np.array([costs[name] for name in names])
    elif decide == "balanced":
        found = np.divide(1.0, prior, out=np.zeros_like(prior), where=prior > 0)
    elif decide == "probable":
        found = np.ones_like(prior)
    else:
        raise UsageError(f"decide: expected {', '.join(DECIDE)} or a cost for each class, found {decide!r}")
    return np.where(prior > 0, found, 0.0)


def decide_classes(proba: Floats, costs: Floats) -> Ints:
    """(docs,) number of the class whose probability times cost is highest; the first of equals.

    proba: (docs, classes); costs: (classes,) of ``class_costs``.
    """
    numbers: Ints = (proba * costs).argmax(axis=1)
    return numbers


Folds = Sequence[tuple[Ints, Ints]]


@dataclass(frozen=True, eq=False)
class Targets:
    """What a classifier is fitted to.

    ``classes``: sorted labels; ``numbers``, ``groups``: (docs,) class (−1: unlabelled) and group of each document;
    ``labelled``: rows with a label; ``folds``: inner (train, test) places among ``labelled``, no group on both sides.
    """

    classes: NDArray[Any]
    numbers: Ints
    groups: Ints
    labelled: Ints
    folds: Folds

    @classmethod
    def of(cls, y: Labels, groups: Labels | None, docs: int, folds: int, seed: int) -> Targets:
        """Raises InputError for labels of another number or fewer than two classes, UsageError for groups likewise."""
        classes, numbers = encode_labels(np.asarray(y, dtype=object).tolist())
        if len(classes) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in classes]}")
        if len(numbers) != docs:
            raise InputError(f"labels: expected one (or None) for each of {docs} documents, found {len(numbers)}")
        group = encode_groups(groups, docs)
        labelled = np.flatnonzero(numbers >= 0)
        names = None if groups is None else np.asarray(groups, dtype=object)[labelled]
        return cls(classes, numbers, group, labelled, inner_folds(numbers[labelled], names, folds, seed))

    @property
    def known(self) -> Ints:
        """(labelled,) class numbers of the labelled documents."""
        return self.numbers[self.labelled]

    @property
    def prior(self) -> NDArray[np.float64]:
        """(classes,) their shares of the labelled documents."""
        return np.bincount(self.known, minlength=len(self.classes)) / len(self.labelled)


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
