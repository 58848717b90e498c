"""`curves`: how many labelled documents each model needs; the others of the training fold come without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

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
from hilbert.benchmark.studies.collecting import Numbers, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.nested import nested_groups
from hilbert.benchmark.studies.pages import Section
from hilbert.benchmark.studies.reused import main_condition
from hilbert.benchmark.studies.sweep import main_only
from hilbert.benchmark.studies.sweep import sections as sweep_sections
from hilbert.splits import Split, grouped_folds

WHAT = (
    "Models trained on 50, 100, 200 and 400 labelled documents of the same five folds; and ten times on 30, 50 and 80."
)
NOTES = (
    "The column `all` is the first repeat of the main benchmark. Parts of a training fold hold whole groups (companies "
    "or speakers) with the shares of the classes, and each lies inside the next; a draw is another order of the groups."
    " Methods that can are given the rest of the training fold without labels. Of 50 to 400 two draws on maec-a and "
    "one on maec-b, where a fit takes minutes; few labels: ten draws of each task, whose parts are drawn anew.",
    "With fewer than 200 labelled documents HILBERT is both, steady and changing: voice, words and its trained network "
    "are left out, so it is all without training there.",
)


class Curve(NamedTuple):
    """Sizes of the labelled part, how often each is drawn, the task, and its label where it is not the task's own."""

    task: str
    sizes: Sequence[int]
    draws: int
    label: Callable[[str], str] | None = None


def _age(value: str) -> str:
    """`child_f` → `child`."""
    return value.partition("_")[0]


SIZES, FEW, DRAWS = (50, 100, 200, 400), (30, 50, 80), 10
CURVES: Mapping[str, Curve] = {
    "maec-a": Curve("maec-a", SIZES, 2),
    "maec-b": Curve("maec-b", SIZES, 1),
    "maec-a-few": Curve("maec-a", FEW, DRAWS),
    "maec-b-few": Curve("maec-b", FEW, DRAWS),
    "speechocean762-few": Curve("speechocean762", FEW, DRAWS),
    "speechocean762-age-few": Curve("speechocean762", FEW, DRAWS, _age),
}
QUICK: Mapping[str, Curve] = {
    "maec-a": Curve("maec-a", (16, 32), 2),
    "maec-b": Curve("maec-b", (16, 32), 1),
    "speechocean762-age-few": Curve("speechocean762", (24,), 2, _age),
}


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each curve and size."""
    models = models_for(wanted, SWEPT, options, small)
    return [
        Case(
            "curves", f"{name}-{size}", f"{size} labelled documents", usual(curve.task, small), models, make, predicted,
            folds=2 if small else 5, repeats=curve.draws, documents=QUICK_DOCUMENTS if small else None,
            share=0.8, extra={"size": size},
        )
        for name, curve in (QUICK if small else CURVES).items()
        for size in curve.sizes
    ]  # fmt: skip


def curve_of(case: Case) -> Curve:
    """The curve that a case is a point of."""
    return (QUICK if case.documents else CURVES)[case.name.rpartition("-")[0]]


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The same folds for every size; repeat r is draw r. Only the labels of the part are left in a split."""
    curve = curve_of(case)
    y, targets = data.y, None
    if curve.label is not None:
        y = np.array([curve.label(str(value)) for value in data.y.tolist()], dtype=object)
        targets = {case.name.split("-")[1]: y}
    sizes = [size for size in curve.sizes if size <= int(case.extra["size"])]
    splits = []
    for draw in range(case.repeats):
        for whole in grouped_folds(y, data.groups, case.folds, 1, seed, data.score):
            train = whole.train
            own = int(np.random.SeedSequence([seed, draw, whole.fold]).generate_state(1)[0])
            part = train[nested_groups(y[train], data.groups[train], sizes, own)[-1]]
            splits.append(Split(draw, whole.fold, part, whole.test, np.setdiff1d(train, part)))
    return folded(case, data, seed, y=y, targets=targets, splits=splits)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A column a size, for each curve."""
    made = []
    for name, curve in CURVES.items():
        own = [case for case in found if case.name.rpartition("-")[0] == name]
        known = [(case, numbers_of(case, place, shown=main_only)) for case in own]
        conditions = [(str(case.extra["size"]), numbers) for case, numbers in known if numbers is not None]
        if conditions and own[0].documents is None and curve.label is None:
            conditions += _all(name, curve, place)
        if conditions:
            made += sweep_sections(name, conditions, ["Columns: labelled documents of the training fold."])
    return made


def _all(name: str, curve: Curve, place: Place) -> list[tuple[str, Numbers]]:
    """The column of all labels, from the main benchmark."""
    models = models_for(None, SWEPT, place.options, False)
    return main_condition(Case("curves", f"{name}-all", "all", usual(curve.task), models, make), place, main_only)
