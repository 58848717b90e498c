"""Tables of a benchmark: Markdown, HTML and figures of every setting, and a summary over settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import MODEL, RESAMPLES, UNTRAINED, Numbers, collect, file_name
from hilbert.benchmark.forest import differences, overview, write_figure
from hilbert.benchmark.page import render
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import QUICK_SAYS, Comparison
from hilbert.benchmark.tasks import TASKS
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.verdict import number, span
from hilbert.files import write_text

COMPARATORS = "comparators.yaml"
NUMERIC = re.compile(r"[+−-]?[.\d]|—?$")  # how a cell begins that is a number, or is empty
DEFAULT = "concat-lr"  # of the quick tier, which compares nothing


def read_comparators(out: Path) -> dict[str, str] | None:
    """Task → the baseline that all models are held against there, None where none was chosen yet."""
    path = out / COMPARATORS
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from None
    missing = [task for task in TASKS if not isinstance(found, dict) or not isinstance(found.get(task), str)]
    if missing:
        raise InputError(f"{path}: expected the comparator of {', '.join(TASKS)}, found none for {', '.join(missing)}")
    return {task: found[task] for task in TASKS}


def require_comparators(out: Path) -> dict[str, str]:
    """The comparators. Raises UsageError where they were not chosen before the run."""
    found = read_comparators(out)
    if found is None:
        raise UsageError(
            f"{out / COMPARATORS}: expected the comparator of every task, found no such file. It is chosen on the "
            "tuning companies before any table is made: hilbert benchmark --tune"
        )
    return found


def make_tables(
    plan: Sequence[Comparison], place: Place, comparators: Mapping[str, str] | None, resamples: int = RESAMPLES
) -> list[Numbers]:
    """Write ``tables/`` from what is stored, and return the numbers of every setting that has a whole repeat."""
    found = []
    for comparison in plan:
        comparator = (comparators or {}).get(comparison.setting.task.name, DEFAULT)
        numbers = collect(comparison, place, comparator, resamples)
        if numbers is not None:
            found.append(numbers)
            _write_one(numbers, place.out / "tables")
    if found:
        folder = place.out / "tables"
        figure = overview(found)
        if figure is not None:
            write_figure(figure, folder / "summary")
        write_text(folder / "summary.md", summary(found, figure is not None))
    return found


def _write_one(numbers: Numbers, folder: Path) -> None:
    name = file_name(numbers.comparison.id)
    figure = differences(numbers)
    if figure is not None:
        write_figure(figure, folder / name)
    write_text(folder / f"{name}.md", markdown(numbers, figure is not None))
    write_text(folder / f"{name}.html", render(numbers, figure))


def markdown(numbers: Numbers, figure: bool = False) -> str:
    """A setting's table with its explanations."""
    columns = cells.column_names(numbers)
    rows = [[row[key] for key, _ in columns] for row in cells.model_rows(numbers)]
    parts = [f"# {numbers.comparison.id}", cells.heading(numbers) + ".", *_caution(numbers)]
    parts.append(f"**{cells.headline(numbers)}** {cells.CAUTION}")
    parts.append(grid([text for _, text in columns], rows))
    if figure:
        name = file_name(numbers.comparison.id)
        parts.append(f"![Differences to {numbers.comparator}]({name}.svg)")
    gains = cells.gain_rows(numbers)
    if gains:
        parts += ["## HILBERT against every baseline", grid(cells.GAINS, gains)]
    lines = [*cells.explanations(numbers), *cells.machines(numbers.models)]
    parts += ["## How to read it", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def summary(found: Sequence[Numbers], figure: bool = False) -> str:
    """One row a setting: HILBERT, the comparator and the difference."""
    rows = []
    for numbers in found:
        models, row = numbers.metrics["models"], numbers.against.get(MODEL)
        shown = [
            f"{number(models[name]['auc']['value'])} {span(models[name]['auc'])}" if name in models else ""
            for name in (numbers.comparator, MODEL)
        ]
        said = ["", "", ""]
        if row is not None:
            tests = (cells.p_value(row[key]["p"]) for key in ("corrected_t", "corrected_t_usual"))
            said = [f"{number(row['value'], True)} {span(row, True)}", *tests]
        beside = numbers.against.get(UNTRAINED)
        said.append("" if beside is None else f"{number(beside['value'], True)} {span(beside, True)}")
        best = max(cells.baselines(numbers) or [""], key=lambda n: models[n]["auc"]["value"] or 0.0 if n else 0.0)
        best = f"{best} {number(models[best]['auc']['value'])}" if best else ""
        counts = f"{len(numbers.predictions.labels)}, {len(numbers.repeats)} × {numbers.about['folds']}"
        rows.append([numbers.comparison.id, counts, numbers.comparator, *shown, *said, best])
    heads = [
        "setting", "documents, folds", "comparator", "its macro AUC", "hilbert", "difference [95 %]", "p, corrected t",
        "p, the same with 1/(k − 1)", "that of no training [95 %]", "highest baseline (seen afterwards)",
    ]  # fmt: skip
    parts = ["# Summary", *_caution(found[0]), f"{cells.PROXY} **{cells.CAUTION}**", grid(heads, rows)]
    if figure:
        parts.append("![hilbert − comparator in every setting](summary.svg)")
    said = [f"- {n.comparison.id}: {cells.headline(n)} {cells.CAUTION}" for n in found]
    said += [f"- {n.comparison.id}: of an earlier version: {', '.join(n.stale)}." for n in found if n.stale]
    parts += ["## In words", "\n".join(said)]
    return "\n\n".join(parts) + "\n"


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns of numbers stand on the right."""
    sides = ["--:" if all(NUMERIC.match(cell) for cell in column) else "---" for column in zip(*rows, strict=True)]
    lines = [list(heads), sides or ["---" for _ in heads], *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _caution(numbers: Numbers) -> list[str]:
    return [f"**{QUICK_SAYS}**"] if numbers.comparison.small else []
