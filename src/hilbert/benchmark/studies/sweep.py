"""Tables of a sweep: the same models under several conditions, a column each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hilbert.benchmark.collecting import MODEL, UNTRAINED
from hilbert.benchmark.studies.collecting import REFERENCE, Numbers
from hilbert.benchmark.studies.pages import Section, once, value

Cell = Callable[[Numbers, str], str]
KEPT = ("", "no training", "network")


def main_only(model: str, variant: str) -> bool:
    """Models themselves, and HILBERT without its trained network and by that alone."""
    return not variant or (model == MODEL and variant in KEPT)


def sections(title: str, conditions: Sequence[tuple[str, Numbers]], lines: Sequence[str] = ()) -> list[Section]:
    """Macro AUC, the difference to concat-lr, and those of HILBERT, and of HILBERT without training, to each model."""
    counts = [f"{name}: {described(numbers)}" for name, numbers in conditions]
    notes = once([note for _, numbers in conditions for note in numbers.notes])
    made = [
        grid_of(f"{title}: macro AUC", conditions, lambda n, m: value(n.auc(m)), [*lines, ". ".join(counts) + "."]),
        grid_of(f"{title}: model − {REFERENCE}", conditions, lambda n, m: value(n.difference(m, REFERENCE), True)),
    ]
    for own in (MODEL, UNTRAINED):
        against = [(name, n) for name, n in conditions if own in n.metrics["models"]]
        if against:
            made.append(grid_of(f"{title}: {own} − model", against, _gain(own)))
    return [*made[:-1], Section(**{**vars(made[-1]), "notes": notes})]


def _gain(own: str) -> Cell:
    """The difference own − model, which is stored the other way round."""

    def shown(numbers: Numbers, model: str) -> str:
        row = numbers.difference(model, own)
        if row is None:
            return ""
        turned = {key: None if row[key] is None else -row[key] for key in ("value", "low", "high")}
        return value({"value": turned["value"], "low": turned["high"], "high": turned["low"]}, True)

    return shown


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
