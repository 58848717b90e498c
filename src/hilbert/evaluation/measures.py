"""All numbers of a result, from its predictions alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert import metrics
from hilbert.evaluation.intervals import (
    Interval,
    Weights,
    bootstrap_p,
    corrected_t,
    detectable,
    group_weights,
    hanley_mcneil,
    interval,
    weighted_auc,
    weighted_confusion,
)
from hilbert.evaluation.predictions import Predictions
from hilbert.splits import encode_groups

Floats = NDArray[np.float64]
TRIVIAL = ("prior", "length")  # what a result is held against first
SIMPLE = ("concat-lr", "late-stack")  # the better of these has to be beaten


def measure(
    predictions: Predictions,
    resamples: int = 2000,
    seed: int = 0,
    ratio: float = 0.25,
    reference: str | None = None,
    against: Sequence[str] = (),
) -> dict[str, Any]:
    """Metrics, intervals and paired differences of every model, as plain values (None where undefined).

    ``resamples`` bootstrap draws of whole groups, the same for all models; ``ratio`` of test to training
    documents for the corrected t-test; ``reference`` is the model the others are compared with: unless named the first
    of ``SIMPLE`` that is there; ``against`` names more of them. Beside the test with ``ratio`` there is the one with
    the usual 1 / (folds − 1), which is larger where documents are trained on that are not scored.
    """
    weights = group_weights(encode_groups(predictions.groups.tolist(), len(predictions.labels)), resamples, seed)
    boot = {model: _bootstrap(predictions, model, weights) for model in predictions.proba}
    models = {model: _one_model(predictions, model, boot[model]) for model in predictions.proba}
    reference = reference or next((name for name in SIMPLE if name in models), None)
    held_against = [name for name in dict.fromkeys([reference, *TRIVIAL, *SIMPLE, *against]) if name in models]
    usual = usual_ratio(predictions)
    folds = {model: fold_aucs(predictions, model) for model in models}
    differences = [
        _difference(models, boot, folds, model, other, ratio, usual)
        for other in held_against
        for model in models
        if model != other
    ]
    undefined = int(np.isnan(next(iter(boot.values()))["auc"]).sum())
    counts = {name: int((predictions.labels == name).sum()) for name in predictions.classes}
    total = len(predictions.labels)
    chance = metrics.chance_precision_by_class
    result = {
        "reference": reference,
        "models": models,
        "differences": differences,
        "class_counts": counts,
        "prevalence": {name: count / total for name, count in counts.items()},
        "auprc_by_chance": _over_repeats(
            [chance(predictions.labels, fold, predictions.classes) for fold in predictions.folds]
        ),
        "hanley_mcneil_se": {
            name: hanley_mcneil(_usual_auc(models, reference), count, total - count) for name, count in counts.items()
        },
        "bootstrap": {"resamples": resamples, "seed": seed, "undefined": undefined},
        "notes": _notes(predictions, folds, undefined, resamples),
    }
    plain: dict[str, Any] = _without_nan(result)
    return plain


def usual_ratio(predictions: Predictions) -> float:
    """1 / (k − 1): test over training documents of k folds in which all documents are scored; 0 of one split."""
    folds = int(predictions.folds.max()) + 1  # some of them may hold no scored document
    return 1 / (folds - 1) if folds > 1 else 0.0


def fold_aucs(predictions: Predictions, model: str) -> Floats:
    """(repeats · folds,) macro AUC inside each test fold; NaN where a fold lacks a scored class."""
    present = np.unique(predictions.labels)
    result = []
    for repeat, fold in enumerate(predictions.folds):
        for number in np.unique(fold):
            rows = fold == number
            y = predictions.labels[rows]
            whole = len(np.unique(y)) == len(present) > 1
            scores = predictions.proba[model][repeat, rows]
            result.append(metrics.within_fold_auc(y, scores, classes=predictions.classes) if whole else math.nan)
    return np.array(result)


def _one_model(predictions: Predictions, model: str, boot: Mapping[str, Floats]) -> dict[str, Any]:
    y, classes = predictions.labels, predictions.classes
    names = np.array(classes)
    rows = []
    decided = predictions.decisions(model)
    for fold, proba, chosen in zip(predictions.folds, predictions.proba[model], decided, strict=True):
        guess = names[chosen]
        auc = metrics.within_fold_auc_by_class(y, proba, fold, classes)
        slope, intercept = metrics.calibration_line(y, proba, classes)
        rows.append(
            {
                "auc": float(np.mean(list(auc.values()))),
                "auc_by_class": auc,
                "macro_f1": metrics.macro_f1(y, guess),
                "balanced_accuracy": metrics.balanced_accuracy(y, guess),
                "auprc_by_class": metrics.average_precision_by_class(y, proba, fold, classes),
                "recall_by_class": metrics.recall_by_class(y, guess),
                "pooled_auc": metrics.within_fold_auc(y, proba, None, classes),
                "brier": metrics.brier(y, proba, classes),
                "log_loss": metrics.log_loss(y, proba, classes),
                "calibration_error": metrics.calibration_error(y, proba, classes),
                "calibration_slope": slope,
                "calibration_intercept": intercept,
            }
        )
    mean = {key: _over_repeats([row[key] for row in rows]) for key in rows[0]}
    for key in ("auc", "macro_f1", "balanced_accuracy"):
        mean[key] = interval(mean[key], boot[key])
    mean["auc_by_class"] = {
        name: interval(value, boot["by_class"][:, classes.index(name)]) for name, value in mean["auc_by_class"].items()
    }
    each = fold_aucs(predictions, model)
    defined = each[np.isfinite(each)]
    mean["fold_auc"] = {
        "mean": float(defined.mean()) if len(defined) else math.nan,
        "folds": len(defined),
        "of": len(each),
    }
    truth = np.take_along_axis(predictions.proba[model], predictions.codes[None, :, None], axis=2)
    mean["floored"] = int((truth < 1e-6).sum())
    return mean


def _bootstrap(predictions: Predictions, model: str, weights: Weights) -> dict[str, Floats]:
    """Samples of the metrics averaged over repeats, not of the predictions averaged over repeats."""
    codes, size = predictions.codes, len(predictions.classes)
    present = np.unique(codes)
    by_class = np.zeros((len(weights), size))
    f1 = np.zeros(len(weights))
    accuracy = np.zeros(len(weights))
    values, decided = predictions.proba[model], predictions.decisions(model)
    for fold, proba, chosen in zip(predictions.folds, values, decided, strict=True):
        by_class += weighted_auc(codes, proba, fold, weights) / len(values)
        table = weighted_confusion(codes, chosen, weights, size)
        hit, labelled, guessed = np.diagonal(table, axis1=1, axis2=2), table.sum(2), table.sum(1)
        with np.errstate(invalid="ignore"):  # a class not drawn: undefined, counted in the notes
            accuracy += (hit / labelled)[:, present].mean(1) / len(values)
            f1 += np.where(labelled > 0, 2 * hit / (labelled + guessed), np.nan)[:, present].mean(1) / len(values)
    return {
        "auc": by_class[:, present].mean(1),
        "by_class": by_class,
        "macro_f1": f1,
        "balanced_accuracy": accuracy,
    }


def _difference(
    models: Mapping[str, Any],
    boot: Mapping[str, Mapping[str, Floats]],
    folds: Mapping[str, Floats],
    model: str,
    other: str,
    ratio: float,
    usual: float,
) -> dict[str, Any]:
    value = models[model]["auc"].value - models[other]["auc"].value
    samples = boot[model]["auc"] - boot[other]["auc"]
    found = interval(value, samples)
    return {
        "model": model,
        "against": other,
        **found._asdict(),
        "bootstrap_p": bootstrap_p(samples),
        # models that predict the same in every resample leave nothing to be detected
        "detectable": detectable(found.se) if found.se > 0 else None,
        "corrected_t": corrected_t(folds[model] - folds[other], ratio) | {"ratio": ratio},
        "corrected_t_usual": corrected_t(folds[model] - folds[other], usual) | {"ratio": usual},
    }


def _usual_auc(models: Mapping[str, Any], reference: str | None) -> float:
    if reference in models:
        return float(models[str(reference)]["auc"].value)
    values = [row["auc"].value for name, row in models.items() if name not in TRIVIAL]
    return float(max(values, default=0.5))


def _notes(predictions: Predictions, folds: Mapping[str, Floats], undefined: int, resamples: int) -> list[str]:
    notes = []
    each = next(iter(folds.values()))
    absent = [name for name in predictions.classes if not (predictions.labels == name).any()]
    if absent:
        notes.append(f"no scored document has the class {', '.join(absent)}: averages are over the other classes")
    lacking = int(np.isnan(each).sum())
    if lacking:
        notes.append(
            f"{lacking} of {len(each)} test folds lack a class: they have no macro AUC of "
            "their own; within-fold AUC counts their other pairs"
        )
    if undefined:
        notes.append(f"{undefined} of {resamples} bootstrap resamples lack a whole class: not in the intervals")
    return notes


def _over_repeats(rows: list[Any]) -> Any:
    if isinstance(rows[0], dict):
        return {key: _over_repeats([row[key] for row in rows]) for key in rows[0]}
    return float(np.mean(rows))


def _without_nan(value: Any) -> Any:
    """Plain JSON values: intervals as mappings, NaN as None."""
    if isinstance(value, Interval):
        return _without_nan(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
