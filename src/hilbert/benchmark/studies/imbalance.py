"""`imbalance`: one binary label with ever fewer documents of its minority, in training and in test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hilbert.benchmark.cells import wide
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import (
    QUICK_DOCUMENTS,
    SWEPT,
    Case,
    Columns,
    Material,
    Options,
    models_for,
    predicted,
    usual,
)
from hilbert.benchmark.studies.collecting import Numbers, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.nested import thinned
from hilbert.benchmark.studies.pages import Section, value
from hilbert.benchmark.studies.sweep import Cell, grid_of, main_only
from hilbert.benchmark.studies.sweep import sections as sweep_sections
from hilbert.evaluation.verdict import number
from hilbert.splits import grouped_folds

WHAT = "The years 2017 and 2018 against 2015 and 2016 (maec-b), with the former thinned out to 1:1, 1:3, 1:10 and 1:30."
NOTES = (
    "Both sides of every fold are thinned alike, so that tests are as imbalanced as training; the other class stays "
    "the same, but for 1:1, where the larger class is thinned first. AUPRC, recall of the minority and calibration "
    "have no interval here. A random order reaches more than the prevalence where a fold holds few of the minority. "
    "Recall and balanced accuracy are of the classes that a model decides for, not always the most probable ones.",
)
MINORITY, MAJORITY = "2017 or 2018", "2015 or 2016"
RATIOS, SMALL_RATIOS = (1, 3, 10, 30), (1, 3)


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each share of the minority."""
    models = models_for(wanted, SWEPT, options, small)
    return [
        Case(
            "imbalance", f"maec-b-1-{ratio}", f"1:{ratio}", usual("maec-b"), models, make, predicted,
            folds=2 if small else 5, documents=QUICK_DOCUMENTS if small else None,
            share=0.3 + 0.35 * (1 + 1 / ratio), extra={"ratio": ratio},
        )
        for ratio in (SMALL_RATIOS if small else RATIOS)
    ]  # fmt: skip


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The folds are those of all documents; then each side is balanced and thinned by itself."""
    y = np.array([MINORITY if str(v) in ("2017", "2018") else MAJORITY for v in data.y.tolist()], dtype=object)
    positive, ratio = y == MINORITY, float(case.extra["ratio"])
    splits = []
    for split in grouped_folds(y, data.groups, case.folds, case.repeats, seed, data.score):
        sides = []
        for rows in (split.train, split.test):
            count = int(positive[rows].sum())
            if count < len(rows) - count:
                rows = thinned(rows, ~positive, data.bags.ids, 1.0, seed)
            sides.append(thinned(rows, positive, data.bags.ids, ratio, seed))
        splits.append(split._replace(train=sides[0], test=sides[1]))
    return folded(case, data, seed, y, {"minority": y}, splits=splits)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A column a share: macro AUC with differences, then what becomes of the minority, and calibration."""
    known = [(case, numbers_of(case, place, shown=main_only)) for case in found]
    conditions = [(case.what, numbers) for case, numbers in known if numbers is not None]
    if not conditions:
        return []

    def of(measure: str) -> list[str]:
        return [f"{n.metrics[measure][MINORITY]:.3f}" for _, n in conditions]

    chance = zip((name for name, _ in conditions), of("prevalence"), of("auprc_by_chance"), strict=True)
    line = "Prevalence, and AUPRC in random order: " + "; ".join(f"{c}: {p}, {a}" for c, p, a in chance) + "."

    def cell(show: Callable[[Mapping[str, Any]], str]) -> Cell:
        def shown(numbers: Numbers, model: str) -> str:
            row = numbers.metrics["models"].get(model)
            return "" if row is None else show(row)

        return shown

    return [
        *sweep_sections("maec-b", conditions, ["Columns: documents of the minority to those of the majority."]),
        grid_of("maec-b: AUPRC of the minority", conditions, cell(_of_minority("auprc_by_class")), [line]),
        grid_of("maec-b: recall of the minority", conditions, cell(_of_minority("recall_by_class"))),
        grid_of("maec-b: balanced accuracy", conditions, cell(lambda row: value(row["balanced_accuracy"]))),
        grid_of("maec-b: expected calibration error, and slope of calibration", conditions, cell(_calibration)),
    ]


def _of_minority(measure: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: number(row[measure].get(MINORITY))


def _calibration(row: Mapping[str, Any]) -> str:
    return f"{number(row['calibration_error'])}, {wide(row['calibration_slope'])}"
