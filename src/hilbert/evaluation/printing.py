"""Tables in a terminal that lose no character in a narrow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

ANY_WIDTH = 10_000
LAYOUTS = ((3, False), (2, False), (2, True), (1, True))  # spaces between columns, cells on more lines


def print_table(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, sums: int = 0
) -> None:
    """Print a table in the widest layout that fits.

    In a narrow terminal columns move together, then variants and intervals, "(no training)" and "[.71, .83]", go below
    what they belong to; where that does not do, long cells are broken anywhere. ``left``: the first columns, which
    stand at the left; ``sums``: the last rows, below a line.
    """
    for gap, broken in LAYOUTS:
        table = _table(title, headings, rows, left, sums, gap, broken)
        natural = console.measure(table, options=console.options.update(width=ANY_WIDTH)).maximum
        if natural <= console.width:
            break
    console.print(table)


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], left: int, sums: int, gap: int, broken: bool
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    def cell(text: str) -> Text:
        return Text(text.replace(" (", "\n(").replace(" [", "\n[") if broken else text)

    table = Table(
        title=Text(title) if title else None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        padding=(0, int(gap > 1)), collapse_padding=gap < 3, pad_edge=False,
    )  # fmt: skip
    for number, heading in enumerate(headings):
        table.add_column(cell(heading), justify="left" if number < left else "right", overflow="fold")
    for number, row in enumerate(rows):
        if sums and number == len(rows) - sums:
            table.add_section()
        table.add_row(*map(cell, row))
    return table
