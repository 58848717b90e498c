"""`retrieval`: does the audio of a document find its text among held-out documents, and the other way round?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.collecting import MODEL, device_notes
from hilbert.benchmark.place import Place, read_documents
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import (
    QUICK_DOCUMENTS,
    Case,
    Columns,
    Found,
    Material,
    Options,
    Table,
    Trained,
    affordable,
    representations,
    usual,
)
from hilbert.benchmark.studies.collecting import RESAMPLES, finished
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.ranks import MEASURES, chance, difference, mapped, measured, ranks
from hilbert.benchmark.studies.running import folder
from hilbert.evaluation.fitting import fit_one
from hilbert.evaluation.intervals import group_weights
from hilbert.evaluation.verdict import number
from hilbert.features.bags import Bags, Packed
from hilbert.features.pairing import shuffled_pairs
from hilbert.splits import Split, encode_groups

WHAT = "Audio → text and text → audio among the held-out documents of a test fold, by cosine of the embeddings."
NOTES = (
    "Candidates are the scored documents of the query's test fold, without others of its group. map: the query's "
    "embedding goes through a ridge regression onto the other modality's, fitted on training documents; raw: cosine in "
    "the space where the method compares both, or of the embeddings themselves where it never does.",
    "Shuffled pairs: the whole method and the map trained with every text beside another document's audio. Audio → "
    "text must be at chance there; what is left would be a leak.",
    "z_joint is a function of the audio and of the text, so audio → joint and text → joint can be solved by copying: "
    "they are leak-prone, stand apart, and are no evidence of alignment.",
    "On maec-b, where a fit takes minutes, only the main models are looked at.",
)
ACROSS = ("audio → text", "text → audio")
COPIED = ("audio → joint", "text → joint")
COLUMNS = ["rank", "candidates"]
TASKS = ("maec-a", "maec-b", "speechocean762")
Floats = NDArray[np.float64]


def cases(wanted: Sequence[str] | None, options: Options, small: bool) -> list[Case]:
    """True and shuffled pairs of each task."""
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {"beside": 2.0}
    found = []
    for task in TASKS:
        models = representations(wanted or affordable(task), options, small, direct=False)
        own = usual(task, small), models, make
        found += [
            Case("retrieval", task, "true pairs", *own, look=look, **common),
            Case("retrieval", f"{task}-shuffled", "shuffled pairs", *own, measure_shuffled, **common),
        ]
    return found


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task as it is; the target says which documents are queries."""
    return folded(case, data, seed)


def look(trained: Trained, material: Material, split: Split) -> list[Table]:
    """Ranks of a method trained on true pairs."""
    return _look(trained.fitted, material.bags, material.groups, split)


def measure_shuffled(name: str, model: Any, material: Material, split: Split, seed: int) -> Found:
    """Ranks, on true pairs, of a method trained on shuffled ones: another's text, the tested documents as they are."""
    train = shuffled_pairs(material.bags, material.groups, split.train, seed + 1)
    order = np.concatenate([split.train, split.test])
    bags = _joined(train, material.bags[split.test])
    count = len(split.train)
    mixed = split._replace(train=np.arange(count), test=np.arange(count, len(order)), unlabelled=split.train[:0])
    y, groups = material.y[order], material.groups[order]

    def see(fitted: Any) -> list[Table]:
        return _look(fitted, bags, groups, mixed)

    return Found(*fit_one(name, model, bags, y, groups, mixed, seed, see))


