"""An experiment's page: question, set-up, verdicts, figure and table, all computed from the stored trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilbert.benchmark.forest import write_figure
from hilbert.benchmark.tables import grid
from hilbert.evaluation.verdict import number
from hilbert.files import write_text
from hilbert.report.style import DASHES, INK, MARKERS, PALETTE, figure
from hilbert.studies.claims import Claim, Estimate, Part, estimate
from hilbert.studies.experiment import Experiment
from hilbert.studies.rows import Found

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {
    "auc": "macro AUC",
    "reached": "share of oracle",
    "auprc": "AUPRC, rarest",
    "recall": "recall, rarest",
    "dominance": "D",
    "imbalance": "|D|",
    "least": "R² of the less kept",
    "least_all": "the same, from all three",
    "latent_shared": "R² shared",
    "latent_audio": "R² audio's own",
    "latent_text": "R² text's own",
    "retention_least": "least retention",
    "retention_audio": "retention, audio",
    "retention_text": "retention, text",
    "gradient_audio": "gradient, audio",
    "mass_audio": "mass, audio",
    "term_contrast": "contrast, nats",
    "term_cka": "structure lost",
    "gap": "information, audio − text",
    "auc_network": "macro AUC, network alone",
    "auc_core": "macro AUC, beside the core",
    "padding": "change by padding",
}
QUICK_SAYS = "Quick: few seeds on few documents. It shows that everything works, and decides little."


def title(quantity: str) -> str:
    """A quantity as tables and figures name it."""
    return NAMES.get(quantity, quantity.removeprefix("found "))


def write_page(experiment: Experiment, found: Found, claims: Sequence[Claim], folder: Path, small: bool) -> Path:
    """Write ``<name>.md``, and the figure beside it as SVG and PNG where there are panels."""
    drawn = draw(experiment, found)
    if drawn is not None:
        write_figure(drawn, folder / experiment.name)
    path = folder / f"{experiment.name}.md"
    write_text(path, markdown(experiment, found, claims, drawn is not None, small))
    return path


def markdown(experiment: Experiment, found: Found, claims: Sequence[Claim], pictured: bool, small: bool) -> str:
    """The page as text."""
    head = [f"# {experiment.name}", *([f"**{QUICK_SAYS}**"] if small else []), f"**{experiment.question}**"]
    parts = [*head, experiment.setup, found.described(), "## Verdicts", grid(*verdict_table(claims))]
    if pictured:
        parts.append(f"![{experiment.question}]({experiment.name}.svg)")
    note = (
        "Mean over data seeds ± half of the 95 % interval (Student's t); each data seed has a model seed of its own. "
        "In brackets: of how many seeds, where a quantity is undefined in others (as D is of an embedding that holds "
        "neither modality)."
    )
    return "\n\n".join([*parts, "## Table", note, grid(*value_table(experiment, found))]) + "\n"


def verdict_table(claims: Sequence[Claim]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: each claim, its verdict, and what decided it."""
    rows = [[claim.text, f"**{claim.verdict}**", decided(claim)] for claim in claims]
    return ["claim", "verdict", "wanted, and found [95 %]"], rows


def decided(claim: Claim) -> str:
    """What decided a claim: the premise that failed, where one did, or all its parts."""
    failed = [part for part in claim.premise if part.holds is not True]
    return "; ".join([*(f"premise: {reason(part)}" for part in failed), *(reason(part) for part in claim.parts)])


def reason(part: Part) -> str:
    """A part in words: what, what is wanted, and the estimate."""
    sign = ">" if part.wanted == "above" else "<"
    bound = f"{part.bound:.3g}".replace("-", "−")
    return f"{part.what} {sign} {bound}: {interval(part.estimate)}"


def interval(found: Estimate) -> str:
    """A value with its interval."""
    if not found.seeds:
        return "not measured"
    if math.isnan(found.low):
        return f"{_number(found.value)} (no interval from {found.seeds} seeds)"
    return f"{_number(found.value)} [{_number(found.low)}, {_number(found.high)}]"


def value_table(experiment: Experiment, found: Found) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: every case and arm, a column a quantity."""
    rows = []
    for case in found.cases:
        for arm in found.arms:
            seeds = found.seeds(arm, case)
            cells = [_cell(estimate(found.values(quantity, arm, case)), seeds) for quantity in experiment.columns]
            if any(cells):
                rows.append([case, arm, *cells])
    return ["case", "arm", *(title(quantity) for quantity in experiment.columns)], rows


def _cell(found: Estimate, seeds: int) -> str:
    if not found.seeds:
        return ""
    half = "" if math.isnan(found.low) else f" ± {number(found.high - found.value)}"
    return _number(found.value) + half + ("" if found.seeds == seeds else f" ({found.seeds} of {seeds})")


def _number(value: float) -> str:
    if 0 < abs(value) < 0.0005:
        return f"{value:.0e}".replace("-", "−")
    return number(value)


def draw(experiment: Experiment, found: Found) -> Figure | None:
    """A panel a quantity, a line an arm, over the levels of the cases; of one case, a row an arm."""
    if not experiment.panels or not found.rows:
        return None
    if experiment.reference is not None:
        return _draw_differences(experiment.panels[0], experiment.reference, found)
    if len(found.cases) == 1:
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
        elif experiment.axis:
            names = {level: f"{level:.3g}".replace("-", "−") for level in names}
        ax.set_xticks(list(names), list(names.values()), rotation=0 if len(names) < 4 else 20)
        ax.minorticks_off()
    handles, labels = axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    return drawn


def _draw_rows(experiment: Experiment, found: Found) -> Figure:
    drawn, axes = figure(3.6 * len(experiment.panels) + 2.4, 1.0 + 0.28 * len(found.arms), len(experiment.panels))
    for ax, quantity in zip(axes, experiment.panels, strict=True):
        _rows(ax, {arm: estimate(found.values(quantity, arm)) for arm in found.arms}, ax is axes[0])
        ax.set_xlabel(f"{title(quantity)}, 95 % interval", fontsize=9, color=INK)
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


def _rows(ax: Any, table: Mapping[str, Estimate], named: bool) -> None:
    for place, at in enumerate(table.values()):
        if at.seeds:
            error = 0.0 if math.isnan(at.low) else at.high - at.value
            ax.errorbar([at.value], [place], xerr=[error], color=PALETTE[0], marker="o", markersize=5, capsize=2)
    ax.set_yticks(range(len(table)), list(table) if named else [], fontsize=8)
    ax.set_ylim(len(table) - 0.5, -0.5)


def _line(ax: Any, found: Found, quantity: str, arm: str, place: int) -> None:
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
