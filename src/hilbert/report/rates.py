"""ROC and precision–recall curves that compare scores inside one test fold only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilbert.evaluation.result import Result

Floats = NDArray[np.float64]


def average_curve(result: Result, model: str, column: int, kind: str, points: int = 101) -> tuple[Floats, Floats]:
    """(points,) abscissa and ordinate of the curve of one class, averaged over all test folds."""
    predictions = result.predictions
    grid = np.linspace(0, 1, points)
    total, weight = np.zeros(points), 0.0
    for fold, proba in zip(predictions.folds, predictions.proba[model], strict=True):
        for value in np.unique(fold):
            rows = fold == value
            positive = predictions.labels[rows] == predictions.classes[column]
            p, n = int(positive.sum()), int((~positive).sum())
            if not p or not n:
                continue
            own = p * n if kind == "roc" else p
            total += own * (_roc if kind == "roc" else _precision)(positive, proba[rows, column], grid)
            weight += own
    return grid, total / weight if weight else np.full(points, np.nan)


def _roc(positive: NDArray[np.bool_], score: Floats, grid: Floats) -> Floats:
    """True positive rate at each false positive rate; ties are straight lines, so the area is the AUC."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.concatenate([[0], np.cumsum(positive[order])[last]]) / positive.sum()
    misses = np.concatenate([[0], np.cumsum(~positive[order])[last]]) / (~positive).sum()
    result: Floats = np.interp(grid, misses, hits)  # on a vertical step, its upper end
    return result


def _precision(positive: NDArray[np.bool_], score: Floats, grid: Floats) -> Floats:
    """Precision where each recall is first reached: a step function, as average precision sums it."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(positive[order])[last]
    precision, recall = hits / (last + 1), hits / positive.sum()
    wanted = np.maximum(grid - 1e-12, 1e-9)  # at recall 0, the precision of the first positive
    step = np.minimum(np.searchsorted(recall, wanted), len(recall) - 1)
    result: Floats = precision[step]
    return result
