"""`heads`: what each of a representation's embeddings is worth to a classifier, and which head reads it best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines.heads import ExpertHead, InnerFold, LogisticHead
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import (
    MAIN,
    QUICK_DOCUMENTS,
    TASK_LABEL,
    Case,
    Columns,
    Found,
    Material,
    Options,
    Table,
    Trained,
    representations,
    tables_of,
    usual,
)
from hilbert.benchmark.studies.collecting import REFERENCE, Numbers, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.paired import differences
from hilbert.evaluation.fitting import fit_fold
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax
from hilbert.splits import Split

WHAT = (
    "Each representation is trained once a fold with the label named; then three heads read all its embeddings, each "
    "alone, and each pair."
)
NOTES = (
    "Heads: moe, a mixture of four experts; mlp, one hidden layer with as many units as all experts together (the "
    "router's weights fewer); lr, logistic regression. Each chooses its epochs or C on the inner folds of the method.",
    "All methods are trained on the labels of the tasks, a few on the others. All embeddings are held against the same "
    "model's subsets with the same head: Δ is all − subset.",
)
Floats = NDArray[np.float64]
HEADS = ("lr", "moe", "mlp")


def _same(label: str) -> str:
    return label


LABELS: Mapping[str, tuple[str, str, Any]] = {
    # case → setting's task, label in words, target → function of the label
    "maec-a": ("maec-a", "four classes: number of speakers", {"speakers_64": _same}),
    "maec-a-binary": (
        "maec-a",
        "two classes: 1 or 2 speakers, or more",
        {"more_than_2": lambda v: "1 or 2" if v in ("1", "2") else "more"},
    ),
    "maec-a-rare": (
        "maec-a",
        "strongly imbalanced: 4 or more speakers against the rest",
        {"4_or_more": lambda v: "4+" if v == "4+" else "rest"},
    ),
    "speechocean-gender": ("speechocean762", "two classes: gender", {"gender": lambda v: v.partition("_")[2]}),
    "speechocean-both": (
        "speechocean762",
        "two labels of one representation, which is trained with their product",
        {"age": lambda v: v.partition("_")[0], "gender": lambda v: v.partition("_")[2]},
    ),
}
LIKE_THE_TASK = ("maec-a", "speechocean-both")  # trained with the label that the task has
QUICK_CASES = LIKE_THE_TASK
SECONDS = {"maec-a": 15.0, "speechocean762": 8.0}  # of the heads of a fit, on one core, the mean over models


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each kind of label."""
    found = []
    for name, (task, what, _) in LABELS.items():
        if small and name not in QUICK_CASES:
            continue
        common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {"beside": SECONDS[task]}
        trained_on, chosen = (TASK_LABEL, wanted) if name in LIKE_THE_TASK else (name, wanted or MAIN)
        models = representations(chosen, options, small, supervised=True)
        found.append(Case("heads", name, what, usual(task, small), models, make, direct, look, trained_on, **common))
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The label of the training is that of the target, or the product of two."""
    functions = LABELS[case.name][2]
    targets = {name: np.array([f(v) for v in data.y.tolist()], dtype=object) for name, f in functions.items()}
    y = next(iter(targets.values())) if len(targets) == 1 else data.y
    return folded(case, data, seed, y, targets)


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """All names, each alone, each pair; no subset twice."""
    found = [tuple(names), *((name,) for name in names), *combinations(names, 2)]
    return list(dict.fromkeys(found))


def make_heads() -> list[LogisticHead | ExpertHead]:
    """Unfitted ones."""
    return [LogisticHead(), ExpertHead(), ExpertHead(kind="mlp")]


def look(trained: Trained, material: Material, split: Split) -> list[Table]:
    """Every head on every subset of the embeddings, for every target."""
    fitted, bags, documents = trained.fitted, material.bags, material.bags.ids[split.test].tolist()
    final, tested = by_name(fitted, bags[split.train]), by_name(fitted, bags[split.test])
    tables = []
    for target, labels in material.targets.items():
        names = material.classes(target)
        codes = np.array([names.index(str(v)) for v in labels[split.train]], dtype=np.int64)
        for subset in subsets(list(final)):
            folds = [
                InnerFold(side(z, subset)[a], codes[a], side(z, subset)[b], codes[b], b) for z, a, b in trained.inner
            ]
            for head in make_heads():
                head.select(folds, len(codes), len(names), fitted.seed)
                head.fit(side(final, subset), codes, len(names), fitted.seed)
                proba = softmax(head.logits(side(tested, subset)))
                tables.append(Table(target, f"{'+'.join(subset)}, {head.name}", documents, names, proba))
    return tables


def by_name(fitted: Any, bags: Bags) -> dict[str, Floats]:
    """The embeddings as float64."""
    return {name: z.astype(np.float64) for name, z in fitted.embeddings(bags).items()}


def side(z: Mapping[str, Floats], subset: Sequence[str]) -> Floats:
    """The named embeddings side by side."""
    return np.concatenate([z[name] for name in subset], axis=1)


def direct(name: str, model: Any, material: Material, split: Split, seed: int) -> Found:
    """A classifier without embeddings: fitted on each target's own labels, on the documents that have one."""
    tables: list[Table] = []
    notes: list[str] = []
    seconds = 0.0
    for target, labels in material.targets.items():
        known = np.array([label is not None for label in labels.tolist()])
        part = split._replace(train=split.train[known[split.train]], test=split.test[known[split.test]])
        names = material.classes(target)
        outcome = fit_fold(name, model, material.bags, labels, material.groups, part, names, seed, False)
        own = tables_of(name, target, outcome, material.bags.ids[part.test].tolist(), names)
        tables += [table for table in own if not table.variant]
        seconds += outcome.seconds
        notes += outcome.notes
    return Found(tables, seconds, notes)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A table a target: subsets and heads of every model, and what the subsets lack."""
    made = []
    for case in found:
        for target in LABELS[case.name][2]:
            made += _target(case, place, target)
    return made


def _target(case: Case, place: Place, target: str) -> list[Section]:
    numbers = numbers_of(case, place, target, against=())
    if numbers is None:
        return []
    rows = []
    if numbers.auc(REFERENCE) is not None:
        rows.append([f"{REFERENCE}, fitted on {target}", value(numbers.auc(REFERENCE)), *[""] * 5])
    for model, names in subsets_of(numbers).items():
        for subset in names:
            each = [f"{model} ({subset}, {head})" for head in HEADS]
            shown = [value(numbers.auc(key)) for key in each]
            rows.append([f"{model}: {subset}", *shown, *(value(numbers.difference(k, REFERENCE), True) for k in each)])
    counts = ", ".join(f"{name} {count}" for name, count in numbers.metrics["class_counts"].items())
    heads = ["embeddings", *HEADS, *(f"Δ {REFERENCE}, {head}" for head in HEADS)]
    lines = [f"{case.what}; {case.setting.id}; {counts}. Macro AUC, and its difference to {REFERENCE}."]
    return [Section(f"{case.name}: {target}", heads, rows, lines, once(numbers.notes)), *_inside(numbers, place)]


def _inside(numbers: Numbers, place: Place) -> list[Section]:
    """All embeddings against each subset, and head against head: paired, inside each model."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for model, names in subsets_of(numbers).items():
        whole = names[0]
        for subset in names[1:]:
            wanted[f"{model}: {whole} − {subset}"] = [
                (f"{model} ({whole}, {head})", f"{model} ({subset}, {head})") for head in HEADS
            ]
        wanted[f"{model}: moe − lr, moe − mlp, mlp − lr"] = [
            (f"{model} ({whole}, {one})", f"{model} ({whole}, {other})")
            for one, other in (("moe", "lr"), ("moe", "mlp"), ("mlp", "lr"))
        ]
    found = differences(numbers, [pair for pairs in wanted.values() for pair in pairs], place)
    rows = [[title, *(value(found.get(pair), True) for pair in pairs)] for title, pairs in wanted.items()]
    title = f"{numbers.case.name}: {numbers.target}, differences inside a model"
    return [Section(title, ["difference of macro AUC", *HEADS], rows)] if rows else []


def subsets_of(numbers: Numbers) -> dict[str, list[str]]:
    """Model → its subsets of embeddings, all of them together first."""
    found: dict[str, list[str]] = {}
    for key in numbers.metrics["models"]:
        model, _, variant = key.partition(" (")
        if variant:
            found.setdefault(model, []).append(variant.rpartition(", ")[0])
    return {model: sorted(dict.fromkeys(names), key=lambda n: -n.count("+")) for model, names in found.items()}
