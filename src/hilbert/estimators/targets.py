"""Labels and groups of a fit, checked and as numbers, with the inner folds on which everything is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import InputError
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds

Ints = NDArray[np.int64]
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
