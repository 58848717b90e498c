"""A setting's table as an HTML page that needs nothing else."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import Numbers
from hilbert.benchmark.plan import QUICK_SAYS
from hilbert.evaluation.measures import TRIVIAL
from hilbert.evaluation.verdict import number
from hilbert.report.style import data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(numbers: Numbers, figure: Figure | None) -> str:
    """The page as text; equal numbers give equal pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hilbert.benchmark", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = resources.files("hilbert.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    page = environment.get_template("setting.html.j2").render(
        style=style,
        id=numbers.comparison.id,
        what=numbers.about["what"],
        heading=cells.heading(numbers),
        headline=cells.headline(numbers),
        caution=cells.CAUTION,
        plumbing=QUICK_SAYS if numbers.comparison.small else "",
        columns=cells.column_names(numbers),
        rows=cells.model_rows(numbers),
        trivial=TRIVIAL,
        main="hilbert",
        figure=data_uri(figure) if figure is not None else "",
        comparator=numbers.comparator,
        gains=cells.gain_rows(numbers),
        classes=numbers.predictions.classes,
        by_class=cells.class_rows(numbers),
        chance=[number(numbers.metrics["auprc_by_chance"].get(c)) for c in numbers.predictions.classes],
        lines=cells.explanations(numbers),
        machines=cells.machines(numbers.models),
    )
    return page + "\n"
