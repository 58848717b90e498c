"""The command line: which commands there are. Each module loads what it needs only when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hilbert._version import __version__
from hilbert.cli import (
    benchmark,
    check,
    demo,
    embed,
    encoders,
    evaluate,
    extract,
    predict,
    recipe,
    report,
    study,
    train,
)
from hilbert.cli.common import command, take_debug

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"hilbert {__version__}")
        raise typer.Exit


@app.callback(
    help="Document embeddings and honestly evaluated classifiers from long recordings and their transcripts.\n\n"
    "A first look: [bold]hilbert demo[/bold]. Your own data: [bold]hilbert check manifest.csv[/bold]. "
    "Any command takes [bold]--debug[/bold], which shows the traceback of an error."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options before the command."""


BARE = ("demo", "encoders", "study")  # commands that need no argument
RESUMES: dict[str, bool | str] = {
    "extract": True,
    "demo": True,
    "benchmark": True,
    "study": True,
    "train": "checkpoint",
}
for module in (check, encoders, extract, train, evaluate, embed, predict, report, recipe, demo, benchmark, study):
    name = module.__name__.rpartition(".")[2]
    app.command(name, epilog=module.EXAMPLES, no_args_is_help=name not in BARE)(
        command(module.run, RESUMES.get(name, False))
    )


def main() -> None:
    """Run the command."""
    app(take_debug(sys.argv[1:]))
