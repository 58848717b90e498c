"""`hilbert recipe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilbert.cli.common import PARTIAL, progress, show_problems

EXAMPLES = "Example: hilbert recipe maec MAEC/ --out maec/"


def run(
    name: Annotated[str, typer.Argument(help="maec or speechocean762.")],
    source: Annotated[Path, typer.Argument(help="Folder of the corpus as its repository lays it out.")],
    out: Annotated[Path, typer.Option(help="Folder for the manifest and the files it names.")],
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="speechocean762: leave out what is missing and say so.")
    ] = False,
) -> None:
    """Prepare a public corpus from its published layout: a manifest, and recordings or a segment table."""
    from hilbert.corpus.recipes import RECIPES
    from hilbert.errors import UsageError

    if name not in RECIPES:
        raise UsageError(f"recipe: expected one of {', '.join(RECIPES)}, found {name!r}")
    if allow_missing and name != "speechocean762":
        raise UsageError("--allow-missing belongs to the recipe speechocean762")
    options = {"allow_missing": True} if allow_missing else {}
    with progress(name) as report:
        built = RECIPES[name](source, out, progress=lambda done, total: report(done, total, ""), **options)
    for file in built.files:
        typer.echo(f"{file}")
    typer.echo(", ".join(f"{count} {what}" for what, count in built.counts.items()))
    typer.echo(built.attribution)
    if built.problems:
        show_problems(built.problems)
        raise typer.Exit(PARTIAL)