def _look(fitted: Any, bags: Bags, groups: NDArray[np.object_], split: Split) -> list[Table]:
    tested = encode_groups(groups[split.test], len(split.test))
    final = {key: z.astype(np.float64) for key, z in fitted.embeddings(bags).items()}
    pair = final
    if hasattr(fitted, "retrieval_pair"):
        pair = {key: z.astype(np.float64) for key, z in fitted.retrieval_pair(bags).items()}
    documents = bags.ids[split.test].tolist()
    tables = []
    for direction in (*ACROSS, *COPIED):
        source, target = direction.split(" → ")
        if source not in final or target not in final:
            continue
        x, z = final[source], final[target]
        guess, goal = mapped(x[split.train], z[split.train], x[split.test], z[split.test])
        found = {"map": ranks(guess, goal, tested)}
        raw = pair if source in pair and target in pair else final
        if raw[source].shape[1] == raw[target].shape[1]:
            found["raw"] = ranks(raw[source][split.test], raw[target][split.test], tested)
        tables += [
            Table(direction, variant, documents, COLUMNS, np.stack(both, axis=1).astype(np.float64))
            for variant, both in found.items()
        ]
    return tables


def _joined(one: Bags, other: Bags) -> Bags:
    """Documents of both bags, one after another."""

    def packed(name: str) -> Packed:
        a, b = getattr(one, name), getattr(other, name)
        parts = [np.concatenate([getattr(a, key), getattr(b, key)]) for key in ("values", "lengths", "times")]
        return Packed(*parts)

    ids, duration = np.concatenate([one.ids, other.ids]), np.concatenate([one.duration, other.duration])
    return Bags(ids, packed("audio"), packed("text"), duration, one.source, one.notes)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """For each task: audio ↔ text beside the shuffled control, then the leak-prone directions."""
    made = []
    for case in found:
        made += _sections(case, place, ACROSS, "audio ↔ text")
    for case in found:
        if case.look is not None:  # true pairs
            made += _sections(case, place, COPIED, "to the joint embedding (leak-prone)")
    return made


def _sections(case: Case, place: Place, directions: Sequence[str], title: str) -> list[Section]:
    stored, about, notes = finished(case, place)
    if about is None or not stored:
        return []
    documents = read_documents(folder(case, place))
    group = dict(zip(documents["document"], documents["group"], strict=True))
    said = once([*notes, *device_notes({name: one.about for name, one in stored.items()})])
    made = []
    for direction in directions:
        table = {
            (name, variant): values
            for name, one in stored.items()
            for variant in ("map", "raw")
            if (values := _ranks(one.folds, direction, variant))
        }
        if not table:
            continue
        ids = sorted(next(iter(table.values())))
        weights = group_weights(encode_groups([group[id] for id in ids], len(ids)), RESAMPLES, place.seed)
        rank = {key: np.array([values[id][0] for id in ids]) for key, values in table.items()}
        counts = np.array([next(iter(table.values()))[id][1] for id in ids], dtype=np.int64)
        by_chance = chance(counts)
        rows = [["chance", "", *(number(by_chance[m], digits=_digits(m)) for m in MEASURES), ""]]
        for (name, variant), own in rank.items():
            cells = [_cell(m, row._asdict()) for m, row in measured(own, weights).items()]
            other = rank.get((MODEL, variant))
            against = "" if other is None or name == MODEL else value(difference(own, other, weights)._asdict(), True)
            rows.append([name, variant, *cells, against])
        line = f"{case.setting.id}, {case.what}: {len(ids)} queries, {counts.min()} to {counts.max()} candidates."
        heads = ["model", "cosine", *MEASURES, f"Δ MRR to {MODEL}"]
        made.append(Section(f"{case.name}: {direction}, {title}", heads, rows, [line], said))
    return made


def _ranks(folds: Mapping[Any, Sequence[Table]], direction: str, variant: str) -> dict[str, Floats]:
    return {
        id: row
        for tables in folds.values()
        for table in tables
        if (table.target, table.variant) == (direction, variant)
        for id, row in zip(table.documents, table.values, strict=True)
    }


def _digits(measure: str) -> int:
    return 1 if measure == "median rank" else 3


def _cell(measure: str, row: Mapping[str, Any]) -> str:
    if measure != "median rank":
        return value(row)
    return f"{row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
