"""Retrieval among the documents of one test fold: ranks by cosine, and what they amount to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hilbert.evaluation.intervals import Interval, Weights, interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MEASURES = ("R@1", "R@5", "R@10", "MRR", "median rank")
ALPHAS = tuple(10.0**exponent for exponent in range(-4, 5))


def ranks(queries: Floats, candidates: Floats, groups: Ints) -> tuple[Floats, Ints]:
    """(docs,) rank of each query's own document by cosine, from 1, ties in the middle; and its number of candidates.

    Row i of ``candidates`` is what query i looks for; other documents of its group are no candidates.
    """
    similarity = unit(queries) @ unit(candidates).T
    allowed = groups[:, None] != groups[None, :]
    own = np.diagonal(similarity)[:, None]
    above = (allowed & (similarity > own)).sum(axis=1)
    equal = (allowed & (similarity == own)).sum(axis=1)
    return 1.0 + above + equal / 2, 1 + allowed.sum(axis=1)


def unit(x: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays one."""
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    scaled: Floats = x / np.where(norm > 0, norm, 1.0)
    return scaled


def mapped(source: Floats, target: Floats, tested: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Ridge regression from ``source`` to ``target`` (training documents), applied to ``tested``; both centred.

    Source columns are divided by one constant; the penalty is chosen by leave-one-out on the training documents.
    """
    from sklearn.linear_model import RidgeCV

    centre, power = source.mean(axis=0), max(float(source.std()), 1e-12)
    middle = target.mean(axis=0)
    ridge = RidgeCV(alphas=[alpha * len(source) for alpha in ALPHAS]).fit((source - centre) / power, target - middle)
    guessed = np.asarray(ridge.predict((tested - centre) / power), dtype=np.float64).reshape(len(tested), -1)
    return guessed, wanted - middle


def chance(candidates: Ints) -> dict[str, float]:
    """Each measure in random order, the mean over queries; for the median rank the middle one."""
    n = candidates.astype(np.float64)
    harmonic = np.cumsum(1.0 / np.arange(1, int(n.max()) + 1))[candidates - 1]
    found = {f"R@{k}": float(np.minimum(k / n, 1.0).mean()) for k in (1, 5, 10)}
    return found | {"MRR": float((harmonic / n).mean()), "median rank": float(np.median((n + 1) / 2))}


def samples(rank: Floats, weights: Weights) -> Mapping[str, Floats]:
    """Each measure (resamples,) with a query counted ``weights`` (resamples, queries) times."""
    total = weights.sum(axis=1)
    found = {f"R@{k}": weights @ (rank <= k) / total for k in (1, 5, 10)} | {"MRR": weights @ (1 / rank) / total}
    order = np.argsort(rank, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1) >= total[:, None] / 2
    return {**found, "median rank": rank[order][reached.argmax(axis=1)]}


def measured(rank: Floats, weights: Weights) -> dict[str, Interval]:
    """Each measure with its interval."""
    once = samples(rank, np.ones((1, len(rank)), dtype=np.float32))
    drawn = samples(rank, weights)
    return {name: interval(float(once[name][0]), drawn[name].astype(np.float64)) for name in MEASURES}


def difference(rank: Floats, other: Floats, weights: Weights) -> Interval:
    """The paired difference of MRR."""
    gap = 1 / rank - 1 / other
    drawn = (weights @ gap) / weights.sum(axis=1)
    return interval(float(gap.mean()), drawn.astype(np.float64))
