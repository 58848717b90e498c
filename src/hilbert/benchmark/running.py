"""The work itself: fits in parallel processes, each kept as soon as it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from hilbert.benchmark.estimate import survey
from hilbert.benchmark.models import build, fit_key, identity, require_device, where_stored
from hilbert.benchmark.parallel import in_parallel
from hilbert.benchmark.place import Place, describe, read_setting, write_setting
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.preparing import Data, prepare
from hilbert.benchmark.records import Records, read_about, remove
from hilbert.benchmark.subsets import stratified_groups
from hilbert.benchmark.tasks import Setting
from hilbert.errors import UsageError
from hilbert.evaluation.fitting import Outcome, fit_fold
from hilbert.splits import Split, grouped_folds

Progress = Callable[[int, int, str], None]
Reading = Callable[[str], AbstractContextManager[Progress]]
Say = Callable[[str], None]
Load = Callable[[Comparison], Data]
Read = Callable[[Setting, int | None, float | None], Data]
"""Documents of a setting, by how many of them (None: all) and seconds of an audio segment (None: as they are cut)."""


@dataclass(frozen=True)
class Unit:
    """One fit: a model of a comparison on one split."""

    name: str
    model: Any
    split: Split


@dataclass(frozen=True, eq=False)
class Ready:
    """A comparison whose documents are read: the fits that are missing, and where they are kept."""

    data: Data
    records: dict[str, Records]
    units: list[Unit]


@dataclass(frozen=True)
class Finished:
    """What a run did: fits tried, fits left (for lack of time, or failed), and messages of those that failed."""

    made: int
    left: int
    failures: tuple[str, ...]


def loader(place: Place, reading: Reading | None = None, say: Say | None = None) -> Load:
    """Read the settings of comparisons; ``reading`` opens the progress of one setting's extraction."""
    read = reader(place, reading, say)
    return lambda comparison: read(comparison.setting, comparison.documents, None)


def reader(place: Place, reading: Reading | None = None, say: Say | None = None) -> Read:
    """Read settings from the data folder, each once; where few documents are asked for, a part of them."""
    known: dict[tuple[str, float | None], Data] = {}

    def read(setting: Setting, documents: int | None, window: float | None) -> Data:
        if place.data is None:
            raise UsageError("the data folder is needed for the fits that are left: name it with --data")
        key = setting.id, window
        if key not in known:
            with reading(f"features of {setting.id}") if reading else nullcontext() as progress:
                known[key] = prepare(setting, place.data, place.features, progress, say, window)
        data = known[key]
        if documents is None:
            return data
        return data.take(stratified_groups(data.y, data.groups, documents, place.seed))

    return read


def get_ready(
    plan: Sequence[Comparison], place: Place, load: Load, hours: float | None = None, redo: Sequence[str] = ()
) -> list[Ready]:
    """Read what the plan needs, in its order, and list the fits that are missing; none with ``hours`` 0.

    ``redo`` names models whose stored fits are thrown away. Raises UsageError, before any fit, where a stored
    file was made with other options, data, folds or seed, or where fits that are left began on another device. With
    ``hours`` 0 nothing is fitted, and stored files are taken as they are: tables name those of an earlier version.
    """
    for comparison in plan:
        for name in set(redo) & set(comparison.models):
            remove(place.folder(comparison), name)
    if hours == 0:
        return []
    busy = {work.comparison.id for work in survey(plan, place) if work.done < work.fits}
    ready = []
    for comparison in plan:
        if comparison.id in busy:
            ready.append(_prepare(comparison, place, load(comparison)))
        else:
            _check(comparison, place)
    return ready


def run(
    ready: Sequence[Ready],
    seed: int = 0,
    jobs: int | None = None,
    hours: float | None = None,
    progress: Progress | None = None,
) -> Finished:
    """Make the fits that are missing, setting by setting, repeat by repeat, and keep each at once.

    No new fit is started after ``hours``. A fit that fails is kept as a failure, and the others go on.
    """
    deadline = time.monotonic() + 3600 * hours if hours is not None else float("inf")
    total = sum(len(part.units) for part in ready)
    made, failures = 0, []
    for part in ready:
        for unit, outcome in fitted(part.units, part.data, seed, jobs, deadline):
            made += 1
            stored = part.records[unit.name]
            if isinstance(outcome, str):
                stored.fail(unit.split, outcome)
                failures.append(f"{stored.path.parent}: {outcome}")
            else:
                stored.add(unit.split, part.data.bags.ids[unit.split.test].tolist(), outcome)
            if progress:
                progress(made, total, unit.name)
    return Finished(made, total - made + len(failures), tuple(failures))


def splits_of(comparison: Comparison, data: Data, seed: int) -> list[Split]:
    """The splits of a comparison; documents that do not count are trained on only."""
    return grouped_folds(data.y, data.groups, comparison.folds, comparison.repeats, seed, data.score)


def _prepare(comparison: Comparison, place: Place, data: Data) -> Ready:
    """Open the records of every model, and list the fits that are missing."""
    folder = place.folder(comparison)
    splits = splits_of(comparison, data, place.seed)
    about = describe(comparison, data, splits, place.seed)
    models = {name: _model(comparison, place, name) for name in comparison.models}
    records = {
        name: Records.open(folder, name, data.classes, _about(comparison, place, name, model, about["data"]))
        for name, model in models.items()
    }
    write_setting(folder, about, data)
    for name, model in models.items():
        done = len(records[name].done & {(split.repeat, split.fold) for split in splits})
        require_device(model, place.device, records[name].json, done, len(splits) - done)
    units = [
        Unit(name, model, split)
        for split in splits
        for name, model in models.items()
        if (split.repeat, split.fold) not in records[name].done
    ]
    return Ready(data, records, units)


def _check(comparison: Comparison, place: Place) -> None:
    """Compare the stored keys with the models as they are now, by the data's hash in the setting's own file."""
    about = read_setting(place.folder(comparison))
    if about is None:
        return
    for name in comparison.models:
        head = _about(comparison, place, name, _model(comparison, place, name), about["data"])
        Records.open(place.folder(comparison), name, about["classes"], head)


def _model(comparison: Comparison, place: Place, name: str) -> Any:
    model = build(name, place.options.get(name), comparison.small)
    return where_stored(model, read_about(place.folder(comparison), name), place.device)


def _about(comparison: Comparison, place: Place, name: str, model: Any, data: str) -> dict[str, Any]:
    return {
        "model": name,
        "key": fit_key(model, data, comparison.folds, place.seed),
        "setting": comparison.id,
        "data": data,
        "folds": comparison.folds,
        "seed": place.seed,
        "options": dict(place.options.get(name, {})),
        **identity(model),
    }


def fitted(
    units: Sequence[Unit], data: Data, seed: int, jobs: int | None, deadline: float
) -> Iterator[tuple[Unit, Outcome | str]]:
    """Fits as they are done; a message instead of the outcome of one that failed."""
    for number, outcome in in_parallel(_fit, [(unit, data, seed) for unit in units], jobs, deadline):
        yield units[number], outcome


def _fit(unit: Unit, data: Data, seed: int) -> Outcome:
    return fit_fold(unit.name, unit.model, data.bags, data.y, data.groups, unit.split, data.classes, seed, False)
