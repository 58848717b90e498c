"""What every baseline shares: a classifier over bags that is fitted with class weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hilbert.errors import InputError
from hilbert.estimators.base import BagClassifier, Decide, Floats, Ints, Targets, check_bags
from hilbert.features.bags import Bags
from hilbert.splits import Labels, encode_labels


class Baseline(BagClassifier):
    """A classifier over bags: subclasses give ``fit`` and logits.

    Every class weighs the same in its fit, however rare, so that the class with the highest logit is already the
    balanced decision; its probabilities are those of classes that are equally frequent.
    """

    decide: Decide = "probable"
    uses_unlabelled: ClassVar[bool] = False

    def _begin(self, bags: Bags, y: Labels) -> Ints:
        """Set ``classes_`` and ``prior_``; class numbers (docs,), as every document needs a label here."""
        check_bags(bags)
        classes, target = encode_labels(np.asarray(y, dtype=object).tolist())
        _require_labels(len(bags), int((target >= 0).sum()) if len(target) == len(bags) else len(target))
        if len(classes) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in classes]}")
        self.classes_, self.prior_ = classes, np.bincount(target, minlength=len(classes)) / len(target)
        return target

    def _targets(self, bags: Bags, y: Labels, groups: Labels | None, folds: int, seed: int) -> Targets:
        """The same with inner folds; a document may lack a label where the baseline ``uses_unlabelled``."""
        check_bags(bags)
        targets = Targets.of(y, groups, len(bags), folds, seed)
        if not self.uses_unlabelled:
            _require_labels(len(bags), len(targets.labelled))
        self.classes_, self.prior_ = targets.classes, targets.prior
        return targets


def _require_labels(docs: int, found: int) -> None:
    if found != docs:
        raise InputError(f"labels: expected one for each of {docs} documents, found {found}")


__all__ = ["Baseline", "Floats", "Ints"]
