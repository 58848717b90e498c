"""`hilbert report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = "Example: hilbert report results/ --out report.html"


def run(
    results: Annotated[Path, typer.Argument(help="Results folder, from `hilbert evaluate`.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave out notes that could quote a document.")] = False,
) -> None:
    """Make one self-contained HTML page: table with intervals, curves, confusion, embedding map, settings."""
    from hilbert.evaluation import Result
    from hilbert.report import write_report

    path = write_report(Result.load(results), out, no_text=no_text)
    typer.echo(f"{path}: open it in a browser; it needs no network")
