"""The plan and the tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import Numbers, is_baseline
from hilbert.benchmark.estimate import Work
from hilbert.evaluation.printing import print_table

if TYPE_CHECKING:
    from rich.console import Console


def print_work(work: Sequence[Work], console: Console, jobs: int) -> None:
    """Fits, trainings and hours, a row a setting, and the sum."""
    lines = []
    for id in dict.fromkeys(row.comparison.id for row in work):
        rows = [row for row in work if row.comparison.id == id]
        lines.append([id, str(len(rows)), *_sums(rows, jobs)])
    headings = ["setting", "models", "fits", "done", "trainings", "hours\nleft"]
    print_table(console, "", headings, [*lines, ["all", "", *_sums(work, jobs)]], sums=1)


def _sums(rows: Sequence[Work], jobs: int) -> tuple[str, str, str, str]:
    fits, done = sum(row.fits for row in rows), sum(row.done for row in rows)
    trainings = sum(row.fits * row.trainings for row in rows)
    return str(fits), str(done), str(trainings), f"{sum(row.left for row in rows) / jobs / 3600:.2f}"


def print_numbers(numbers: Numbers, console: Console) -> None:
    """A setting's table, its counts and its headline; of a baseline only the row that stands for it."""
    from rich.text import Text

    wanted = ("model", "auc", "difference", "holm", "macro_f1", "balanced_accuracy", "auprc", "seconds")
    columns = [(key, text) for key, text in cells.column_names(numbers) if key in wanted]
    headings = []
    for _, text in columns:
        head = text.replace(" [95 %]", "\n[95 %]").replace("balanced ", "balanced\n").replace("macro F1", "macro\nF1")
        head = head.replace("AUPRC ", "AUPRC\n").replace("recall ", "recall\n").replace("p, Holm", "p\nHolm")
        headings.append(head.replace("s / fit", "s /\nfit"))
    everything = cells.model_rows(numbers)
    shown = [row for row in everything if not is_baseline(row["model"]) or row["model"] in numbers.standing.values()]
    print_table(console, cells.heading(numbers), headings, [[row[key] for key, _ in columns] for row in shown])
    if len(shown) < len(everything):
        left = len(everything) - len(shown)
        console.print(Text(f"Other outputs of the baselines, {left} in all, stand in the files."))
    for note in numbers.notes:
        if "earlier version" in note or "left out" in note:
            console.print(Text(f"Note: {note}."))
    console.print(Text(f"{cells.headline(numbers)} {cells.CAUTION}", style="bold"))
    console.print()
