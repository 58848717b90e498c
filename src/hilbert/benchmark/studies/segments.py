"""`segments`: how many segments a model needs, and how long they should be."""

from __future__ import annotations

from collections.abc import Sequence

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
from hilbert.benchmark.studies.material import first_segments, folded
from hilbert.benchmark.studies.pages import Section
from hilbert.benchmark.studies.reused import main_condition
from hilbert.benchmark.studies.sweep import main_only
from hilbert.benchmark.studies.sweep import sections as sweep_sections

WHAT = "The first 4, 16 or 64 sentences of a call; audio windows of 2.5, 5 or 10 seconds on speechocean762."
NOTES = (
    "The first 64, which are all, are the first repeat of the main benchmark. The label stays that of the whole: with"
    " 4 sentences the number of speakers is guessed, not counted. On speechocean762 only the audio is cut anew; the "
    "text stays a vector a sentence.",
)
COUNTS, SMALL_COUNTS, ALL = (4, 16), (4, 16), 64
WINDOWS, SMALL_WINDOWS = (2.5, 5.0, 10.0), (10.0,)
TASKS = ("maec-a", "maec-b")
SPEECH = "speechocean762"


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each number of segments and each window."""
    models = models_for(wanted, SWEPT, options, small)
    folds, documents = (2, QUICK_DOCUMENTS) if small else (5, None)
    found = [
        Case(
            "segments", f"{task}-{count}", f"first {count}", usual(task), models, make, predicted,
            folds=folds, documents=documents, share=0.5 + count / (2 * ALL), extra={"segments": count},
        )
        for task in TASKS
        for count in (SMALL_COUNTS if small else COUNTS)
    ]  # fmt: skip
    found += [
        Case(
            "segments", f"{SPEECH}-{window:g}s", f"windows of {window:g} s", usual(SPEECH, small), models, make,
            predicted,
            folds=folds, documents=documents, window=window, extra={"window": window},
        )
        for window in (SMALL_WINDOWS if small else WINDOWS)
    ]  # fmt: skip
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task with fewer segments; windows are in the features already."""
    count = case.extra.get("segments")
    return folded(case, data, seed, bags=None if count is None else first_segments(data.bags, int(count)))


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A column a condition, for each task."""
    made = []
    for task in (*TASKS, SPEECH):
        known = [(case, numbers_of(case, place, shown=main_only)) for case in found if case.name.startswith(f"{task}-")]
        conditions = [(case.what, numbers) for case, numbers in known if numbers is not None]
        if conditions and task != SPEECH and known[0][0].documents is None:
            models = models_for(None, SWEPT, place.options, False)
            whole = Case("segments", f"{task}-{ALL}", f"first {ALL}", usual(task), models, make)
            conditions += main_condition(whole, place, main_only)
        if conditions:
            made += sweep_sections(task, conditions)
    return made
