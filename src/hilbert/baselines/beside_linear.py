"""A method beside a linear model: how much of its logits there is, chosen on inner folds where that is evident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import Folds, PooledLogistic, softmax
from hilbert.nn.pooled import pool

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of the method that are tried beside 0, which is the linear model alone."""


class Judged(NamedTuple):
    """Labelled documents of inner folds, (docs,) each: class number, the fold that tested it, group number."""

    target: Ints
    folds: Ints
    groups: Ints


class Comparison(NamedTuple):
    """Inner AUC of one table of logits, what another gains over it, and the standard error of the gain."""

    start: float
    gain: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class BesideLinear:
    """Logistic regression on both modalities' pooled features, and the share of each of a method's heads beside it."""

    linear: PooledLogistic
    shares: dict[str, float]

    @classmethod
    def fit(
        cls, bags: Bags, target: Ints, groups: Ints, classes: int, folds: Folds, heads: Mapping[str, Floats]
    ) -> BesideLinear:
        """Fit on labelled documents, with class and group numbers (docs,).

        ``heads``: name → inner out-of-fold logits (docs, classes) on the same ``folds``.
        """
        linear = PooledLogistic.fit(_pooled(bags), target, classes, folds)
        fold_of = np.full(len(target), -1)
        for number, (_, test) in enumerate(folds):
            fold_of[test] = number
        judged = Judged(target, fold_of, groups)
        return cls(linear, {n: choose_share(judged, linear.out_of_fold, own, SHARES)[0] for n, own in heads.items()})

    def __call__(self, bags: Bags, heads: Mapping[str, Floats]) -> dict[str, Floats]:
        """Logits (docs, classes) of each head → the same beside the linear model's."""
        linear = self.linear(_pooled(bags))
        return {name: blend(linear, logits, self.shares[name]) for name, logits in heads.items()}


def _pooled(bags: Bags) -> list[Floats]:
    return [pool(bags.audio), pool(bags.text)]


def blend(first: Floats, second: Floats, share: float) -> Floats:
    """(1 − share) first + share second, logits (docs, classes): one of them alone at 0 and at 1."""
    if share == 0:
        return first
    return second if share == 1 else (1 - share) * first + share * second


def choose_share(judged: Judged, first: Floats, second: Floats, shares: Sequence[float]) -> tuple[float, Comparison]:
    """The share of ``second`` with the best inner AUC of ``blend``, if it gains more than a standard error; else 0.

    Also returns what the best of ``shares`` gains, or loses.
    """
    compared = {share: compare(judged, first, blend(first, second, share)) for share in shares}
    best = max(compared, key=lambda share: compared[share].gain)  # of equals the one that is named first
    found = compared[best]
    return (best if found.gain > found.standard_error else 0.0), found


def compare(judged: Judged, first: Floats, second: Floats) -> Comparison:
    """How much better ``second`` is than ``first``, inner out-of-fold logits (docs, classes) each."""
    target, folds, groups = judged
    classes = np.arange(first.shape[1])
    tables = softmax(first), softmax(second)
    one, other = (within_fold_auc(target, table, folds, classes) for table in tables)
    influence = auc_influence(target, tables[1], folds) - auc_influence(target, tables[0], folds)
    return Comparison(one, other - one, float(np.sqrt((np.bincount(groups, influence) ** 2).sum())))


def auc_influence(target: Ints, scores: Floats, folds: Ints) -> Floats:
    """What each document adds to the error of the within-fold macro AUC, (docs,).

    Summed over a group and squared, these add up to the variance of the AUC under resampled groups
    (Obuchowski 1997, Biometrics 53, for clustered data; DeLong's placements).
    """
    total = np.zeros(len(target))
    present = np.unique(target)
    for label in present:
        wins, pairs = np.zeros(len(target)), np.zeros(len(target))
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            positive, negative = rows[target[rows] == label], rows[target[rows] != label]
            difference = scores[positive, label][:, None] - scores[negative, label][None, :]
            kernel = (difference > 0) + 0.5 * (difference == 0)
            wins[positive], wins[negative] = kernel.sum(axis=1), kernel.sum(axis=0)
            pairs[positive], pairs[negative] = len(negative), len(positive)
        of_class = target == label
        count = pairs[of_class].sum()
        if count:
            total += (wins - pairs * wins[of_class].sum() / count) / count / len(present)
    return total
