"""Options and comparators are chosen on the tuning companies alone: random trials, each by grouped folds inside them.

tuning/<model>.json     each trial's options, AUC of every output and seconds, a task at a time
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hilbert.benchmark.estimate import tuning_seconds
from hilbert.benchmark.models import build, digest, identity, on_device
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.running import Unit, fitted
from hilbert.benchmark.tasks import is_tuning
from hilbert.errors import ConfigError, InputError, UsageError
from hilbert.evaluation.fitting import Outcome
from hilbert.evaluation.setting import plain
from hilbert.files import read_json, write_json
from hilbert.metrics import within_fold_auc
from hilbert.splits import Split, grouped_folds

TASKS = ("maec-a", "maec-b")
TRIALS = 16
FOLDS = 3
Progress = Callable[[int, int, str], None]


@dataclass
class Study:
    """The trials of one model; ``scores[trial][task]`` holds ``auc`` (of each output), ``seconds`` or ``error``."""

    name: str
    path: Path
    key: str
    trials: list[dict[str, Any]]
    scores: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    device: str = "cpu"

    def mean(self, trial: int) -> float:
        """The criterion: mean over the tasks of the main output's AUC; NaN before both are there."""
        found = [self.scores[trial].get(task, {}).get("auc", {}).get(self.name) for task in TASKS]
        return float(np.mean(found)) if all(value is not None for value in found) else math.nan

    @property
    def best(self) -> int | None:
        """The trial with the highest criterion, the first of equals; None where none is finished."""
        means = [self.mean(trial) for trial in range(len(self.trials))]
        finished = [trial for trial, value in enumerate(means) if not math.isnan(value)]
        return max(finished, key=lambda trial: (means[trial], -trial)) if finished else None

    def write(self) -> None:
        """Write the file, whole or not at all."""
        rows = [{"options": o, "tasks": s} for o, s in zip(self.trials, self.scores, strict=True)]
        write_json(self.path, {"model": self.name, "key": self.key, "trials": rows})


def trials_of(name: str, seed: int = 0, count: int = TRIALS) -> list[dict[str, Any]]:
    """Options of each trial: the defaults first, then others drawn from the model's ``space`` without repetition."""
    model = build(name)
    space: Mapping[str, Sequence[Any]] = getattr(model, "space", None) or {}
    defaults = {**(getattr(model, "defaults", None) or {}), **model.get_params(deep=False)}
    names = sorted(space)
    size = math.prod(len(space[option]) for option in names) if names else 0
    rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))
    order = rng.permutation(size) if size <= 100_000 else rng.integers(0, size, 100 * count)
    found: list[dict[str, Any]] = [{}]
    for number in order.tolist():
        if len(found) == count:
            break
        options = {}
        for option in names:
            number, place = divmod(number, len(space[option]))
            options[option] = plain(space[option][place])
        is_default = all(option in defaults and defaults[option] == value for option, value in options.items())
        if not (is_default or options in found or _alike(name, options, model)):
            found.append(options)
    return found


def _alike(name: str, options: Mapping[str, Any], model: Any) -> bool:
    """Whether options give the model that is there already, or none since they do not fit one another."""
    try:
        return bool(identity(build(name, options)) == identity(model))
    except ConfigError:
        return True


def tuning_part(data: Data) -> Data:
    """The documents of the tuning companies, and no other."""
    rows = np.flatnonzero([is_tuning(str(group)) for group in data.groups])
    if not len(rows):
        raise InputError(f"{data.group}: expected documents of tuning companies, found none")
    part = data.take(rows)
    if part.score.any():
        raise InputError(f"{data.label}: a document of a tuning company is marked as scored")
    return part


def tuning_splits(part: Data, seed: int) -> list[Split]:
    """Grouped folds inside the tuning companies."""
    return grouped_folds(part.y, part.groups, FOLDS, 1, seed)


def open_study(
    folder: Path, name: str, parts: Mapping[str, Data], seed: int, trials: int = TRIALS, device: str = "cpu"
) -> Study:
    """A model's trials and what is known of them; more trials extend a study, and fewer leave it as it is.

    Raises UsageError where the file belongs to another space, other defaults, data, seed or device.
    """
    path = folder / f"{name}.json"
    stored = read_study(path)
    known = stored["trials"] if stored else []
    options = trials_of(name, seed, max(trials, len(known)))
    key = _study_key(name, parts, seed, device)
    if stored and (stored["key"] != key or [row["options"] for row in known] != options[: len(known)]):
        raise UsageError(
            f"{path}: was tuned with another space, other defaults, data, seed or device; remove it, choose another "
            f"--out, or tune it again with --redo {name}"
        )
    scores = [row["tasks"] for row in known] + [{} for _ in options[len(known) :]]
    return Study(name, path, key, options, scores, device)


