"""Tables of a sweep: the same models under several conditions, a column each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hilbert.benchmark.collecting import MODEL
from hilbert.benchmark.studies.collecting import REFERENCE, Numbers
from hilbert.benchmark.studies.pages import Section, once, value

Cell = Callable[[Numbers, str], str]
KEPT = ("", "no core")


def main_only(model: str, variant: str) -> bool:
    """Models themselves, and HILBERT without its linear core."""
    return not variant or (model == MODEL and variant in KEPT)


def sections(title: str, conditions: Sequence[tuple[str, Numbers]], lines: Sequence[str] = ()) -> list[Section]:
    """Macro AUC, the difference to concat-lr, and HILBERT's difference to each model."""
    counts = [f"{name}: {described(numbers)}" for name, numbers in conditions]
    notes = once([note for _, numbers in conditions for note in numbers.notes])
    against = [(name, n) for name, n in conditions if MODEL in n.metrics["models"]]
    made = [
        grid_of(f"{title}: macro AUC", conditions, lambda n, m: value(n.auc(m)), [*lines, ". ".join(counts) + "."]),
        grid_of(f"{title}: model − {REFERENCE}", conditions, lambda n, m: value(n.difference(m, REFERENCE), True)),
    ]
    if against:

        def gain(numbers: Numbers, model: str) -> str:
            row = numbers.difference(model, MODEL)
            turned = None
            if row is not None:
                low, high = row["high"], row["low"]
                turned = {
                    "value": -row["value"],
                    "low": None if low is None else -low,
                    "high": None if high is None else -high,
                }
            return value(turned, True)

        made.append(grid_of(f"{title}: {MODEL} − model", against, gain))
    return [*made[:-1], Section(**{**vars(made[-1]), "notes": notes})]


def grid_of(title: str, conditions: Sequence[tuple[str, Numbers]], cell: Cell, lines: Sequence[str] = ()) -> Section:
    """A row a model, a column a condition; rows without any cell are left out."""
    models = list(dict.fromkeys(model for _, numbers in conditions for model in numbers.metrics["models"]))
    rows = [[model, *(cell(numbers, model) for _, numbers in conditions)] for model in models]
    return Section(title, ["model", *(name for name, _ in conditions)], [r for r in rows if any(r[1:])], lines)


def described(numbers: Numbers) -> str:
    """Documents scored and trained on, with the classes."""
    splits = numbers.about["splits"]
    trained = sum(split[2] for split in splits) / len(splits)
    free = sum(split[3] for split in splits) / len(splits)
    classes = ", ".join(f"{name} {count}" for name, count in numbers.metrics["class_counts"].items())
    beside = f", {free:.0f} without labels beside them" if free else ""
    scored = len(numbers.predictions.labels)
    return f"{scored} scored ({classes}), {trained:.0f} labelled trained on in the mean{beside}"
