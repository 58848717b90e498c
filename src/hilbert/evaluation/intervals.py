"""Uncertainty: bootstrap over groups, paired differences, the smallest difference that could be seen.

Sources: Hanley & McNeil 1982 (standard error of an AUC); Nadeau & Bengio 2003 (corrected resampled t);
Davison & Hinkley 1997 (p-value of a bootstrap); Holm 1979 (many comparisons).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Weights = NDArray[np.float32]

POWER_80 = 1.959964 + 0.841621  # standard errors between 0 and a difference seen with 80 % power, two-sided 5 %


class Interval(NamedTuple):
    """A value, its 95 % percentile interval and the bootstrap's standard error."""

    value: float
    low: float
    high: float
    se: float


def group_weights(groups: Ints, resamples: int, seed: int) -> Weights:
    """(resamples, docs): how often each document is drawn when whole groups are drawn with replacement."""
    numbers, of_document = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(numbers)]))
    drawn = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), size=resamples)
    return drawn.astype(np.float32)[:, of_document.reshape(-1)]


def weighted_auc(codes: Ints, scores: Floats, folds: Ints, weights: Weights, block: int = 250) -> Floats:
    """(resamples, classes) within-fold AUC with a document counted ``weights`` times; NaN without any pair.

    ``scores``: (docs, classes). One sort serves all resamples: a positive's wins are the cumulated weight of
    the negatives below it in its fold. Weights are small whole numbers, so every sum is exact in any order.
    """
    folds = np.unique(folds, return_inverse=True)[1].reshape(-1)
    resamples, classes = len(weights), scores.shape[1]
    result = np.full((resamples, classes), np.nan)
    inside = np.eye(int(folds.max()) + 1)[folds]  # (docs, folds)
    for c in range(classes):
        positive = codes == c
        if not positive.any() or positive.all():
            continue
        order = np.lexsort((scores[:, c], folds))
        s, f, p = scores[order, c], folds[order], positive[order]
        new = np.ones(len(s), dtype=bool)
        new[1:] = (s[1:] != s[:-1]) | (f[1:] != f[:-1])
        first = np.flatnonzero(new)
        tie = np.cumsum(new) - 1
        below, above = (
            first[tie][p],
            np.append(first[1:], len(s))[tie][p],
        )  # where each positive's tie starts, ends
        start = np.searchsorted(f, f[p])  # where its fold starts
        for at in range(0, resamples, block):
            w = weights[at : at + block]
            ordered = w[:, order]
            negatives = np.zeros((len(w), len(s) + 1))
            np.cumsum(np.where(p, np.float32(0), ordered), axis=1, out=negatives[:, 1:])
            wins = (negatives[:, below] + negatives[:, above]) / 2 - negatives[:, start]
            n_pos, n_neg = (w * positive) @ inside, (w * ~positive) @ inside
            pairs = (n_pos * n_neg).sum(1)
            total = (ordered[:, p] * wins).sum(1)
            result[at : at + block, c] = np.divide(total, pairs, out=np.full(len(w), np.nan), where=pairs > 0)
    return result


def weighted_confusion(codes: Ints, predicted: Ints, weights: Weights, classes: int) -> Floats:
    """(resamples, classes, classes) weighted counts: label, prediction."""
    cell = np.eye(classes * classes)[codes * classes + predicted]
    counts: Floats = weights.astype(np.float64) @ cell
    return counts.reshape(-1, classes, classes)


def interval(value: float, samples: Floats) -> Interval:
    """Percentile interval from bootstrap samples; resamples where it is undefined (NaN) are left out."""
    defined = samples[np.isfinite(samples)]
    if len(defined) < 2:
        return Interval(value, math.nan, math.nan, math.nan)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(value, float(low), float(high), float(defined.std(ddof=1)))


def bootstrap_p(samples: Floats) -> float:
    """Two-sided p of "the difference is 0", by the percentile bootstrap: twice the smaller tail, at most 1.

    A tail is (1 + resamples on its side, zeros on both) / (1 + resamples); so p is never 0. NaN is left out.
    """
    defined = samples[np.isfinite(samples)]
    if len(defined) < 2:
        return math.nan
    smaller = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (1 + len(defined)))


def holm(p: Sequence[float] | Floats) -> Floats:
    """Holm's adjusted p-values, in the order given; NaN stays NaN and counts as no comparison.

    The k-th smallest of m is multiplied by m − k + 1, then no value is below that of a smaller p.
    """
    values = np.asarray(p, dtype=np.float64)
    result = np.full(values.shape, np.nan)
    defined = np.flatnonzero(np.isfinite(values))
    order = defined[np.argsort(values[defined], kind="stable")]
    result[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)))
    return result


def detectable(se: float) -> float:
    """The smallest true difference seen with 80 % power (two-sided, 5 %), from its standard error."""
    return POWER_80 * se


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Standard error of one AUC of independent documents; what the counts alone allow."""
    if not positives or not negatives or not math.isfinite(auc):
        return math.nan
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return math.sqrt(max(spread, 0.0) / (positives * negatives))


def corrected_t(differences: Floats, ratio: float) -> dict[str, Any]:
    """Nadeau–Bengio t-test of per-fold differences; ``ratio`` is test over training documents.

    t = mean(d) / sqrt((1/J + ratio) · var(d)), J − 1 degrees of freedom. Folds where d is undefined are left
    out and shown in ``folds``; t and p are NaN with fewer than two, or where all d are the same but not 0.
    """
    from scipy import stats

    d = differences[np.isfinite(differences)]
    result: dict[str, Any] = {"t": math.nan, "p": math.nan, "folds": len(d), "of": len(differences)}
    if len(d) < 2:
        return result
    mean, spread = float(d.mean()), float(d.var(ddof=1))
    if spread == 0:
        return result | ({"t": 0.0, "p": 1.0} if mean == 0 else {})
    t = mean / math.sqrt((1 / len(d) + ratio) * spread)
    return result | {"t": t, "p": float(2 * stats.t.sf(abs(t), len(d) - 1))}
