"""A setting's table as an HTML page that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import Numbers
from hilbert.benchmark.plan import QUICK_SAYS
from hilbert.evaluation.measures import TRIVIAL
from hilbert.evaluation.verdict import number
from hilbert.report.rendering import render as render_template
from hilbert.report.style import data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(numbers: Numbers, figure: Figure | None) -> str:
    """The page as text; equal numbers give equal pages."""
    what = numbers.about["what"]
    return render_template(
        "hilbert.benchmark",
        "setting.html.j2",
        id=numbers.comparison.id,
        what=what[:1].upper() + what[1:],
        heading=cells.heading(numbers).removeprefix(f"{numbers.comparison.id}: "),
        headline=cells.headline(numbers),
        caution=cells.CAUTION,
        plumbing=QUICK_SAYS if numbers.comparison.small else "",
        columns=cells.column_names(numbers),
        rows=cells.model_rows(numbers),
        trivial=TRIVIAL,
        main="hilbert",
        figure=data_uri(figure) if figure is not None else "",
        comparator=numbers.comparator,
        gain_heads=cells.GAINS,
        gains=cells.gain_rows(numbers),
        classes=numbers.predictions.classes,
        by_class=cells.class_rows(numbers),
        chance=[number(numbers.metrics["auprc_by_chance"].get(c)) for c in numbers.predictions.classes],
        lines=cells.explanations(numbers),
        machines=cells.machines(numbers.models),
    )
