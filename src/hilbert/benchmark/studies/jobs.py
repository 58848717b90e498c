"""Trainings that are missing, each with the cases that look at it, so that none is made twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from hilbert.benchmark.models import digest, identity
from hilbert.benchmark.studies.case import DIRECT, Case, Found, Look, Material, Table, Trained, is_representation
from hilbert.benchmark.studies.store import Stored
from hilbert.evaluation.fitting import fit_one
from hilbert.splits import Split


@dataclass(frozen=True, eq=False)
class Opened:
    """A case whose documents are read, and the files of its models."""

    case: Case
    material: Material
    stored: dict[str, Stored]


@dataclass(frozen=True, eq=False)
class Job:
    """One training, and the cases (with their documents) that look at it; one case where none is shared."""

    name: str
    model: Any
    split: Split
    cases: tuple[Case, ...]
    materials: tuple[Material, ...]


def together(cases: Sequence[Case]) -> list[list[Case]]:
    """Cases that look at the same trainings side by side, in the order of the first of them."""
    found: dict[object, list[Case]] = {}
    for case in cases:
        found.setdefault(case.training or case.id, []).append(case)
    return list(found.values())


def shares(case: Case, name: str) -> bool:
    """Whether the case looks at a training of this model, which others may look at, too."""
    return case.look is not None and name not in DIRECT


def missing_jobs(opened: Sequence[Opened]) -> list[Job]:
    """What is missing, split by split and model by model."""
    if len({one.material.training() for one in opened}) != 1:
        raise ValueError(f"{', '.join(one.case.id for one in opened)} are not trained on the same documents")
    jobs = []
    for split in opened[0].material.splits:
        for name in dict.fromkeys(name for one in opened for name in one.case.models):
            alike: dict[str, list[Opened]] = {}
            for one in opened:
                if name in one.case.models and (split.repeat, split.fold) not in one.stored[name].done:
                    own = digest(identity(one.case.models[name])) if shares(one.case, name) else one.case.id
                    alike.setdefault(own, []).append(one)
            for ones in alike.values():
                cases, materials = tuple(one.case for one in ones), tuple(one.material for one in ones)
                jobs.append(Job(name, cases[0].models[name], split, cases, materials))
    return jobs


def measured(job: Job, seed: int) -> list[Found]:
    """What each case of a job finds."""
    if not shares(job.cases[0], job.name):
        measure = job.cases[0].measure
        assert measure is not None, job.cases[0].id
        return [measure(job.name, job.model, job.materials[0], job.split, seed)]
    looks = [(case.look, material) for case, material in zip(job.cases, job.materials, strict=True) if case.look]
    return looked_at(job.name, job.model, looks, job.split, seed)


def looked_at(name: str, model: Any, looks: Sequence[tuple[Look, Material]], split: Split, seed: int) -> list[Found]:
    """Train a representation once and look at it for several cases, whose materials differ in their targets alone."""
    inner: list[tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]] = []
    material = looks[0][1]

    def keep(z: dict[str, NDArray[np.float64]], train: NDArray[np.int64], test: NDArray[np.int64]) -> None:
        inner.append((z, train, test))

    def look(fitted: Any) -> list[list[Table]]:
        return [look(Trained(fitted, inner), material, split) for look, material in looks]

    known = material.bags, material.y, material.groups
    told = clone(model)
    if is_representation(told, supervised=True):
        told.set_params(on_inner=keep)
    found, seconds, notes = fit_one(name, told, *known, split, seed, look)
    return [Found(tables, seconds, notes) for tables in found]
