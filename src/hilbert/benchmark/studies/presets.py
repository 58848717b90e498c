"""`presets`: the way from `paper` to `robust`, one difference at a time, and each difference by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import DEAR, QUICK_DOCUMENTS, Case, Columns, Material, Options, predicted, usual
from hilbert.benchmark.studies.collecting import REFERENCE, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.paired import differences
from hilbert.benchmark.studies.sweep import described
from hilbert.config import HilbertConfig

WHAT = "Every difference between the presets `paper` and `robust`: alone beside `paper`, and one after another."
NOTES = (
    "Rows are HILBERT with its presets as they are, without options from tuning. Every row shows the main output. "
    "Label-aware contrast and the readout are made for joint training; alone the former changes nothing.",
    "A step changes several names of the configuration where one makes no sense without the others; they are listed. "
    "The core and the second network both need all inner folds; what each adds is in the main table. On maec-b, where "
    "a fit takes minutes, only the path is shown.",
)
TASKS = ("maec-a", "maec-b", "speechocean762")
# Names of the configuration by the step that changes them: the first whose beginning fits.
STEPS: Mapping[str, tuple[str, ...]] = {
    "backbone": ("model", "input", "prototypes"),
    "joint": ("training.regime", "training"),
    "label-aware": ("contrast.label_aware",),
    "contrast": ("contrast",),
    "cka": ("cka",),
    "balance": ("balance",),
    "class-weights": ("head.imbalance", "head.adjustment"),
    "head": ("head.zero_output", "head.router_z", "head.load_balance", "head.experts", "head.hidden", "head.dropout"),
    "readout": ("head",),
    "core-and-second": ("core", "segments", "selection"),
}
PAPER = "paper"


def steps() -> dict[str, dict[str, Any]]:
    """Step → the names that it changes, with their values in `robust`; each difference is in exactly one."""
    old, new = (flat(HilbertConfig.load(name).model_dump(mode="json")) for name in ("paper", "robust"))
    found: dict[str, dict[str, Any]] = {name: {} for name in STEPS}
    for name, chosen in new.items():
        if name != "preset" and old[name] != chosen:
            found[step_of(name)][name] = chosen
    return {name: changes for name, changes in found.items() if changes}


def step_of(name: str) -> str:
    """The step with the longest beginning of a name of the configuration."""
    fits = [
        (len(start), step)
        for step, starts in STEPS.items()
        for start in starts
        if name == start or name.startswith(f"{start}.")
    ]
    return max(fits)[1]


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested sections as dotted names."""
    found: dict[str, Any] = {}
    for name, inner in values.items():
        dotted = f"{before}{name}"
        found |= flat(inner, f"{dotted}.") if isinstance(inner, Mapping) else {dotted: inner}
    return found


def variants() -> dict[str, dict[str, Any]]:
    """Row → overrides of `paper`: itself, each step alone, then the path; the first of equals is kept."""
    changes = steps()
    found: dict[str, dict[str, Any]] = {PAPER: {}}
    found |= {f"{PAPER}+{name}": own for name, own in changes.items()}
    found |= dict(path()[2:])
    return found


def path() -> list[tuple[str, dict[str, Any]]]:
    """The rows of the way, with all that differs from `paper`; the second is the first step alone."""
    whole: dict[str, Any] = {}
    rows: list[tuple[str, dict[str, Any]]] = [(PAPER, {})]
    for number, (name, own) in enumerate(steps().items()):
        whole = {**whole, **own}
        rows.append((f"{PAPER}+{name}" if number == 0 else f"path-{number + 1}+{name}", whole))
    return rows


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case a task, with a model a row, and concat-lr."""
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {}
    found = []
    for task in TASKS:
        models = {REFERENCE: build(REFERENCE, options.get(REFERENCE), small)}
        for name, overrides in (dict(path()) if task == DEAR else variants()).items():
            models[name] = build("hilbert", {"preset": "paper", **overrides}, small)
        found.append(Case("presets", task, "presets", usual(task, small), models, make, predicted, **common))
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task as it is."""
    return folded(case, data, seed)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """For each task: every step alone, then the path."""
    made = [_changes()]
    for case in found:
        numbers = numbers_of(case, place, shown=lambda model, variant: not variant, against=())
        if numbers is None:
            continue
        alone = [name for name in variants() if not name.startswith("path")]
        way = [name for name, _ in path()]
        before = dict(zip(way[1:], way[:-1], strict=True))
        pairs = [(name, PAPER) for name in variants()] + list(before.items())
        between = differences(numbers, pairs, place)
        rows = [[REFERENCE, value(numbers.auc(REFERENCE)), "", ""]]
        for name in alone:
            cells = [value(numbers.auc(name)), value(between.get((name, PAPER)), True) if name != PAPER else ""]
            rows.append([name, *cells, value(numbers.difference(name, REFERENCE), True)])
        title, lines = f"{case.name}: one difference alone", [f"{case.setting.id}: {described(numbers)}."]
        if case.name != DEAR:
            made.append(Section(title, ["row", "macro AUC", f"Δ {PAPER}", f"Δ {REFERENCE}"], rows, lines))
        rows = [
            [
                "robust" if name == way[-1] else name,
                value(numbers.auc(name)),
                value(between.get((name, before.get(name, ""))), True),
                value(between.get((name, PAPER)), True) if name != PAPER else "",
                value(numbers.difference(name, REFERENCE), True),
            ]
            for name in way
        ]
        heads = ["row", "macro AUC", "Δ row before", f"Δ {PAPER}", f"Δ {REFERENCE}"]
        said = lines if case.name == DEAR else ()
        made.append(Section(f"{case.name}: one after another", heads, rows, said, once(numbers.notes)))
    return made if len(made) > 1 else []


def _changes() -> Section:
    old = flat(HilbertConfig.load("paper").model_dump(mode="json"))
    rows = [
        [step, ", ".join(f"{name}: {old[name]} → {new}" for name, new in changes.items())]
        for step, changes in steps().items()
    ]
    return Section("What each step changes", ["step", "names of the configuration"], rows)
