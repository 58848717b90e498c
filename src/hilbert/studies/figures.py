"""An experiment's figure: lines over the levels of its cases, or a row an arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hilbert.report.style import DASHES, INK, MARKERS, PALETTE, figure
from hilbert.studies.claims import Estimate, estimate
from hilbert.studies.experiment import Experiment
from hilbert.studies.rows import Found
from hilbert.studies.titles import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(experiment: Experiment, found: Found) -> Figure | None:
    """A panel a quantity, a line an arm, over the levels of the cases; a row an arm where cases have no order."""
    if not experiment.panels or not found.rows:
        return None
    if experiment.reference is not None:
        return _draw_differences(experiment.panels[0], experiment.reference, found)
    if not experiment.axis:  # cases that have no order
        return _draw_rows(experiment, found)
    drawn, axes = figure(3.6 * len(experiment.panels) + 2.4, 3.8, len(experiment.panels))
    for ax, quantity in zip(axes, experiment.panels, strict=True):
        for place, arm in enumerate(arm for arm in found.arms if not experiment.lines or arm in experiment.lines):
            _line(ax, found, quantity, arm, place)
        ax.set_title(title(quantity), fontsize=10, color=INK)
        ax.set_xlabel(experiment.axis, fontsize=9, color=INK)
        names = {level: case for case, level in found.levels.items()}
        if experiment.logarithmic:
            ax.set_xscale("log", base=2)
        else:
            names = {level: f"{level:.3g}".replace("-", "−") for level in names}
        ax.set_xticks(list(names), list(names.values()), rotation=0 if len(names) < 4 else 20)
        ax.minorticks_off()
    _name(drawn, axes)
    return drawn


def _name(drawn: Figure, axes: Sequence[Axes]) -> None:
    """One legend for all panels, whose lines are not always the same."""
    shown = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    drawn.legend(
        list(shown.values()), list(shown), loc="outside right upper", fontsize=8, frameon=False, handlelength=3.5
    )


def _draw_rows(experiment: Experiment, found: Found) -> Figure:
    """A panel a quantity, a row an arm, a colour a case."""
    arms = [arm for arm in found.arms if any(found.values(quantity, arm) for quantity in experiment.panels)]
    high = 1.0 + (0.2 + 0.08 * len(found.cases)) * len(arms)
    drawn, axes = figure(3.6 * len(experiment.panels) + 2.4, high, len(experiment.panels))
    for ax, quantity in zip(axes, experiment.panels, strict=True):
        for place, case in enumerate(found.cases):
            at = {arm: estimate(found.values(quantity, arm, case)) for arm in arms}
            _rows(ax, at, ax is axes[0], case, place, len(found.cases))
        ax.set_xlabel(f"{title(quantity)}, 95 % interval", fontsize=9, color=INK)
    if len(found.cases) > 1:
        _name(drawn, axes)
    return drawn


def _draw_differences(quantity: str, reference: str, found: Found) -> Figure | None:
    """A panel a case, a row an arm: its paired difference to the reference."""
    tables = {
        case: {arm: at for arm in found.arms if arm != reference
               and (at := estimate(found.change(quantity, arm, reference, case))).seeds}
        for case in found.cases
    }  # fmt: skip
    largest = max((len(table) for table in tables.values()), default=0)
    shown = {case: table for case, table in tables.items() if 4 * len(table) > largest}
    if not shown:
        return None
    arms = list(dict.fromkeys(arm for table in shown.values() for arm in table))
    drawn, axes = figure(3.6 * len(shown) + 2.4, 1.0 + 0.2 * len(arms), len(shown))
    for ax, (case, table) in zip(axes, shown.items(), strict=True):
        empty = Estimate(math.nan, math.nan, math.nan, 0)
        _rows(ax, {arm: table.get(arm, empty) for arm in arms}, ax is axes[0])
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set_title(case, fontsize=10, color=INK)
        ax.set_xlabel(f"{title(quantity)} − that of {reference}, 95 % interval", fontsize=9, color=INK)
    return drawn


def _rows(ax: Axes, table: Mapping[str, Estimate], named: bool, label: str = "", place: int = 0, of: int = 1) -> None:
    """A row an estimate, in the ``place``-th of so many colours, which share each row."""
    shift = 0.5 * ((place + 0.5) / of - 0.5)
    shown = [(row + shift, at) for row, at in enumerate(table.values()) if at.seeds]
    errors = [0.0 if math.isnan(at.low) else at.high - at.value for _, at in shown]
    ax.errorbar([at.value for _, at in shown], [row for row, _ in shown], xerr=errors, label=label, linestyle="none",
                color=PALETTE[place], marker=MARKERS[place], markersize=5, capsize=2)  # fmt: skip
    ax.set_yticks(range(len(table)), list(table) if named else [], fontsize=8)
    ax.set_ylim(len(table) - 0.5, -0.5)


def _line(ax: Axes, found: Found, quantity: str, arm: str, place: int) -> None:
    points = [
        (found.levels[case], estimate(found.values(quantity, arm, case)))
        for case in sorted(found.cases, key=found.levels.__getitem__)
    ]
    points = [(level, at) for level, at in points if at.seeds]
    if not points:
        return
    colour, dash = PALETTE[place % len(PALETTE)], DASHES[place // len(PALETTE) % len(DASHES)]
    errors = [0.0 if math.isnan(at.low) else at.high - at.value for _, at in points]
    x, y = [level for level, _ in points], [at.value for _, at in points]
    ax.errorbar(x, y, yerr=errors, label=arm, color=colour, linestyle=dash, marker=MARKERS[place % len(MARKERS)],
                markersize=5, linewidth=1.5, elinewidth=1, capsize=2)  # fmt: skip