def _study_key(name: str, parts: Mapping[str, Data], seed: int, device: str) -> str:
    model = on_device(build(name), device)
    space = plain(dict(getattr(model, "space", None) or {}))
    return digest([identity(model), space, [parts[task].fingerprint() for task in TASKS], FOLDS, seed])


def open_others(
    folder: Path, names: Sequence[str], parts: Mapping[str, Data], seed: int, device: str = "cpu"
) -> tuple[list[Study], list[str]]:
    """Studies of an earlier run, for the models among ``names`` that have one; and those that no longer fit."""
    found, stale = [], []
    for name in names:
        if (folder / f"{name}.json").exists():
            try:
                found.append(open_study(folder, name, parts, seed, 1, device))
            except UsageError as error:
                stale.append(str(error))
    return found, stale


def left(folder: Path, name: str, seed: int = 0, trials: int = TRIALS, again: bool = False) -> tuple[int, int, float]:
    """Fits in all, fits done (none ``again``), and expected seconds of the rest, from the stored file alone."""
    trials = len(trials_of(name, seed, trials))
    stored = None if again else read_study(folder / f"{name}.json")
    done = [task for row in stored["trials"] for task in row["tasks"]] if stored else []
    seconds = sum(FOLDS * (trials - done.count(task)) * tuning_seconds(name, task) for task in TASKS)
    return FOLDS * len(TASKS) * trials, FOLDS * len(done), seconds


def read_study(path: Path) -> dict[str, Any] | None:
    """What is stored of a model's trials, None where there is nothing."""
    holds = ("model", "key", "trials")
    return read_json(path, holds, "hilbert benchmark --tune", "remove it to tune this model again")


def missing(study: Study) -> Iterator[tuple[int, str]]:
    """Trials and tasks that have no score yet."""
    for trial in range(len(study.trials)):
        for task in TASKS:
            if task not in study.scores[trial]:
                yield trial, task


def tune(
    studies: Sequence[Study],
    parts: Mapping[str, Data],
    seed: int = 0,
    jobs: int | None = None,
    deadline: float = math.inf,
    progress: Progress | None = None,
) -> list[str]:
    """Score the trials that are missing, each written when its folds are done; returns what failed."""
    failures = []
    splits = {task: tuning_splits(parts[task], seed) for task in TASKS}
    total = sum(FOLDS for study in studies for _ in missing(study))
    made = 0
    for study in studies:
        for task in TASKS:
            trials = [trial for trial, where in missing(study) if where == task]
            models = {trial: on_device(build(study.name, study.trials[trial]), study.device) for trial in trials}
            units = [Unit(study.name, models[trial], split) for trial in trials for split in splits[task]]
            places = {id(unit): trial for unit, trial in zip(units, np.repeat(trials, FOLDS), strict=True)}
            known: dict[int, dict[int, Outcome | str]] = {trial: {} for trial in trials}
            for unit, outcome in fitted(units, parts[task], seed, jobs, deadline):
                made += 1
                trial = int(places[id(unit)])
                known[trial][unit.split.fold] = outcome
                if len(known[trial]) == len(splits[task]):
                    row = score(known[trial], splits[task], parts[task])
                    study.scores[trial][task] = row
                    study.write()
                    if "error" in row:
                        failures.append(f"{task}, trial {trial}: {row['error']}")
                if progress:
                    progress(made, total, study.name)
    return failures


def score(outcomes: Mapping[int, Outcome | str], splits: Sequence[Split], part: Data) -> dict[str, Any]:
    """Within-fold macro AUC of every output over all folds of a trial, and seconds a fit."""
    wrong = [outcome for outcome in outcomes.values() if isinstance(outcome, str)]
    if wrong:
        return {"error": wrong[0]}
    done = {fold: outcome for fold, outcome in outcomes.items() if not isinstance(outcome, str)}
    rows = np.concatenate([split.test for split in splits])
    folds = np.concatenate([np.full(len(split.test), split.fold) for split in splits])
    auc = {}
    for key in done[splits[0].fold].proba:
        if all(key in outcome.proba for outcome in done.values()):
            proba = np.concatenate([done[split.fold].proba[key] for split in splits])
            auc[key] = round(within_fold_auc(part.y[rows].tolist(), proba, folds, part.classes), 6)
    return {"auc": auc, "seconds": round(float(np.mean([outcome.seconds for outcome in done.values()])), 3)}
