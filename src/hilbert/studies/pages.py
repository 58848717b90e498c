"""An experiment's page: question, set-up, verdicts, figure and table, all computed from the stored trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    "term_balance": "information gap",
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
    note = "Mean over data seeds ± half of the 95 % interval (Student's t); model seeds are averaged first."
    return "\n\n".join([*parts, "## Table", note, grid(*value_table(experiment, found))]) + "\n"


def verdict_table(claims: Sequence[Claim]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: each claim, its verdict, and what decided it."""
    rows = [[claim.text, f"**{claim.verdict}**", "; ".join(reason(part) for part in claim.parts)] for claim in claims]
    return ["claim", "verdict", "wanted, and found [95 %]"], rows


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
            cells = [_cell(estimate(found.values(quantity, arm, case))) for quantity in experiment.columns]
            if any(cells):
                rows.append([case, arm, *cells])
    return ["case", "arm", *(title(quantity) for quantity in experiment.columns)], rows


def _cell(found: Estimate) -> str:
    if not found.seeds:
        return ""
    half = "" if math.isnan(found.low) else f" ± {number(found.high - found.value)}"
    return _number(found.value) + half


def _number(value: float) -> str:
    if 0 < abs(value) < 0.0005:
        return f"{value:.0e}".replace("-", "−")
    return number(value)


def draw(experiment: Experiment, found: Found) -> Figure | None:
    """A panel a quantity, a line an arm, over the levels of the cases; of one case, a row an arm."""
    if not experiment.panels or not found.rows:
        return None
    if len(found.cases) == 1:
        return _draw_rows(experiment, found)
    drawn, axes = figure(3.6 * len(experiment.panels) + 2.4, 3.8, len(experiment.panels))
    for ax, quantity in zip(axes, experiment.panels, strict=True):
        for place, arm in enumerate(found.arms):
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
        for place, arm in enumerate(found.arms):
            at = estimate(found.values(quantity, arm))
            if at.seeds:
                error = 0.0 if math.isnan(at.low) else at.high - at.value
                ax.errorbar([at.value], [place], xerr=[error], color=PALETTE[0], marker="o", markersize=5, capsize=2)
        ax.set_yticks(range(len(found.arms)), found.arms if ax is axes[0] else [])
        ax.set_ylim(len(found.arms) - 0.5, -0.5)
        ax.set_xlabel(f"{title(quantity)}, 95 % interval", fontsize=9, color=INK)
    return drawn


def _line(ax: Any, found: Found, quantity: str, arm: str, place: int) -> None:
    points = [
        (found.levels[case], estimate(found.values(quantity, arm, case)))
        for case in sorted(found.cases, key=found.levels.__getitem__)
    ]
    points = [(level, at) for level, at in points if at.seeds]
    colour, dash = PALETTE[place % len(PALETTE)], DASHES[place // len(PALETTE) % len(DASHES)]
    errors = [0.0 if math.isnan(at.low) else at.high - at.value for _, at in points]
    x, y = [level for level, _ in points], [at.value for _, at in points]
    ax.errorbar(x, y, yerr=errors, label=arm, color=colour, linestyle=dash, marker=MARKERS[place % len(MARKERS)],
                markersize=5, linewidth=1.5, elinewidth=1, capsize=2)  # fmt: skip
