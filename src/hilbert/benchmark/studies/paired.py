"""Paired differences of macro AUC between any two rows of a table, or means of rows, kept beside the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.collecting import file_name
from hilbert.benchmark.place import Place
from hilbert.benchmark.remembering import predictions_hash, remembered
from hilbert.benchmark.studies.collecting import RESAMPLES, Numbers
from hilbert.evaluation.intervals import group_weights, interval, weighted_auc
from hilbert.evaluation.predictions import Predictions
from hilbert.splits import encode_groups

Pair = tuple[str, str]
Sides = tuple[Sequence[str], Sequence[str]]


def differences(
    numbers: Numbers, pairs: Sequence[Pair], place: Place, resamples: int = RESAMPLES
) -> dict[Pair, Mapping[str, Any]]:
    """Model − other of each pair with its interval; pairs of rows that are not there are left out."""
    there = numbers.predictions.proba
    wanted = [pair for pair in dict.fromkeys(pairs) if pair[0] in there and pair[1] in there]
    path = place.out / "tables" / "studies" / f"{file_name(numbers.case.id)}-{numbers.target}-pairs.json"
    found = remembered(
        path,
        [predictions_hash(numbers.predictions), resamples, place.seed, [list(pair) for pair in wanted]],
        lambda: {"rows": _differences(numbers.predictions, [((a,), (b,)) for a, b in wanted], resamples, place.seed)},
    )
    return dict(zip(wanted, found["rows"], strict=True))


def contrasts(
    numbers: Numbers, sides: Mapping[str, Sides], place: Place, resamples: int = RESAMPLES
) -> dict[str, Mapping[str, Any]]:
    """Mean of the first rows − mean of the second, by name, with its interval; those that lack a row are left out."""
    there = numbers.predictions.proba
    wanted = {name: both for name, both in sides.items() if all(row in there for side in both for row in side)}
    path = place.out / "tables" / "studies" / f"{file_name(numbers.case.id)}-{numbers.target}-contrasts.json"
    plainly = [[list(side) for side in both] for both in wanted.values()]
    found = remembered(
        path,
        [predictions_hash(numbers.predictions), resamples, place.seed, plainly],
        lambda: {"rows": _differences(numbers.predictions, list(wanted.values()), resamples, place.seed)},
    )
    return dict(zip(wanted, found["rows"], strict=True))


def _differences(
    predictions: Predictions, sides: Sequence[Sides], resamples: int, seed: int
) -> list[dict[str, float | None]]:
    weights = group_weights(encode_groups(predictions.groups.tolist(), len(predictions.labels)), resamples, seed)
    once = np.ones((1, weights.shape[1]), dtype=np.float32)
    present = np.unique(predictions.codes)
    known: dict[str, NDArray[np.float64]] = {}

    def auc(model: str) -> NDArray[np.float64]:
        """The macro AUC itself, then that of each resample."""
        if model not in known:
            total = np.zeros(1 + resamples)
            for fold, proba in zip(predictions.folds, predictions.proba[model], strict=True):
                both = np.concatenate([once, weights])
                total += weighted_auc(predictions.codes, proba, fold, both)[:, present].mean(1)
            known[model] = total / len(predictions.folds)
        return known[model]

    rows = []
    for first, second in sides:
        both = np.mean([auc(model) for model in first], axis=0) - np.mean([auc(model) for model in second], axis=0)
        found = interval(float(both[0]), both[1:])
        rows.append({key: value if np.isfinite(value) else None for key, value in found._asdict().items()})
    return rows
