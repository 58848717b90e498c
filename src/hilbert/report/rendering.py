"""How pages are made of templates: reports, tables of the benchmark and of its studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup


def render(package: str, template: str, **values: Any) -> str:
    """A template of ``package`` filled in; equal values give equal pages. jinja2 is imported here only.

    Templates may include those of the report, such as its style sheet, and set "x [a, b]" with ``interval``.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, "templates") for name in dict.fromkeys((package, "hilbert.report"))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["interval"] = interval
    return environment.get_template(template).render(**values) + "\n"


def interval(text: str) -> Markup:
    """A value with its interval in brackets, which in a cell goes below it and is never broken."""
    from markupsafe import Markup

    value, bracket, inside = text.partition(" [")
    return Markup('{} <span class="span">[{}</span>' if bracket else "{}").format(value, inside)
