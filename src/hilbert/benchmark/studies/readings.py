"""`readings`: the preset `paper` in every way that three open words of the abstract can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import QUICK_DOCUMENTS, Case, Columns, Material, Options, predicted, usual
from hilbert.benchmark.studies.collecting import REFERENCE, Numbers, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.paired import Sides, contrasts
from hilbert.benchmark.studies.sweep import described
from hilbert.config import HilbertConfig
from hilbert.evaluation.verdict import number

Row = Mapping[str, Any] | None


class Choice(NamedTuple):
    """What the abstract leaves open; ``other`` is the reading that the preset does not take, and ``values`` that."""

    what: str
    shipped: str
    other: str
    values: Mapping[str, Any]


PAPER = "paper"
CHOICES = (
    Choice("where z_audio and z_text are pooled", "post", "pre", {"network.unimodal_source": "pre"}),
    Choice("mixture of experts", "sparse", "dense", {"head.top_k": None, "head.load_balance": 0.0}),
    Choice("centred kernel alignment", "debiased CKA", "biased CKA", {"cka.debiased": False}),
)
WHAT = "What hangs on how the abstract is read: the preset `paper` in all eight combinations of three choices."
NOTES = (
    "Rows are the preset `paper` without options from tuning, but for what they name; `paper` is the preset itself. "
    "pre: z_audio and z_text are pooled before cross-modal attention, not after it. dense: all four experts see every "
    "document, instead of two with a load-balance loss. biased CKA: without correction for the number of documents.",
    "Above and below are intervals that leave out 0; where one holds 0, this is undecided, which is no evidence of "
    "equality. All readings have the same folds and one seed, and intervals are over groups: what another seed of the "
    "training would change is not in them. They are not adjusted for their number.",
)
TASKS = ("maec-a", "maec-b", "speechocean762")
SIDES = ("above", "below", "undecided", "undefined")


def readings() -> dict[str, HilbertConfig]:
    """Row → its configuration: `paper`, then with one choice read otherwise, with two, with all three."""
    preset = HilbertConfig.load(PAPER)
    found = {}
    for count in range(len(CHOICES) + 1):
        for taken in combinations(CHOICES, count):
            found[row_name(taken)] = preset.replace({k: v for choice in taken for k, v in choice.values.items()})
    return found


def row_name(taken: Sequence[Choice]) -> str:
    """`paper`, and what is read otherwise there."""
    return ", ".join([PAPER, *(choice.other for choice in CHOICES if choice in taken)])


def file_name(row: str) -> str:
    """`paper, biased CKA` → `paper-biased-cka`, the name of a row's fits."""
    return row.replace(", ", "-").replace(" ", "-").lower()


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case a task, with a model a reading, and concat-lr."""
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {}
    models = {REFERENCE: build(REFERENCE, options.get(REFERENCE), small)}
    models |= {file_name(row): build("hilbert", {"config": config}, small) for row, config in readings().items()}
    return [Case("readings", task, "readings", usual(task, small), models, make, predicted, **common) for task in TASKS]


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task as it is."""
    return folded(case, data, seed)


def effects() -> dict[str, Sides]:
    """Each choice's other setting against the shipped one, and the same in each combination of the other choices.

    Main effects have the choice's name, single ones that and the row with the shipped setting.
    """
    found: dict[str, Sides] = {}
    for choice in CHOICES:
        rest = [other for other in CHOICES if other is not choice]
        taken = [both for count in range(len(rest) + 1) for both in combinations(rest, count)]
        pairs = [(file_name(row_name((*both, choice))), file_name(row_name(both))) for both in taken]
        found[choice.other] = ([changed for changed, _ in pairs], [shipped for _, shipped in pairs])
        found |= {f"{choice.other}: {shipped}": ([changed], [shipped]) for changed, shipped in pairs}
    return found


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """The readings on each task, then what each choice does in the mean."""
    made = []
    for case in found:
        numbers = numbers_of(case, place, shown=lambda m, v: not v, against=(file_name(PAPER),))
        if numbers is not None:
            made += [_rows(numbers), _effects(numbers, place)]
    return made


