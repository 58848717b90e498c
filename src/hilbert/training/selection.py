"""How much of one model's logits there is beside another's: α of the linear core, and the second network's share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.metrics import within_fold_auc
from hilbert.model.linear import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of a method beside the linear core, where it is chosen by ``choose_share``."""


class Judged(NamedTuple):
    """Labelled documents of inner folds, (docs,) each: class number, the fold that tested it, group number."""

    target: Ints
    folds: Ints
    groups: Ints


def blend(first: Floats, second: Floats, share: float) -> Floats:
    """(1 − share) first + share second, logits (docs, classes): one of them alone at 0 and at 1."""
    if share == 0:
        return first
    return second if share == 1 else (1 - share) * first + share * second


class Comparison(NamedTuple):
    """Inner AUC of one table of logits, what another gains over it, and the standard error of the gain."""

    start: float
    gain: float
    standard_error: float


def written(found: Mapping[str, Comparison]) -> dict[str, dict[str, float | None]]:
    """Comparisons by name as JSON can hold them: undefined, as where no inner fold has two classes, is None."""
    return {name: {k: v if np.isfinite(v) else None for k, v in one._asdict().items()} for name, one in found.items()}


def read(stored: Mapping[str, Mapping[str, float | None]]) -> dict[str, Comparison]:
    """What ``written`` wrote."""

    def number(value: float | None) -> float:
        return float("nan") if value is None else float(value)

    return {name: Comparison(*(number(one[field]) for field in Comparison._fields)) for name, one in stored.items()}


def compare(judged: Judged, first: Floats, second: Floats) -> Comparison:
    """How much better ``second`` is than ``first``, inner out-of-fold logits (docs, classes) each."""
    target, folds, groups = judged
    classes = np.arange(first.shape[1])
    tables = softmax(first), softmax(second)
    one, other = (within_fold_auc(target, table, folds, classes) for table in tables)
    influence = auc_influence(target, tables[1], folds) - auc_influence(target, tables[0], folds)
    return Comparison(one, other - one, float(np.sqrt((np.bincount(groups, influence) ** 2).sum())))


def choose_alpha(
    judged: Judged, core: Floats, network: Floats, between: float, evidence: float
) -> tuple[float, Comparison]:
    """α: 1 or 0 where network or core alone is better than the other by ``evidence`` standard errors, else ``between``.

    Inner folds tell which of two is better far sooner than which mixture of both is best.
    """
    found = compare(judged, core, network)
    if found.gain > evidence * found.standard_error:  # neither holds where the gain is not a number
        return 1.0, found
    return (0.0 if -found.gain > evidence * found.standard_error else between), found


def choose_share(
    judged: Judged, first: Floats, second: Floats, shares: Sequence[float], start: float = 0.0, evidence: float = 1.0
) -> tuple[float, Comparison]:
    """The share of ``second`` with the best inner AUC of ``blend``, if that is evidence enough; else ``start``.

    The gain over ``start`` must exceed ``evidence`` standard errors. Also returns what the best of ``shares`` gains,
    or loses.
    """
    before = blend(first, second, start)
    compared = {share: compare(judged, before, blend(first, second, share)) for share in shares}
    best = max(compared, key=lambda share: compared[share].gain)  # of equals the one that is named first
    found = compared[best]
    return (best if found.gain > evidence * found.standard_error else start), found


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
