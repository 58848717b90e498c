"""An experiment's page: question, set-up, verdicts, figure and table, all computed from the stored trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hilbert.benchmark.forest import write_figure
from hilbert.benchmark.tables import grid
from hilbert.evaluation.verdict import number
from hilbert.files import write_text
from hilbert.studies.claims import Claim, Estimate, Part, estimate
from hilbert.studies.experiment import Experiment
from hilbert.studies.figures import draw
from hilbert.studies.rows import Found
from hilbert.studies.titles import title

QUICK_SAYS = "Quick: few seeds on few documents. It shows that everything works, and decides little."


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
