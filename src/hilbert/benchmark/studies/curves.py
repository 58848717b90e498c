"""`curves`: how many labelled documents each model needs; the others of the training fold come without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

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
from hilbert.benchmark.studies.collecting import numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.nested import nested_groups
from hilbert.benchmark.studies.pages import Section
from hilbert.benchmark.studies.reused import main_condition
from hilbert.benchmark.studies.sweep import main_only
from hilbert.benchmark.studies.sweep import sections as sweep_sections
from hilbert.splits import Split, grouped_folds

WHAT = "Models trained on 50, 100, 200 and 400 labelled documents of the same five folds."
NOTES = (
    "The column `all` is the first repeat of the main benchmark. Parts of a training fold hold whole companies with "
    "the shares of the classes, and each lies inside the next; a draw is another order of the companies. Methods that"
    " can are given the rest of the training fold without labels. Two draws on maec-a; one on maec-b, where a fit "
    "takes minutes.",
)
TASKS: Mapping[str, int] = {"maec-a": 2, "maec-b": 1}  # draws of the labelled documents
SIZES, SMALL_SIZES = (50, 100, 200, 400), (16, 32)


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each task and size."""
    models = models_for(wanted, SWEPT, options, small)
    found = []
    for task, draws in TASKS.items():
        for size in SMALL_SIZES if small else SIZES:
            found.append(
                Case(
                    "curves", f"{task}-{size}", f"{size} labelled documents", usual(task), models, make, predicted,
                    folds=2 if small else 5, repeats=draws, documents=QUICK_DOCUMENTS if small else None,
                    share=0.8, extra={"size": size},
                )
            )  # fmt: skip
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The same folds for every size; repeat r is draw r. Only the labels of the part are left in a split."""
    size = int(case.extra["size"])
    sizes = [s for s in (SMALL_SIZES if case.documents else SIZES) if s <= size]
    splits = []
    for draw in range(case.repeats):
        for whole in grouped_folds(data.y, data.groups, case.folds, 1, seed, data.score):
            train = whole.train
            own = int(np.random.SeedSequence([seed, draw, whole.fold]).generate_state(1)[0])
            part = train[nested_groups(data.y[train], data.groups[train], sizes, own)[-1]]
            splits.append(Split(draw, whole.fold, part, whole.test, np.setdiff1d(train, part)))
    return folded(case, data, seed, splits=splits)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A column a size, for each task."""
    made = []
    for task in TASKS:
        known = [(case, numbers_of(case, place, shown=main_only)) for case in found if case.name.startswith(f"{task}-")]
        conditions = [(str(case.extra["size"]), numbers) for case, numbers in known if numbers is not None]
        if conditions and known[0][0].documents is None:
            models = models_for(None, SWEPT, place.options, False)
            whole = Case("curves", f"{task}-all", "all", usual(task), models, make)
            conditions += main_condition(whole, place, main_only)
        if conditions:
            made += sweep_sections(task, conditions, ["Columns: labelled documents of the training fold."])
    return made
