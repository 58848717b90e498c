"""The choice of α: how much of the network there is beside the linear core."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilbert.metrics import within_fold_auc
from hilbert.model.linear import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def blend(core: Floats, network: Floats, alpha: float) -> Floats:
    """(1 − α) core + α network, logits (docs, classes): the core alone at 0, the network alone at 1."""
    if alpha == 0:
        return core
    return network if alpha == 1 else (1 - alpha) * core + alpha * network


def choose_alpha(
    target: Ints, folds: Ints, groups: Ints, core: Floats, network: Floats, alphas: Sequence[float]
) -> tuple[float, dict[str, float]]:
    """The α with the best inner AUC of ``blend``, or 0 unless its gain exceeds one standard error.

    All arrays are by document: class numbers, inner fold, group, out-of-fold logits (docs, classes). Returns α
    and, for the record, the gain and its standard error.
    """
    classes = np.arange(core.shape[1])
    tables = {alpha: softmax(blend(core, network, alpha)) for alpha in alphas}
    base = softmax(core)
    scores = {alpha: within_fold_auc(target, table, folds, classes) for alpha, table in tables.items()}
    start = within_fold_auc(target, base, folds, classes)
    best = max(scores, key=lambda alpha: (scores[alpha], -alpha))
    gain = scores[best] - start
    influence = auc_influence(target, tables[best], folds) - auc_influence(target, base, folds)
    error = float(np.sqrt((np.bincount(groups, influence) ** 2).sum()))
    chosen = best if np.isfinite(gain) and gain > error else 0.0
    return chosen, {"best_alpha": best, "gain": gain, "standard_error": error, "core_auc": start}


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
