"""The plan and the tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import Numbers
from hilbert.benchmark.estimate import Work

if TYPE_CHECKING:
    from rich.console import Console


def print_work(work: Sequence[Work], console: Console, jobs: int) -> None:
    """Fits, trainings and hours, a row a setting, and the sum."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for name in ("models", "fits", "done", "trainings", "hours left"):
        table.add_column(name, justify="right")
    settings = list(dict.fromkeys(row.comparison.id for row in work))
    for id in settings:
        rows = [row for row in work if row.comparison.id == id]
        table.add_row(Text(id), str(len(rows)), *_sums(rows, jobs))
    table.add_section()
    table.add_row("all", "", *_sums(work, jobs))
    console.print(table)


def _sums(rows: Sequence[Work], jobs: int) -> tuple[str, str, str, str]:
    fits, done = sum(row.fits for row in rows), sum(row.done for row in rows)
    trainings = sum(row.fits * row.trainings for row in rows)
    return str(fits), str(done), str(trainings), f"{sum(row.left for row in rows) / jobs / 3600:.2f}"


def print_numbers(numbers: Numbers, console: Console) -> None:
    """A setting's table, its counts and its headline."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=cells.heading(numbers), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    shown = ("model", "auc", "difference", "holm", "macro_f1", "balanced_accuracy", "auprc", "seconds")
    columns = [(key, text) for key, text in cells.column_names(numbers) if key in shown]
    for key, text in columns:
        head = text.replace(" [95 %]", "\n[95 %]").replace("balanced ", "balanced\n").replace("macro F1", "macro\nF1")
        head = head.replace("AUPRC ", "AUPRC\n").replace("recall ", "recall\n").replace("p, Holm", "p\nHolm")
        left = key == "model"
        table.add_column(Text(head.replace("s / fit", "s /\nfit")), justify="left" if left else "right", no_wrap=True)
    for row in cells.model_rows(numbers):
        table.add_row(*(Text(row[key]) for key, _ in columns))
    console.print(table)
    console.print(Text(f"{cells.headline(numbers)} {cells.CAUTION}", style="bold"))
    console.print()
