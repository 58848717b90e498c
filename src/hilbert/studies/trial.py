"""One trial of an experiment: a model on training documents of a synthetic corpus, measured on the others."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from hilbert.benchmark.models import build, digest, identity
from hilbert.evaluation.fitting import single_thread
from hilbert.evaluation.setting import plain
from hilbert.features.bags import Bags
from hilbert.features.pairing import partners
from hilbert.studies import quantities
from hilbert.synthetic import Design, Synthetic, generate

VERSION = 2  # raised when the same trial would give other values
REPEAT = 100_000  # between the model seeds of one data seed; no data seed is as large
Values = dict[str, float]


@dataclass(frozen=True)
class Arm:
    """A registered model with options, under the name that tables show; ``only``: the one modality that it sees."""

    name: str
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    only: str | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """An arm in a case: the first ``train`` documents of the design are trained on, the others are tested.

    ``level``: where the case lies on the axis of the figure. ``seed`` decides the data and, with ``repeat``, the
    model. ``shuffled``: training documents have the text of others. ``labelled``: how many of them have a label (None:
    all). ``measures``: names in ``quantities.MEASURES``.
    """

    arm: Arm
    case: str
    level: float
    design: Design
    train: int
    seed: int
    repeat: int
    measures: tuple[str, ...]
    shuffled: bool = False
    labelled: int | None = None

    @cached_property
    def key(self) -> str:
        """Hash of all that the values depend on."""
        model = _identity(self.arm.model, json.dumps(plain(self.arm.options), sort_keys=True))
        where = [self.train, self.labelled, self.seed, self.repeat, self.shuffled, self.arm.only, list(self.measures)]
        return digest([model, plain(asdict(self.design)), where, VERSION])


@cache
def _identity(model: str, options: str) -> dict[str, Any]:
    """An arm is in hundreds of trials, and its configuration is read from files."""
    return identity(build(model, json.loads(options)))


def run_trial(trial: Trial) -> tuple[Values, float]:
    """The values of a trial by name, and the seconds of the fit; on one thread, so that they are the same anywhere."""
    with single_thread(trial.seed):
        return _run(trial)


def _run(trial: Trial) -> tuple[Values, float]:
    data = generate(trial.design, trial.seed)
    train, test = np.arange(trial.train), np.arange(trial.train, trial.design.documents)
    bags = _shuffled_training(data, train) if trial.shuffled else data.bags
    if trial.arm.only is not None:
        bags = bags.without("text" if trial.arm.only == "audio" else "audio")
    model = build(trial.arm.model, trial.arm.options)
    if "seed" in model.get_params(deep=False):
        model.set_params(seed=trial.seed + REPEAT * trial.repeat)
    y = data.y[train].astype(object)
    if trial.labelled is not None:
        y[trial.labelled :] = None
        if not getattr(model, "uses_unlabelled", False):
            train, y = train[: trial.labelled], y[: trial.labelled]
    started = time.perf_counter()
    model.fit(bags[train], y, data.groups[train])
    seconds = time.perf_counter() - started
    seen = quantities.Seen(model, data, bags, train, test, trial.seed)
    values = quantities.measure(seen, trial.measures)
    return {name: float(f"{value:.6g}") for name, value in values.items()}, round(seconds, 3)


def _shuffled_training(data: Synthetic, train: np.ndarray[Any, np.dtype[np.int64]]) -> Bags:
    """All documents, those of training with the text of one another."""
    rows = np.arange(len(data.bags))
    rows[train] = train[partners(data.groups[train], seed=data.seed)]
    bags = data.bags
    return Bags(bags.ids, bags.audio, bags.text.take(rows), bags.duration, bags.source, bags.notes)
