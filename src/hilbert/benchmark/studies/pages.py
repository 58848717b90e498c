"""A study's tables as Markdown and as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilbert.benchmark.cells import CAUTION, PROXY
from hilbert.benchmark.plan import QUICK_SAYS
from hilbert.benchmark.tables import grid
from hilbert.evaluation.verdict import number, span
from hilbert.files import write_text
from hilbert.report.rendering import render

INTERVALS = "Intervals: 95 %, 2,000 resamples of whole groups, the same for all rows; differences are paired."


@dataclass(frozen=True)
class Section:
    """A table with a title, lines before it, and notes after it; ``rows`` hold text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()


def write_study(
    name: str, what: str, sections: Sequence[Section], notes: Sequence[str], out: Path, small: bool
) -> list[Path]:
    """Write ``tables/study-<name>.md`` and ``.html``; nothing where there is no section."""
    if not sections:
        return []
    general = [PROXY, CAUTION, INTERVALS, *notes]
    base = out / "tables" / f"study-{name}"
    paths = [base.with_suffix(".md"), base.with_suffix(".html")]
    write_text(paths[0], markdown(name, what, sections, general, small))
    write_text(paths[1], html(name, what, sections, general, small))
    return paths


def markdown(name: str, what: str, sections: Sequence[Section], general: Sequence[str], small: bool) -> str:
    """The page as Markdown."""
    parts = [f"# Study: {name}", *([f"**{QUICK_SAYS}**"] if small else []), what]
    parts.append("\n".join(f"- {line}" for line in general))
    for section in sections:
        parts += [f"## {section.title}", *section.lines, grid(section.heads, section.rows)]
        if section.notes:
            parts.append("\n".join(f"- {note}" for note in section.notes))
    return "\n\n".join(parts) + "\n"


def html(name: str, what: str, sections: Sequence[Section], general: Sequence[str], small: bool) -> str:
    """The page as HTML; equal numbers give equal pages."""
    plumbing = QUICK_SAYS if small else ""
    values = {"name": name, "what": what, "sections": sections, "general": general, "plumbing": plumbing}
    return render("hilbert.benchmark", "study.html.j2", **values)


def value(row: Mapping[str, Any] | None, signed: bool = False) -> str:
    """A number with its interval, empty where there is none."""
    return "" if row is None else f"{number(row['value'], signed)} {span(row, signed)}"


def once(notes: Sequence[str]) -> list[str]:
    """The notes, each once, in their order."""
    return list(dict.fromkeys(f"{note}." for note in notes))
