"""`hilbert encoders`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hilbert.cli.common import console
from hilbert.errors import UsageError

EXAMPLES = "Example: hilbert encoders install whisper-tiny.en minilm-l6"


class Action(StrEnum):
    """What to do."""

    list = "list"
    install = "install"


def run(
    action: Annotated[Action, typer.Argument(help="list what there is, or install weight packs.")] = Action.list,
    names: Annotated[list[str] | None, typer.Argument(help="Packs to install.")] = None,
) -> None:
    """List encoders, or install weight packs: pinned by hash, checked, converted once into the cache folder."""
    from hilbert.encoders import install

    if action is Action.list:
        if names:
            raise UsageError(f"list takes no names, found {' '.join(names)}; to install: hilbert encoders install …")
        _list()
        return
    if not names:
        raise UsageError("name the packs to install, for example: hilbert encoders install whisper-tiny.en minilm-l6")
    for name in names:
        folder = install(name, progress=lambda line: typer.echo(f"  {line}", err=True))
        typer.echo(f"{name}: installed in {folder}")


def _list() -> None:
    from rich import box
    from rich.table import Table

    from hilbert.encoders import cache_dir, list_encoders

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "kind", "width", "MB", "installed", "licence", "what it is"):
        table.add_column(column, justify="right" if column in ("width", "MB") else "left")
    for row in list_encoders():
        here = "yes" if row.installed else "no"
        table.add_row(row.name, row.kind, str(row.width), str(row.size_mb), here, row.licence, row.note)
    out = console()
    out.print(table)
    out.print(f"Packs lie in {cache_dir()} (set HILBERT_CACHE to move them).", markup=False)
    out.print(
        "Any other name is a Hugging Face hub id or a local folder, for example openai/whisper-base.", markup=False
    )
