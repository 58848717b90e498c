"""The studies by name: what they would cost, the documents of their cases, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hilbert.benchmark.estimate import expected_seconds
from hilbert.benchmark.models import on_device
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import QUICK_SAYS, TIERS
from hilbert.benchmark.running import Reading, Say, reader
from hilbert.benchmark.studies import curves, heads, imbalance, presets, probes, readings, retrieval, segments
from hilbert.benchmark.studies.case import Case, Material, Objects
from hilbert.benchmark.studies.pages import write_study
from hilbert.benchmark.studies.running import survey
from hilbert.benchmark.tasks import documents
from hilbert.errors import UsageError

STUDIES: Mapping[str, ModuleType] = {
    "heads": heads,
    "curves": curves,
    "presets": presets,
    "readings": readings,
    "imbalance": imbalance,
    "retrieval": retrieval,
    "probes": probes,
    "segments": segments,
}


@dataclass(frozen=True)
class Plan:
    """The studies of a run with all their cases, those that it works on, in order, and where they lie."""

    names: list[str]
    cases: list[Case]
    work: list[Case]
    place: Place
    small: bool


def plan(
    names: Sequence[str],
    tier: str,
    place: Place,
    models: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
) -> Plan:
    """The cases of the named studies; the quick tier makes them tiny, in a folder of its own.

    ``tasks`` chooses among the work by task, setting or case (``heads/maec-a``). Raises UsageError for unknown names.
    """
    if tier not in TIERS:
        raise UsageError(f"tier: expected one of {', '.join(TIERS)}, found {tier!r}")
    unknown = [name for name in names if name not in STUDIES]
    if unknown or not names:
        found = repr(unknown[0]) if unknown else "none"
        raise UsageError(f"study: expected some of {', '.join(STUDIES)}, found {found}")
    small, device = tier == "quick", place.device
    where = replace(place, out=place.out / "quick") if small else place
    chosen = list(dict.fromkeys(names))
    cases = [
        replace(case, models={key: on_device(model, device) for key, model in case.models.items()})
        for name in chosen
        for case in STUDIES[name].cases(models, place.options, small)
    ]
    return Plan(chosen, cases, _among(cases, tasks), where, small)


def _among(cases: Sequence[Case], tasks: Sequence[str] | None) -> list[Case]:
    """The cases of the named tasks, settings or cases."""
    names = {case.id: {case.id, case.setting.id, case.setting.task.name} for case in cases}
    for task in tasks or ():
        if not any(task in own for own in names.values()):
            known = sorted({case.setting.task.name for case in cases} | set(names))
            raise UsageError(f"tasks: expected some of {', '.join(known)}, found {task!r}")
    return [case for case in cases if tasks is None or names[case.id] & set(tasks)]


def summary(found: Plan, jobs: int) -> list[str]:
    """What there is to do: cases, fits, trainings and hours, a line a study."""
    lines = [QUICK_SAYS] if found.small else []
    work = survey(found.work, found.place, expected)
    for name in found.names:
        rows = [row for row in work if row.case.study == name]
        fits, done = sum(row.fits for row in rows), sum(row.done for row in rows)
        networks = sum((row.fits - row.done) * row.trainings for row in rows)
        seconds = sum(row.seconds for row in rows)
        count = len({row.case.id for row in rows})
        lines.append(
            f"{name}: {count} cases, {fits} fits, {done} done, {networks} trainings left; about "
            f"{seconds:.0f} s of one core, {seconds / jobs / 3600:.2f} hours."
        )
    return lines


def expected(case: Case, name: str) -> float:
    """Expected seconds of a fit before one was timed, without what the case does beside it."""
    like = name
    if case.study in ("presets", "readings") and name != "concat-lr":
        like = "hilbert" if name in ("with-vectors", "with-readout", "robust") else "hilbert-paper"
    return expected_seconds(like, case.setting.task.name, case.documents is not None) * case.share


def loader(place: Place, reading: Reading | None = None, say: Say | None = None) -> Callable[[Case], Material]:
    """Read settings from the data folder, each once, and make the cases' documents of them."""
    read = reader(place, reading, say)

    def load(case: Case) -> Material:
        data = read(case.setting, case.documents, case.window)

        def columns(names: Sequence[str]) -> Mapping[str, Objects]:
            assert place.data is not None  # or reading would have failed
            corpus = documents(case.setting.task, place.data).select(data.bags.ids.tolist())
            return {name: corpus.column(name) for name in dict.fromkeys(names)}

        return case.make(case, data, columns, place.seed)

    return load


def make_tables(found: Plan) -> list[Path]:
    """Write the tables of every study of the plan that has a finished model."""
    paths: list[Path] = []
    for name in found.names:
        module: Any = STUDIES[name]
        sections = module.sections([case for case in found.cases if case.study == name], found.place)
        paths += write_study(name, module.WHAT, sections, module.NOTES, found.place.out, found.small)
    return paths
