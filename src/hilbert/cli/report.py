"""`hilbert report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilbert.cli.common import console

EXAMPLES = "Example: hilbert report results/ --out report.html"


def run(
    results: Annotated[Path, typer.Argument(help="Results folder, from `hilbert evaluate`.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave out notes that could quote a document.")] = False,
) -> None:
    """Print a result's table, and make one self-contained HTML page of it.

    The page holds the table with intervals, curves, confusion, a map of the embeddings, and all settings.
    """
    from hilbert.errors import UsageError
    from hilbert.evaluation import Result
    from hilbert.evaluation.table import print_result
    from hilbert.report import write_report

    if out.is_dir() or out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out: expected a file ending in .html, found {out}")
    result = Result.load(results)
    path = write_report(result, out, no_text=no_text)
    print_result(result, console())
    typer.echo(f"{path}: open it in a browser; it needs no network")
