"""Measures of class probabilities. Ranks are compared inside one test fold only, never across folds.

Everywhere ``y`` holds the labels (docs,), ``scores`` or ``proba`` (docs, classes) in the order of ``classes``
(default: the sorted labels), ``folds`` (docs,) the test fold of each document. What is undefined is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError

Floats = NDArray[np.float64]
Array = Sequence[Any] | NDArray[Any]


def within_fold_auc(
    y: Array,
    scores: Array,
    folds: Array | None = None,
    classes: Array | None = None,
    repeats: Array | None = None,
) -> float:
    """Macro one-against-rest AUC from pairs of documents of the same test fold.

    AUC_c = Σ_f #{(i, j) in f: y_i = c ≠ y_j, s_ic > s_jc, ties half} / Σ_f n_fc (n_f − n_fc), averaged
    over the classes in ``y``. With ``repeats`` (docs,) the average over repeats, each with its own folds. A
    fold without a class adds no pairs; constant scores give exactly .5. Two classes may have one column: the
    second class's score.
    """
    if repeats is None:
        return _mean(within_fold_auc_by_class(y, scores, folds, classes))
    labels, table, repeat = np.asarray(y), np.asarray(scores), np.asarray(repeats)
    fold = np.zeros(len(labels), dtype=np.int64) if folds is None else np.asarray(folds)
    rows = [repeat == r for r in np.unique(repeat)]
    every = np.unique(labels) if classes is None else np.asarray(classes)
    return float(np.mean([within_fold_auc(labels[m], table[m], fold[m], every) for m in rows]))


def within_fold_auc_by_class(
    y: Array, scores: Array, folds: Array | None = None, classes: Array | None = None
) -> dict[Any, float]:
    """The AUC of each class that ``y`` holds; NaN for a class that shares no fold with another class."""
    labels, table, names = _tables(y, scores, classes)
    fold = _fold_numbers(folds, len(labels))
    return {
        name: _auc(labels == name, table[:, column], fold)
        for column, name in enumerate(names.tolist())
        if (labels == name).any()
    }


def average_precision_by_class(
    y: Array, scores: Array, folds: Array | None = None, classes: Array | None = None
) -> dict[Any, float]:
    """Area under the precision–recall curve of each class: computed in each fold, averaged by its positives.

    Precision at tied scores is that of the whole tie, so constant scores give the fold's prevalence.
    """
    labels, table, names = _tables(y, scores, classes)
    fold = _fold_numbers(folds, len(labels))
    result = {}
    for column, name in enumerate(names.tolist()):
        positive = labels == name
        if positive.any():
            parts = [
                (int(positive[rows].sum()), _precision(positive[rows], table[rows, column]))
                for rows in (fold == f for f in np.unique(fold[positive]))
            ]
            result[name] = sum(n * p for n, p in parts) / sum(n for n, _ in parts)
    return result


def chance_precision_by_class(y: Array, folds: Array | None = None, classes: Array | None = None) -> dict[Any, float]:
    """What ``average_precision_by_class`` expects of a random order: above the prevalence in small folds.

    With n documents in a fold, p of them positive: (H_n + (p − 1)/(n − 1) · (n − H_n)) / n; H_n = Σ 1/k.
    """
    labels = np.asarray(y)
    fold = _fold_numbers(folds, len(labels))
    names = np.unique(labels) if classes is None else np.asarray(classes)
    result = {}
    for name in names.tolist():
        positive = labels == name
        if not positive.any():
            continue
        total = 0.0
        for f in np.unique(fold[positive]):
            n, p = int((fold == f).sum()), int(positive[fold == f].sum())
            harmonic = float((1.0 / np.arange(1, n + 1)).sum())
            total += p * (harmonic + (p - 1) / max(n - 1, 1) * (n - harmonic)) / n
        result[name] = total / int(positive.sum())
    return result


def recall_by_class(y: Array, predicted: Array) -> dict[Any, float]:
    """The share of each class's documents that are predicted as it."""
    labels, guess = np.asarray(y), np.asarray(predicted)
    return {name: float((guess[labels == name] == name).mean()) for name in np.unique(labels).tolist()}


def balanced_accuracy(y: Array, predicted: Array) -> float:
    """Mean recall over the classes in ``y``."""
    return _mean(recall_by_class(y, predicted))


def macro_f1(y: Array, predicted: Array) -> float:
    """Mean over the classes in ``y`` of 2·TP / (2·TP + FP + FN); 0 for a class never predicted."""
    labels, guess = np.asarray(y), np.asarray(predicted)
    values = {}
    for name in np.unique(labels).tolist():
        hit = int(((labels == name) & (guess == name)).sum())
        values[name] = 2 * hit / (int((labels == name).sum()) + int((guess == name).sum()))
    return _mean(values)


def confusion(y: Array, predicted: Array, classes: Array) -> Floats:
    """(classes, classes) counts: rows are the labels, columns the predictions."""
    labels, guess = np.asarray(y), np.asarray(predicted)
    return np.array([[((labels == a) & (guess == b)).sum() for b in classes] for a in classes], dtype=np.float64)


def brier(y: Array, proba: Array, classes: Array | None = None) -> float:
    """Mean squared distance of the probabilities to the label: Σ_c (p_c − 1[y = c])², 0 to 2."""
    labels, table, names = _tables(y, proba, classes)
    return float(((table - (labels[:, None] == names)) ** 2).sum(1).mean())


def log_loss(y: Array, proba: Array, classes: Array | None = None, floor: float = 1e-6) -> float:
    """Mean −ln p of the true class, in nats; a probability under ``floor`` counts as ``floor``."""
    labels, table, names = _tables(y, proba, classes)
    truth = np.take_along_axis(table, np.argmax(labels[:, None] == names, axis=1)[:, None], axis=1)
    return float(-np.log(np.maximum(truth, floor)).mean())


