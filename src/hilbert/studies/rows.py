"""Stored trials: a line of JSON each, appended as soon as it is done, and looked up by arm, case and quantity."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hilbert.errors import InputError
from hilbert.evaluation.setting import describe_environment
from hilbert.files import write_text
from hilbert.studies.claims import combined
from hilbert.studies.trial import Trial

Row = Mapping[str, Any]


def read_rows(path: Path) -> dict[str, Row]:
    """Rows by key; none where there is no file. A line cut short by an interruption is left out."""
    if not path.exists():
        return {}
    found: dict[str, Row] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            found[row["key"]] = row
        except (ValueError, KeyError, TypeError):
            if number < len(lines):
                raise InputError(
                    f"{path}, line {number}: expected a finished trial as JSON, found {line[:60]!r}"
                ) from None
    return found


def row_of(trial: Trial, values: Mapping[str, float], seconds: float, unconverged: int | None = 0) -> dict[str, Any]:
    """What is stored of a finished trial, and when and with what it was made: here and now.

    ``unconverged``: how many of its linear fits stopped before they had converged; None: not counted.
    """
    environment = describe_environment()
    return {
        "key": trial.key,
        "arm": trial.arm.name,
        "case": trial.case,
        "level": trial.level,
        "seed": trial.seed,
        "repeat": trial.repeat,
        "seconds": seconds,
        "unconverged": unconverged,
        "date": environment["date"][:10],
        "with": made_with(environment),
        "values": dict(values),
    }


def made_with(environment: Mapping[str, Any]) -> str:
    """Machine and versions in words."""
    versions = ", ".join(f"{name} {environment['versions'][name]}" for name in ("torch", "numpy", "scikit-learn"))
    return f"{environment['platform']}, Python {environment['python']}, {versions}"


def append(path: Path, row: Row) -> None:
    """Add a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def tidy(path: Path, keys: Sequence[str]) -> None:
    """Put the rows in the order of the plan; those of earlier plans stay, after them."""
    rows = read_rows(path)
    order = [key for key in dict.fromkeys(keys) if key in rows]  # one fit may stand for several arms of the plan
    rest = sorted(set(rows) - set(order))
    text = "".join(json.dumps(rows[k], ensure_ascii=False, separators=(",", ":")) + "\n" for k in (*order, *rest))
    if path.exists() and path.read_text(encoding="utf-8") != text:
        write_text(path, text)


class Found:
    """The finished trials of one plan."""

    def __init__(self, trials: Iterable[Trial], rows: Mapping[str, Row]) -> None:
        self.rows = [{**rows[trial.key], "arm": trial.arm.name, "case": trial.case, "level": trial.level}
                     for trial in trials if trial.key in rows]  # fmt: skip
        self.arms = list(dict.fromkeys(row["arm"] for row in self.rows))
        self.levels = {row["case"]: row["level"] for row in self.rows}
        self.cases = list(self.levels)

    def values(self, quantity: str, arm: str, *cases: str) -> dict[int, float]:
        """A number a data seed: the mean over repeats, then over ``cases`` (default: all that there are).

        A seed without one of the cases is left out; so is a row without the quantity.
        """
        wanted = cases or tuple(self.cases)
        cells: dict[tuple[int, str], list[float]] = defaultdict(list)
        for row in self.rows:
            if row["arm"] == arm and row["case"] in wanted and quantity in row["values"]:
                cells[row["seed"], row["case"]].append(row["values"][quantity])
        seeds = sorted({seed for seed, _ in cells})
        return {
            seed: float(np.mean([np.mean(cells[seed, case]) for case in wanted]))
            for seed in seeds
            if all((seed, case) in cells for case in wanted)
        }

    def seeds(self, arm: str, case: str) -> int:
        """How many data seeds an arm was fitted on in a case."""
        return len({row["seed"] for row in self.rows if row["arm"] == arm and row["case"] == case})

    def change(self, quantity: str, one: str, other: str, *cases: str) -> dict[int, float]:
        """The paired difference of two arms, a number a data seed."""
        return combined(self.values(quantity, one, *cases), self.values(quantity, other, *cases))

    def slope(self, quantity: str, arm: str) -> dict[int, float]:
        """A number a data seed: the slope of a straight line through the quantity over the levels of the arm's cases.

        A seed without one of them is left out.
        """
        each = {case: found for case in self.cases if (found := self.values(quantity, arm, case))}
        seeds = set.intersection(*(set(values) for values in each.values())) if each else set()
        levels = [self.levels[case] for case in each]
        if len(set(levels)) < 2:
            return {}
        return {s: float(np.polyfit(levels, [values[s] for values in each.values()], 1)[0]) for s in sorted(seeds)}

    @property
    def seconds(self) -> float:
        """Of all fits."""
        return float(sum(row["seconds"] for row in self.fits))

    @property
    def fits(self) -> list[Row]:
        """Each fit once, where several arms have the same options."""
        return list({row["key"]: row for row in self.rows}.values())

    def described(self) -> str:
        """How many fits of how many seeds, how long they took, and when and with what they were made."""
        if not self.rows:
            return "No fit was made yet."
        seeds = len({row["seed"] for row in self.rows})
        repeats = len({row["repeat"] for row in self.rows})
        each = "one model seed" if repeats == 1 else f"up to {repeats} model seeds"
        dates = sorted({row["date"] for row in self.rows})
        when = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
        unconverged = sum((row["unconverged"] or 0) > 0 for row in self.fits)
        unknown = sum(row["unconverged"] is None for row in self.fits)
        return " ".join([
            f"{len(self.fits)} fits: {seeds} data seeds, {each} for each, {self.seconds / 3600:.2f} hours of one core, "
            f"{when}.",
            *(f"{found}." for found in sorted({row["with"] for row in self.rows})),
            *([f"In {unconverged} of them a linear fit stopped before it had converged."] if unconverged else []),
            *([f"In {unknown} of them nobody counted whether linear fits converged."] if unknown else []),
        ])  # fmt: skip
