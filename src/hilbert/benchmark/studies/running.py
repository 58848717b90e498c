"""The work of studies: fits in parallel processes, each kept as soon as it is done; trainings are shared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hilbert.benchmark.models import digest, identity, require_device, trainings, where_stored
from hilbert.benchmark.parallel import in_parallel
from hilbert.benchmark.place import Place, write_documents
from hilbert.benchmark.running import Finished, Progress
from hilbert.benchmark.studies.case import Case, Material
from hilbert.benchmark.studies.jobs import Opened, measured, missing_jobs, shares, together
from hilbert.benchmark.studies.store import Stored, read_head, require_key
from hilbert.errors import UsageError
from hilbert.files import read_json, write_json

CASE = "case.json"
VERSION = 1  # raised when the same case would give other numbers
Load = Callable[[Case], Material]


@dataclass(frozen=True)
class Left:
    """One model in one case: fits in all and done, networks a fit trains, expected seconds of the rest on one core.

    A training that several cases look at is counted for the first of them.
    """

    case: Case
    model: str
    fits: int
    done: int
    trainings: int
    seconds: float


def survey(cases: Sequence[Case], place: Place, expected: Callable[[Case, str], float]) -> list[Left]:
    """What is to do, from the files that are there; neither data nor features are read."""
    rows, trained = [], set()
    for case in cases:
        for name, model in case.models.items():
            head = read_head(folder(case, place) / f"{name}.parquet")
            timed = [fit["seconds"] for fit in head["fits"]] if head else []
            seconds = float(np.mean(timed)) if timed else expected(case, name)
            fits = case.folds * case.repeats
            left = fits - len(timed)
            again = shares(case, name) and (case.training, name) in trained
            if left:
                trained.add((case.training, name))
            networks = 0 if again else trainings(model)
            cost = left * ((0.0 if again else seconds) + case.beside)
            rows.append(Left(case, name, fits, len(timed), networks, cost))
    return rows


def folder(case: Case, place: Place) -> Any:
    """Where a case's fits lie."""
    return place.out / "studies" / case.id


def run(
    cases: Sequence[Case],
    place: Place,
    load: Load,
    jobs: int | None = None,
    hours: float | None = None,
    redo: Sequence[str] = (),
    progress: Progress | None = None,
) -> Finished:
    """Make the fits that are missing, case by case; none is begun after ``hours``, and nothing is read with 0.

    ``redo`` names models whose stored fits are thrown away. Raises UsageError where stored fits were made otherwise, or
    are unfinished and began on another device; not with ``hours`` 0, since tables name those of an earlier version.
    """
    deadline = time.monotonic() + 3600 * hours if hours is not None else float("inf")
    for case in cases:
        for name in set(redo) & set(case.models):
            (folder(case, place) / f"{name}.parquet").unlink(missing_ok=True)
    cases = [_where_stored(case, place) for case in cases]
    for case in cases if hours != 0 else ():
        _check(case, place)
    work = survey(cases, place, lambda case, name: 0.0)
    for row in work if hours != 0 else ():
        path = folder(row.case, place) / f"{row.model}.parquet"
        require_device(row.case.models[row.model], place.device, path, row.done, row.fits - row.done)
    busy = {row.case.id for row in work if row.done < row.fits}
    total, made, failures = sum(row.fits - row.done for row in work), 0, []
    for group in together([case for case in cases if case.id in busy]):
        if time.monotonic() >= deadline:
            break
        opened = [_open(case, place, load(case)) for case in group]
        jobs_left = missing_jobs(opened)
        rows = [(job, place.seed) for job in jobs_left]
        for number, found in in_parallel(measured, rows, jobs, deadline):
            job = jobs_left[number]
            for part, one in enumerate(job.cases):
                made += 1
                stored = next(o.stored for o in opened if o.case.id == one.id)[job.name]
                if isinstance(found, str):
                    stored.fail(job.split, found)
                    failures.append(f"{one.id}: {found}")
                else:
                    stored.add(job.split, found[part])
                if progress:
                    progress(made, total, f"{one.id} {job.name}")
    return Finished(made, max(0, total - made) + len(failures), tuple(failures))


def _open(case: Case, place: Place, material: Material) -> Opened:
    """Open every model's file, and write what the case is."""
    data = material.fingerprint()
    target = folder(case, place)
    stored = {}
    for name, model in case.models.items():
        about = {"model": name, "data": data, "seed": place.seed, **identity(model)}
        about["key"] = key_of(case, model, data, place.seed)
        stored[name] = Stored.open(target / f"{name}.parquet", about)
    _describe(case, place, material, data)
    return Opened(case, material, stored)


def key_of(case: Case, model: Any, data: str, seed: int) -> str:
    """A hash of all that a stored fit depends on."""
    how = case.look or case.measure
    assert how is not None, case.id
    return digest([VERSION, identity(model), data, how.__name__, dict(case.extra), seed])


def _where_stored(case: Case, place: Place) -> Case:
    """The case with each model on the device of its stored fits."""
    heads = {name: read_head(folder(case, place) / f"{name}.parquet") for name in case.models}
    models = {name: where_stored(model, heads[name], place.device) for name, model in case.models.items()}
    return replace(case, models=models)


def _check(case: Case, place: Place) -> None:
    """Compare stored keys with the models as they are now, by the data's hash in ``case.json`` alone."""
    about = read_case(case, place)
    for name, model in case.models.items() if about is not None else ():
        path = folder(case, place) / f"{name}.parquet"
        head = read_head(path)
        if about is not None and head is not None and head["data"] == about["data"]:
            require_key(path, head, key_of(case, model, about["data"], place.seed))


def _describe(case: Case, place: Place, material: Material, data: str) -> None:
    """Write ``case.json`` and ``documents.parquet``: all that tables need beside the fits."""
    path = folder(case, place) / CASE
    about = {
        "study": case.study,
        "case": case.name,
        "what": case.what,
        "setting": case.setting.id,
        "audio": case.setting.audio,
        "text": case.setting.text,
        "data": data,
        "small": case.documents is not None,
        "classes": {name: material.classes(name) for name in material.targets},
        "documents": len(material.bags),
        "splits": [[s.repeat, s.fold, len(s.train), len(s.unlabelled), len(s.test)] for s in material.splits],
        "notes": list(material.notes),
    }
    known = read_case(case, place)
    if known is not None and known["data"] != data:
        raise UsageError(f"{path}: was made with other data or folds; remove its folder, or choose another --out")
    if known == about:
        return
    labels = {f"label_{name}": values for name, values in material.targets.items()}
    write_documents(path.parent, material.bags.ids.tolist(), material.groups, material.score, labels)
    write_json(path, about)


def read_case(case: Case, place: Place) -> Mapping[str, Any] | None:
    """What ``case.json`` holds, None where nothing was fitted yet."""
    return read_json(folder(case, place) / CASE, ("data", "classes", "splits"), "hilbert benchmark --study")