def calibration_error(y: Array, proba: Array, classes: Array | None = None, bins: int = 8) -> float:
    """Expected calibration error of the top class, over bins of equal mass."""
    labels, table, names = _tables(y, proba, classes)
    confidence, hit = table.max(1), names[table.argmax(1)] == labels
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(labels)))
    return float(sum(abs(float(confidence[p].mean() - hit[p].mean())) * len(p) for p in parts) / len(labels))


def calibration_line(y: Array, proba: Array, classes: Array | None = None) -> tuple[float, float]:
    """Slope and intercept of a logistic recalibration: logit P(y = c) = intercept + slope · logit p_c.

    Fitted to each class that ``y`` holds against the rest, without penalty, probabilities clipped to 1e-6, and
    averaged; of two classes the second, since the first is its mirror image. Calibrated probabilities give 1
    and 0, a slope below 1 says that they are too extreme. NaN where a class has no finite line: no spread,
    no other class, or all its documents above (or below) all others.
    """
    labels, table, names = _tables(y, proba, classes)
    table = np.clip(table, 1e-6, 1 - 1e-6)
    logits = np.log(table) - np.log1p(-table)
    held = [c for c, name in enumerate(names.tolist()) if (labels == name).any()]
    lines = [_logistic(logits[:, c], labels == names[c]) for c in (held[1:] if len(names) == 2 else held)]
    slopes, intercepts = zip(*lines, strict=True) if lines else ((np.nan,), (np.nan,))
    return float(np.mean(slopes)), float(np.mean(intercepts))


def _logistic(x: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of a logistic regression on one variable, by Newton's method with halved steps."""
    own, rest = x[positive], x[~positive]
    if not len(own) or not len(rest) or own.min() >= rest.max() or rest.min() >= own.max():
        return float("nan"), float("nan")
    centre, scale = float(x.mean()), float(x.std())
    design = np.stack([np.ones(len(x)), (x - centre) / scale], axis=1)

    def loss(beta: Floats) -> float:
        score = design @ beta
        return float(np.logaddexp(0, np.where(positive, -score, score)).sum())

    beta = np.zeros(2)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        gradient = design.T @ (positive - p)
        if np.abs(gradient).max() < 1e-9 * len(x):
            break
        step = np.linalg.lstsq((design * (p * (1 - p))[:, None]).T @ design, gradient, rcond=None)[0]
        while loss(beta + step) > loss(beta) and np.abs(step).max() > 1e-12:
            step = step / 2
        beta = beta + step
    slope = float(beta[1]) / scale
    return slope, float(beta[0]) - slope * centre


def _auc(positive: NDArray[np.bool_], score: Floats, fold: NDArray[np.int64]) -> float:
    """Mann–Whitney pairs within folds through mid-ranks; one sort for all folds."""
    order = np.lexsort((score, fold))
    s, f, p = score[order], fold[order], positive[order]
    size = np.bincount(f)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    new = np.ones(len(s), dtype=bool)
    new[1:] = (s[1:] != s[:-1]) | (f[1:] != f[:-1])
    tie = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    length = np.diff(np.concatenate([first, [len(s)]]))
    rank = (first + (length + 1) / 2)[tie] - start[f]
    n_pos = np.bincount(f, weights=p, minlength=len(size))
    pairs = float((n_pos * (size - n_pos)).sum())
    if pairs == 0:
        return float("nan")
    wins = np.bincount(f, weights=rank * p, minlength=len(size)) - n_pos * (n_pos + 1) / 2
    return float(wins.sum()) / pairs


def _precision(positive: NDArray[np.bool_], score: Floats) -> float:
    order = np.argsort(-score, kind="stable")
    p, s = positive[order], score[order]
    last = np.append(np.flatnonzero(s[1:] != s[:-1]), len(s) - 1)  # the last place of each tie
    hits = np.cumsum(p)[last]
    gained = np.diff(np.concatenate([[0], hits]))
    return float((gained * hits / (last + 1)).sum() / p.sum())


def _fold_numbers(folds: Array | None, n: int) -> NDArray[np.int64]:
    if folds is None:
        return np.zeros(n, dtype=np.int64)
    if len(folds) != n:
        raise UsageError(f"folds: expected one for each of {n} documents, found {len(folds)}")
    return np.unique(np.asarray(folds), return_inverse=True)[1].reshape(-1).astype(np.int64)


def _tables(y: Array, scores: Array, classes: Array | None) -> tuple[NDArray[Any], Floats, NDArray[Any]]:
    """Labels, finite scores (docs, classes) and class names, checked against one another."""
    labels, table = np.asarray(y), np.asarray(scores, dtype=np.float64)
    names = np.unique(labels) if classes is None else np.asarray(classes)
    if table.ndim == 1 and len(names) == 2:
        table = np.stack([-table, table], axis=1)
    if table.shape != (len(labels), len(names)):
        raise UsageError(f"scores: expected shape {(len(labels), len(names))}, found {table.shape}")
    if not len(labels):
        raise UsageError("metrics: expected at least one document, found none")
    if not np.isfinite(table).all():
        raise UsageError(f"scores: {int((~np.isfinite(table)).any(1).sum())} documents have NaN or infinite scores")
    unknown = np.setdiff1d(labels, names)
    if len(unknown):
        raise UsageError(f"labels: {unknown[0]!r} is not one of the classes {names.tolist()}")
    return labels, table, names


def _mean(values: dict[Any, float]) -> float:
    """Plain mean: NaN as soon as one class is undefined, since leaving it out would flatter."""
    return float(np.mean(list(values.values())))
