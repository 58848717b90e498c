"""How much work is left, and how long it will take: from fits that were timed, else from a committed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from hilbert.benchmark.models import build, trainings
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.records import read_about

QUICK_SHARE = 0.1  # of the seconds of a whole fit, for one of the quick tier
TUNING_SHARE = 0.2  # and for one inside the tuning companies


@dataclass(frozen=True)
class Work:
    """One model in one setting: fits in all and done, networks a fit trains, seconds a fit is expected to take."""

    comparison: Comparison
    model: str
    fits: int
    done: int
    trainings: int
    seconds: float

    @property
    def left(self) -> float:
        """Seconds of one core."""
        return (self.fits - self.done) * self.seconds


def survey(plan: Sequence[Comparison], place: Place, again: Sequence[str] = ()) -> list[Work]:
    """What is to do, from the files that are there; neither data nor features are read. ``again``: done anew."""
    costs = _costs()
    rows = []
    for comparison in plan:
        for name in comparison.models:
            about = read_about(place.folder(comparison), name)
            timed = [fit["seconds"] for fit in about["fits"]] if about else []
            stored = about["fits"] if about and name not in again else []
            inside = [fit for fit in stored if fit["repeat"] < comparison.repeats]
            model = build(name, place.options.get(name), comparison.small)
            seconds = sum(timed) / len(timed) if timed else _expected(costs, comparison, name)
            rows.append(
                Work(comparison, name, comparison.folds * comparison.repeats, len(inside), trainings(model), seconds)
            )
    return rows


def tuning_seconds(name: str, task: str) -> float:
    """Expected seconds of one fit inside the tuning companies."""
    costs = _costs()
    return float(costs.get(name, costs["default"])[task]) * TUNING_SHARE


def expected_seconds(name: str, task: str, small: bool = False) -> float:
    """Expected seconds of one fit of the main benchmark, before anything was timed."""
    return _seconds(_costs(), name, task, small)


def _expected(costs: Mapping[str, Any], comparison: Comparison, name: str) -> float:
    return _seconds(costs, name, comparison.setting.task.name, comparison.small)


def _seconds(costs: Mapping[str, Any], name: str, task: str, small: bool) -> float:
    return float(costs.get(name, costs["default"])[task]) * (QUICK_SHARE if small else 1.0)


def _costs() -> dict[str, Any]:
    text = resources.files("hilbert.benchmark").joinpath("costs.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
