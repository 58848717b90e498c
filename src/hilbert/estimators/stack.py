"""Any classifiers side by side: their logits are mixed and calibrated on documents that they had not seen."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from hilbert.errors import InputError
from hilbert.estimators.base import BagClassifier, Decide, Floats, Targets, class_costs
from hilbert.estimators.linear import AudioLR, TextLR
from hilbert.estimators.mixture import Mixture
from hilbert.splits import Labels

FLOOR = 1e-6  # of a probability: a forest's may be 0, of which no logarithm can be mixed


class Stack(BagClassifier):
    """One positive weight a member and an offset a class (``Mixture``); of one member, its calibration alone.

    members: name → unfitted scikit-learn classifier, with logits or at least probabilities. A member is fitted on all
    documents and, for the mixture, on inner grouped folds, unless it says itself what it found there, as the models of
    this package do: ``out_of_fold_`` (docs, classes), and ``raw_logits(X)`` of the same kind. After ``fit``:
    ``members_`` and ``mixture_``; ``shares_``, name → share of the member in the logits.
    """

    def __init__(self, members: Mapping[str, Any], seed: int = 0, folds: int = 3, decide: Decide = "balanced") -> None:
        self.members = members
        self.seed = seed
        self.folds = folds
        self.decide = decide

    def fit(self, X: Any, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on documents that all have a label. Raises InputError and UsageError as the members' own ``fit``."""
        targets = Targets.of(y, groups, len(X), self.folds, self.seed)
        if len(targets.labelled) < len(X):
            raise InputError(f"labels: expected one for each of {len(X)} documents, found {len(targets.labelled)}")
        self.classes_, self.prior_ = targets.classes, targets.prior
        class_costs(self.decide, self.classes_, self.prior_)  # so that a wrong one is found before the training
        everyone = np.arange(len(X))
        labels, names = np.asarray(y, dtype=object), None if groups is None else np.asarray(groups, dtype=object)

        def fitted(member: Any, rows: Any) -> Any:
            model = clone(member)
            known = model.get_params(deep=False)
            own = {"seed": self.seed, "random_state": self.seed, "folds": self.folds}
            model.set_params(**{name: value for name, value in own.items() if name in known})
            takes = names is not None and "groups" in inspect.signature(model.fit).parameters
            with_groups = {"groups": names[rows]} if takes and names is not None else {}
            return model.fit(X[rows], labels[rows].tolist(), **with_groups)

        def out_of_fold(member: Any, model: Any) -> Floats:
            if hasattr(model, "out_of_fold_"):
                return np.asarray(model.out_of_fold_, dtype=np.float64)
            table = np.full((len(X), len(self.classes_)), np.nan)
            for train, test in targets.folds:
                table[test] = self._aligned(fitted(member, train), X[test])
            return table

        self.members_ = {name: fitted(member, everyone) for name, member in self.members.items()}
        tables = [out_of_fold(self.members[name], model) for name, model in self.members_.items()]
        self.mixture_ = Mixture.fit(tables, targets.known)
        self.shares_ = dict(zip(self.members_, self.mixture_.shares.tolist(), strict=True))
        return self

    def _logits(self, X: Any) -> Floats:
        return self.mixture_([self._aligned(model, X) for model in self.members_.values()])

    def _aligned(self, model: Any, X: Any) -> Floats:
        """A member's logits with a column for each class, −∞ for one that it did not know."""
        if hasattr(model, "raw_logits"):
            found = model.raw_logits(X)
        elif hasattr(model, "decision_function"):
            found = model.decision_function(X)
        else:
            found = np.log(np.maximum(model.predict_proba(X), FLOOR))
        own = np.asarray(found, dtype=np.float64)
        if own.ndim == 1:
            own = np.stack([-own / 2, own / 2], axis=1)
        table = np.full((len(own), len(self.classes_)), -np.inf)
        table[:, np.searchsorted(self.classes_, model.classes_)] = own
        return table


class LateStack(Stack):
    """`late-stack`: audio and text are judged apart, and only the two judgements are combined."""

    version = 2

    def __init__(self, seed: int = 0, folds: int = 3, decide: Decide = "balanced") -> None:
        super().__init__({"audio": AudioLR(), "text": TextLR()}, seed, folds, decide)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return ["decide", "folds", "seed"]
