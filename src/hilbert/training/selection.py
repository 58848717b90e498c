"""How much of one model's logits there is beside another's: α of the linear core, and the second network's share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.metrics import within_fold_auc
from hilbert.model.linear import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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


def choose_share(
    judged: Judged, first: Floats, second: Floats, shares: Sequence[float], evidence: float = 1.0
) -> tuple[float, dict[str, float]]:
    """The share of ``second`` with the best inner AUC of ``blend``, if that is evidence enough; else ``shares[0]``.

    first, second: inner out-of-fold logits (docs, classes). The gain of the best share over the first one must exceed
    ``evidence`` standard errors. Returns the share and, for the record, the best one, its gain with its standard error,
    and the AUC at the first one.
    """
    target, folds, groups = judged
    classes = np.arange(first.shape[1])
    tables = {share: softmax(blend(first, second, share)) for share in shares}
    scores = {share: within_fold_auc(target, table, folds, classes) for share, table in tables.items()}
    start, best = shares[0], max(scores, key=scores.__getitem__)  # of equals the one that is named first
    gain = scores[best] - scores[start]
    influence = auc_influence(target, tables[best], folds) - auc_influence(target, tables[start], folds)
    error = float(np.sqrt((np.bincount(groups, influence) ** 2).sum()))
    chosen = best if np.isfinite(gain) and gain > evidence * error else start
    return chosen, {"best": best, "gain": gain, "standard_error": error, "start": scores[start]}


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
