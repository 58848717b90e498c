"""The monitors of information flow over all fits of a result: means, spreads, and a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hilbert.evaluation.printing import print_table
from hilbert.evaluation.verdict import number
from hilbert.monitors import perceptual_score

if TYPE_CHECKING:
    from rich.console import Console

    from hilbert.evaluation.result import Result

Rows = Sequence[Mapping[str, float | None]]
PLACE = ("repeat", "fold")
MODALITIES = ("audio", "text")
PAIRS = {"retention": "retention", "recovery": "R²", "drop": "AUC drop", "shapley": "Shapley"}
"""Monitors with a value for either modality, and what tables call them."""
OTHERS = {
    "dominance": "dominance",
    "share": "part of z_joint",
    "mass": "gate or attention",
    "gradient": "part of the gradient",
}


class Mean(NamedTuple):
    """Mean and standard deviation over the fits in which a monitor is defined; NaN where these are too few."""

    value: float
    spread: float
    defined: int
    of: int


def means(rows: Rows) -> dict[str, Mean]:
    """Every monitor of one model over its fits.

    "perceptual_audio" and "perceptual_text" are ratios of two means, mean drop by mean height above chance: inside one
    small fold the height may be next to nothing. They have no spread.
    """
    names = dict.fromkeys(name for row in rows for name in row if name not in PLACE)
    found = {}
    for name in names:
        values = [value for row in rows if (value := row.get(name)) is not None]
        mean, spread = float(np.mean(values)) if values else math.nan, math.nan
        if len(values) > 1:
            spread = float(np.std(values, ddof=1))
        found[name] = Mean(mean, spread, len(values), len(rows))
    for modality in MODALITIES:
        if (drop := found.get(f"drop_{modality}")) is not None:
            score = perceptual_score(found["auc"].value, drop.value)
            found[f"perceptual_{modality}"] = Mean(score, math.nan, drop.defined, drop.of)
    return found


def print_flow(result: Result, console: Console) -> None:
    """A row a model, the audio's monitors over the text's, and what is undefined below; nothing without monitors."""
    from rich.text import Text

    if not result.flow:
        return
    fits = max(len(rows) for rows in result.flow.values())
    over = f": mean ± standard deviation over {fits} fits" if fits > 1 else ""
    lines = []
    for model, rows in result.flow.items():
        found = means(rows)
        pairs = ["\n".join(cell(found.get(f"{name}_{modality}")) for modality in MODALITIES) for name in PAIRS]
        lines.append([model, "\n".join(MODALITIES), *pairs, cell(found.get("dominance"), True)])
    headings = ["model", "", *PAIRS.values(), "dominance"]
    print_table(console, f"Information flow on test documents{over}", headings, lines, left=2)
    for line in undefined(result):
        console.print(Text(line))
    console.print()


def cell(mean: Mean | None, signed: bool = False) -> str:
    """Mean ± spread to two digits; empty for a monitor that a model does not have."""
    if mean is None:
        return ""
    value = number(None if math.isnan(mean.value) else mean.value, signed, 2)
    return value if math.isnan(mean.spread) else f"{value}±{number(mean.spread, digits=2)}"


def undefined(result: Result) -> list[str]:
    """How many fits the means are without, in one line; none where all is defined."""
    parts: dict[str, list[str]] = {}
    for model, rows in result.flow.items():
        found = means(rows)
        for kind, word in {**PAIRS, **OTHERS}.items():
            own = {name: mean.of - mean.defined for name, mean in found.items() if name.startswith(kind)}
            lacking = {name.removeprefix(f"{kind}_"): count for name, count in own.items() if count}
            if lacking:
                which = "" if len(lacking) == len(own) else f" ({', '.join(lacking)})"
                parts.setdefault(f"{model} in {max(lacking.values())} of {len(rows)} fits", []).append(word + which)
    if not parts:
        return []
    listed = "; ".join(f"{', '.join(words)} of {where}" for where, words in parts.items())
    return [f"Undefined, and not in the means: {listed}."]
