"""`presets`: the way from `paper` to `robust`, one idea after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilbert.benchmark.collecting import UNTRAINED
from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import QUICK_DOCUMENTS, Case, Columns, Material, Options, predicted, usual
from hilbert.benchmark.studies.collecting import REFERENCE, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.paired import differences
from hilbert.benchmark.studies.sweep import described
from hilbert.config import HilbertConfig

WHAT = "The way from the preset `paper` to `robust`, in steps of one idea each."
NOTES = (
    "Rows are HILBERT with its presets as they are, without options from tuning. Every row shows the main output.",
    "terms: CKA and balance are left out. labels: the contrast of `robust`, whose positives are documents of one "
    "class, trained together with the labels, and its experts with class weights. vectors: the network reads document "
    "vectors instead of segments. readout: logistic regression on the embeddings predicts, instead of the experts. "
    "members: voice, words, both and document vectors in two weightings are judged beside the network, which is "
    "`robust`.",
)
TASKS = ("maec-a", "maec-b", "speechocean762")
PAPER, ROBUST = "paper", "robust"
BESIDE = f"{ROBUST} (no training)"
# Step → the sections of the configuration that it takes over from `robust`, but for the members.
STEPS: Mapping[str, tuple[str, ...]] = {
    "terms": ("cka", "balance"),
    "labels": ("contrast", "head", "training"),
    "vectors": ("network", "vectors"),
    "readout": (),
    "members": ("stack", "preset"),
}


def path() -> dict[str, HilbertConfig]:
    """Row → its configuration: `paper`, then a step more each time; the last is all that `robust` is."""
    old, new = HilbertConfig.load(PAPER), HilbertConfig.load(ROBUST)
    rows, config = {PAPER: old}, old
    for step, sections in STEPS.items():
        changes: dict[str, Any] = {section: getattr(new, section) for section in sections}
        if step == "readout":
            changes = {"stack": config.stack.model_copy(update={"members": ("network",)})}
        config = HilbertConfig.model_validate({**dict(config), **changes})
        rows[f"+ {step}" if step != "members" else ROBUST] = config
    return rows


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested sections as dotted names."""
    found: dict[str, Any] = {}
    for name, inner in values.items():
        dotted = f"{before}{name}"
        found |= flat(inner, f"{dotted}.") if isinstance(inner, Mapping) else {dotted: inner}
    return found


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case a task, with a model a row, and concat-lr."""
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {}
    models = {REFERENCE: build(REFERENCE, options.get(REFERENCE), small)}
    models |= {file_name(row): build("hilbert", {"config": config}, small) for row, config in path().items()}
    return [Case("presets", task, "presets", usual(task, small), models, make, predicted, **common) for task in TASKS]


def file_name(row: str) -> str:
    """`+ labels` → `with-labels`, the name of a row's fits."""
    return row.replace("+ ", "with-")


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task as it is."""
    return folded(case, data, seed)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """What each step changes, then the path on each task."""
    made = [_changes()]
    way = list(path())
    before = dict(zip(way[1:], way[:-1], strict=True))
    key = {**{row: file_name(row) for row in way}, BESIDE: BESIDE}
    for case in found:
        numbers = numbers_of(case, place, shown=lambda m, v: not v or f"{m} ({v})" == BESIDE, against=())
        if numbers is None:
            continue
        pairs = [(key[row], key[PAPER]) for row in (*way[1:], BESIDE)]
        pairs += [(key[row], key[other]) for row, other in before.items()]
        between = differences(numbers, pairs, place)
        rows = [[REFERENCE, value(numbers.auc(REFERENCE)), "", "", ""]]
        for row in (*way, BESIDE):
            other = before.get(row)
            steps = ["" if other is None else value(between.get((key[row], key[other])), True)]
            steps.append(value(between.get((key[row], key[PAPER])), True) if row != PAPER else "")
            against = value(numbers.difference(key[row], REFERENCE), True)
            rows.append([row, value(numbers.auc(key[row])), *steps, against])
        heads = ["row", "macro AUC", "Δ row before", f"Δ {PAPER}", f"Δ {REFERENCE}"]
        lines = [f"{case.setting.id}: {described(numbers)}. {BESIDE} is what tables call {UNTRAINED}."]
        made.append(Section(f"{case.name}: one after another", heads, rows, lines, once(numbers.notes)))
    return made if len(made) > 1 else []


def _changes() -> Section:
    rows, known = [], {name: flat(config.model_dump(mode="json")) for name, config in path().items()}
    for (_, old), (row, new) in zip(list(known.items())[:-1], list(known.items())[1:], strict=True):
        names = [name for name in (*old, *(n for n in new if n not in old)) if old.get(name) != new.get(name)]
        said = (f"{name}: {old.get(name, '–')} → {new.get(name, '–')}" for name in names)
        rows.append([row, ", ".join(said)])
    return Section("What each step changes", ["row", "names of the configuration"], rows)