def _rows(numbers: Numbers) -> Section:
    key = {row: file_name(row) for row in readings()}
    to_paper = {row: numbers.difference(key[row], key[PAPER]) for row in key if row != PAPER}
    to_reference = {row: numbers.difference(key[row], REFERENCE) for row in key}
    rows = []
    for row, model in {REFERENCE: REFERENCE, **key}.items():
        if numbers.auc(model) is None:
            continue
        between = [value(known.get(row), True) for known in (to_paper, to_reference)]
        balanced = value(numbers.metrics["models"][model]["balanced_accuracy"])
        rows.append([row, value(numbers.auc(model)), *between, balanced])
    compared = any(row is not None for row in to_reference.values())
    lines = [
        f"{numbers.case.setting.id}: {described(numbers)}.",
        f"{_sorted(to_paper, f'`{PAPER}` as shipped')} {_sorted(to_reference, REFERENCE)}",
        *([_verdict(to_reference)] if compared else []),
    ]
    heads = ["reading", "macro AUC", f"Δ {PAPER}", f"Δ {REFERENCE}", "balanced accuracy"]
    return Section(f"{numbers.case.name}: the readings", heads, rows, lines, once(numbers.notes))


def _effects(numbers: Numbers, place: Place) -> Section:
    known = contrasts(numbers, effects(), place)
    rows, said = [], []
    for choice in CHOICES:
        main = known.get(choice.other)
        name = f"{choice.other} − {choice.shipped}"
        if main is None:
            said.append(f"{name}: not all eight readings are finished.")
            continue
        single = [row for effect, row in known.items() if effect.startswith(f"{choice.other}: ")]
        rows.append([choice.what, name, value(main, True), _range(single)])
        said.append(f"{name}: {_effect(choice, main)}")
    heads = ["choice", "difference", "mean of macro AUC", "in the four combinations of the others"]
    return Section(
        f"{numbers.case.name}: what each choice does",
        heads,
        rows,
        [f"In the mean of the four combinations. {' '.join(said)}"],
    )


def side(row: Mapping[str, Any]) -> str:
    """Where the interval of a difference lies: above 0, below it, undecided where it holds 0."""
    if row["low"] is None:
        return "undefined"
    return "above" if row["low"] > 0 else "below" if row["high"] < 0 else "undecided"


def _sorted(rows: Mapping[str, Row], other: str) -> str:
    """Which rows are above, below, or neither, in a sentence."""
    sides = {name: side(row) for name, row in rows.items() if row is not None}
    if not sides:
        return f"No reading was compared with {other}."
    parts = []
    for where in SIDES:
        names = [name.removeprefix(f"{PAPER}, ").replace(", ", " + ") for name in sides if sides[name] == where]
        if names:
            parts.append(f"{where} {', '.join(names) if len(names) < len(sides) else 'all'}")
    many = f"{len(sides)} reading{'' if len(sides) == 1 else 's'}"
    return f"{many} against {other}: {'; '.join(parts)}."


def _verdict(rows: Mapping[str, Row]) -> str:
    """Whether the reading changes what is said of the method against the reference."""
    sides = list(dict.fromkeys(side(row) for row in rows.values() if row is not None))
    if len(sides) < 2:
        return f"How the abstract is read changes nothing in what is said against {REFERENCE}."
    return f"What is said against {REFERENCE} hangs on the reading: {', '.join(s for s in SIDES if s in sides)}."


def _effect(choice: Choice, row: Mapping[str, Any]) -> str:
    where = side(row)
    if where in ("undecided", "undefined"):
        return f"{where}."
    better = choice.other if where == "above" else choice.shipped
    return f"{better} is better by {number(abs(row['value']))}."


def _range(rows: Sequence[Mapping[str, Any]]) -> str:
    """The smallest and the largest difference, and how many of them are decided."""
    values = [row["value"] for row in rows if row["value"] is not None]
    if not values:
        return "–"
    decided = sum(side(row) in ("above", "below") for row in rows)
    return f"{number(min(values), True)} to {number(max(values), True)}, {decided} of {len(rows)} decided"
