"""The result as a table in the terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from hilbert.evaluation.flow import print_flow
from hilbert.evaluation.printing import print_table
from hilbert.evaluation.verdict import difference, number, span

if TYPE_CHECKING:
    from rich.console import Console

    from hilbert.evaluation.result import Result


def render(result: Result, width: int = 120) -> str:
    """Plain text, without colour."""
    from rich.console import Console

    target = io.StringIO()
    print_result(result, Console(file=target, width=width, no_color=True, highlight=False, force_terminal=False))
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())


def print_result(result: Result, console: Console) -> None:
    """Table, class counts, smallest visible difference, notes and verdict on ``console``."""
    from rich.text import Text

    reference, rarest = result.metrics["reference"], rarest_class(result)
    headings = ["model", "macro AUC\n[95 %]", *([f"Δ {reference}\n[95 %]"] if reference else [])]
    headings += ["macro\nF1", "balanced\naccuracy", f"AUPRC\n{rarest}", f"recall\n{rarest}", "s /\nfit"]
    rows = []
    for model, row in result.metrics["models"].items():
        seconds = result.environment.get("seconds_per_fit", {}).get(model)
        cells = [f"{number(row['auc']['value'])} {span(row['auc'])}"]
        if reference:
            found = difference(result, model, reference)
            cells.append("" if found is None else f"{number(found['value'], True)} {span(found, True)}")
        cells += [number(row["macro_f1"]["value"]), number(row["balanced_accuracy"]["value"])]
        cells += [number(row["auprc_by_class"].get(rarest)), number(row["recall_by_class"].get(rarest))]
        cells.append("" if seconds is None else f"{seconds:.2f}")
        rows.append([model, *cells])
    print_table(console, heading(result), headings, rows)
    for line in footer(result):
        console.print(Text(line))
    console.print()
    print_flow(result, console)
    for sentence in result.verdict:
        console.print(Text(sentence, style="bold"))


def heading(result: Result) -> str:
    """Label, protocol and grouping in one line."""
    config = result.config
    documents = config["corpus"]["scored"]
    kind = {
        "cross-validation": f"{config['repeats']} × {config['folds']} folds",
        "one split": f"one split, column {config.get('column')}",
        "saved model": "saved model, new documents",
    }[config["protocol"]]
    grouped = f"grouped by {config['group']}" if config["group"] else "not grouped"
    return f"{config['label']}: {documents} documents, {kind}, {grouped}"


def footer(result: Result) -> list[str]:
    """Class counts, what chance gives, the smallest visible difference, and the notes."""
    metrics = result.metrics
    rarest = rarest_class(result)
    counts = ", ".join(f"{name} ({count})" for name, count in metrics["class_counts"].items())
    lines = [
        f"Classes: {counts}.",
        f"AUPRC {rarest}: {number(metrics['auprc_by_chance'].get(rarest))} in random order, "
        f"prevalence {number(metrics['prevalence'][rarest])}.",
    ]
    lines += smallest(result)
    return lines + [f"Note: {note}." for note in result.notes]


def smallest(result: Result) -> list[str]:
    """The smallest difference to the reference that would have been seen, over all compared models."""
    reference = result.metrics["reference"]
    found: list[tuple[float, Any]] = [
        (row["detectable"], row["model"])
        for row in result.metrics["differences"]
        if row["against"] == reference and row["detectable"] is not None
    ]
    if not found:
        return []
    low, high = min(found)[0], max(found)[0]
    size = number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}, by model"
    return [f"Smallest difference to {reference} seen with 80 % power: {size}."]


def rarest_class(result: Result) -> str:
    """The class with the fewest scored documents."""
    counts = {name: count for name, count in result.metrics["class_counts"].items() if count}
    return str(min(counts, key=lambda name: (counts[name], name)))
