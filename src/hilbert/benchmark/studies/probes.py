"""`probes`: what a representation trained on one label holds of others, and of what it should not care for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hilbert.baselines.heads import InnerFold, LogisticHead
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import (
    QUICK_DOCUMENTS,
    Case,
    Columns,
    Material,
    Objects,
    Options,
    Table,
    Trained,
    affordable,
    representations,
    usual,
)
from hilbert.benchmark.studies.collecting import REFERENCE, numbers_of
from hilbert.benchmark.studies.heads import direct
from hilbert.benchmark.studies.material import folded, terciles
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.nn.linear import softmax
from hilbert.splits import Split, inner_folds

WHAT = (
    "Representations trained on one label (or on none) and probed, by logistic regression, for labels they never saw."
)
NOTES = (
    "The probe reads all embeddings of a representation, which is trained once a fold; C is chosen on grouped folds "
    f"inside the training documents. {REFERENCE}: fitted on each probed label directly, on pooled features.",
    "Nuisances are what a representation need not hold: a high number there is no merit. On maec-a the words hold "
    "digits, so that a year may be read off them; on maec-b words with digits are left out.",
    "On maec-b, where a fit takes minutes, only the main models are looked at.",
)
MARGIN = 1.0  # seconds of the probes of a fit


@dataclass(frozen=True)
class Probe:
    """A label that is probed for: name, column of the manifest, and what is made of its value."""

    name: str
    column: str
    how: str = "as it is"
    nuisance: bool = False


PROBES: Mapping[str, tuple[str, tuple[Probe, ...]]] = {
    "speechocean762": (
        "trained on age and gender",
        (
            Probe("age", "age_gender", "before _"),
            Probe("gender", "age_gender", "after _"),
            Probe("duration_third", "", "third of the seconds", nuisance=True),
        ),
    ),
    "maec-a": (
        "trained on the number of speakers",
        (
            Probe("year", "year"),
            Probe("length_third", "segments", "third", nuisance=True),
            Probe("quarter", "date", "quarter", nuisance=True),
        ),
    ),
    "maec-b": ("trained on the year", (Probe("speakers_64", "speakers_64"),)),
}


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """A case for each label that is trained on."""
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {"beside": MARGIN}
    found = []
    for task, (what, _) in PROBES.items():
        models = representations(wanted or affordable(task), options, small, supervised=True)
        found.append(Case("probes", task, what, usual(task, small), models, make, direct, look, **common))
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task's own label is trained on; its probes are the targets."""
    known = columns([p.column for p in PROBES[case.name][1] if p.column])
    targets = {probe.name: labels_of(probe, known, data) for probe in PROBES[case.name][1]}
    return folded(case, data, seed, data.y, targets)


def labels_of(probe: Probe, columns: Mapping[str, Objects], data: Data) -> Objects:
    """(docs,) labels of a probe, None where unknown."""
    if probe.how == "third of the seconds":
        return terciles(np.asarray(data.bags.duration, dtype=np.float64))
    values = columns[probe.column].tolist()
    if probe.how == "third":
        return terciles(np.array([float(v) if v not in (None, "") else np.nan for v in values]))

    def label(text: str) -> str | None:
        if probe.how == "quarter":
            return f"Q{(int(text[5:7]) + 2) // 3}"
        if probe.how in ("before _", "after _"):
            return text.partition("_")[0 if probe.how == "before _" else 2]
        return text

    return np.array([None if v in (None, "") else label(str(v)) for v in values], dtype=object)


def look(trained: Trained, material: Material, split: Split) -> list[Table]:
    """A probe for each target on the documents that have it."""
    fitted = trained.fitted
    z = {"train": fitted.transform(material.bags[split.train]), "test": fitted.transform(material.bags[split.test])}
    tables = []
    for target, labels in material.targets.items():
        names = material.classes(target)
        train, test = (
            np.flatnonzero([v is not None for v in labels[rows].tolist()]) for rows in (split.train, split.test)
        )
        codes = np.array([names.index(str(v)) for v in labels[split.train][train]], dtype=np.int64)
        x, tested = z["train"][train].astype(np.float64), z["test"][test].astype(np.float64)
        groups = material.groups[split.train][train]
        folds = [InnerFold(x[a], codes[a], x[b], codes[b], b) for a, b in inner_folds(codes, groups, 3, fitted.seed)]
        head = LogisticHead()
        head.select(folds, len(codes), len(names), fitted.seed)
        head.fit(x, codes, len(names), fitted.seed)
        documents = material.bags.ids[split.test][test].tolist()
        tables.append(Table(target, "", documents, names, softmax(head.logits(tested))))
    return tables


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """A table for each label that was trained on."""
    made = []
    for case in found:
        known = [(probe, numbers_of(case, place, probe.name)) for probe in PROBES[case.name][1]]
        probed = [(probe, numbers) for probe, numbers in known if numbers is not None]
        if not probed:
            continue
        rows, heads = [], ["representation"]
        for probe, _ in probed:
            heads += [f"{probe.name}{' (nuisance)' if probe.nuisance else ''}", f"Δ {REFERENCE}"]
        for model in dict.fromkeys(m for _, n in probed for m in n.metrics["models"]):
            cells = [
                text for _, n in probed for text in (value(n.auc(model)), value(n.difference(model, REFERENCE), True))
            ]
            rows.append([f"{model}, directly" if model == REFERENCE else model, *cells])
        counts = [
            f"{probe.name}: " + ", ".join(f"{c} {k}" for c, k in n.metrics["class_counts"].items())
            for probe, n in probed
        ]
        line = f"{case.setting.id}, {case.what}. Macro AUC. {'; '.join(counts)}."
        made.append(
            Section(f"{case.name}: {case.what}", heads, rows, [line], once([x for _, n in probed for x in n.notes]))
        )
    return made
