"""From stored fits to predictions and numbers of one target of one case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines import MODELS
from hilbert.benchmark.collecting import MODEL, UNTRAINED, device_notes, file_name
from hilbert.benchmark.models import where_stored
from hilbert.benchmark.place import Place, read_documents
from hilbert.benchmark.remembering import predictions_hash, remembered
from hilbert.benchmark.studies.case import DECIDED, Case
from hilbert.benchmark.studies.running import folder, key_of, read_case
from hilbert.benchmark.studies.store import Stored, read_head
from hilbert.errors import InputError
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions

RESAMPLES = 2000
REFERENCE = "concat-lr"
Shown = Callable[[str, str], bool]
"""Whether a model's variant ("" is the model itself) stands in the table."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """``metrics`` of a case's target as `evaluate` has them; keys of models are "model" or "model (variant)"."""

    case: Case
    target: str
    about: Mapping[str, Any]
    predictions: Predictions
    metrics: Mapping[str, Any]
    heads: Mapping[str, Mapping[str, Any]]
    notes: Sequence[str] = ()

    def auc(self, model: str) -> Mapping[str, Any] | None:
        """The macro AUC of a row with its interval, None where it was not computed."""
        row = self.metrics["models"].get(model)
        return None if row is None else row["auc"]

    def difference(self, model: str, other: str) -> Mapping[str, Any] | None:
        """The paired difference model − other, None where it was not computed."""
        for row in self.metrics["differences"]:
            if (row["model"], row["against"]) == (model, other):
                found: Mapping[str, Any] = row
                return found
        return None


def finished(case: Case, place: Place) -> tuple[dict[str, Stored], Mapping[str, Any] | None, list[str]]:
    """The models of which every fold is stored, what the case is, and what is missing, in words.

    Every registered model counts that is stored there, whatever part of the study a run was about.
    """
    about, found, notes, stale = read_case(case, place), {}, [], []
    if about is None:
        return {}, None, []
    needed = {(split[0], split[1]) for split in about["splits"]}
    names = list(dict.fromkeys([*case.models, *MODELS]))
    for name in names:
        path = folder(case, place) / f"{name}.parquet"
        head = read_head(path)
        if head is None or head["data"] != about["data"]:
            if name in case.models:
                notes.append(f"{name}: nothing is stored, left out")
            continue
        stored = Stored.open(path, {"key": head["key"]})
        model = case.models.get(name)
        if model is not None:
            now = key_of(case, where_stored(model, head, place.device), about["data"], place.seed)
            if head["key"] != now:
                stale.append(name)
        if needed <= stored.done:
            found[name] = stored
        else:
            notes.append(f"{name}: {len(stored.done)} of {len(needed)} fits are finished, left out")
        notes += [f"{text} ({count} of {len(stored.done)} fits)" for text, count in stored.about["notes"].items()]
    if stale:
        notes.insert(0, f"of an earlier version, shown as they were stored: {', '.join(stale)}")
    return found, about, notes


def gather(
    stored: Mapping[str, Stored],
    about: Mapping[str, Any],
    documents: Mapping[str, Sequence[Any]],
    target: str,
    shown: Shown = lambda model, variant: True,
) -> tuple[Predictions, list[str]]:
    """Predictions of one target on the documents that every repeat has tested, and the rows that lack some of them."""
    names = about["classes"][target]
    label = dict(zip(documents["document"], documents[f"label_{target}"], strict=True))
    group = dict(zip(documents["document"], documents["group"], strict=True))
    counts = dict(zip(documents["document"], documents["scored"], strict=True))
    repeats = sorted({split[0] for split in about["splits"]})
    tested: dict[str, int] = {}
    first = next(iter(stored.values()))
    for tables in first.folds.values():
        table = next(t for t in tables if t.target == target)
        for id in table.documents:
            tested[id] = tested.get(id, 0) + 1
    ids = sorted(id for id, times in tested.items() if times == len(repeats) and label[id] is not None)
    if any(not counts[id] for id in ids):
        raise InputError(f"{first.path}: holds predictions of documents that do not count; remove its folder")
    row_of = {id: row for row, id in enumerate(ids)}
    folds = np.full((len(repeats), len(ids)), -1, dtype=np.int64)
    proba: dict[str, NDArray[np.float64]] = {}
    decided: dict[str, NDArray[np.int64]] = {}
    for name, one in stored.items():
        for (repeat, fold), tables in one.folds.items():
            for table in tables:
                if table.target != target or not shown(name, table.variant):
                    continue
                kept = [row for row, id in enumerate(table.documents) if id in row_of]
                rows = [row_of[table.documents[row]] for row in kept]
                key = f"{name} ({table.variant})" if table.variant else name
                whole = proba.setdefault(key, np.full((len(repeats), len(ids), len(names)), np.nan))
                order = [table.columns.index(c) for c in names]
                values = table.values[kept][:, order]
                whole[repeats.index(repeat), rows] = values
                said = values.argmax(axis=1)  # of fits that were stored without decisions
                if DECIDED in table.columns:
                    said = table.values[kept, table.columns.index(DECIDED)].astype(np.int64)
                known = decided.setdefault(key, np.zeros(folds.shape, dtype=np.int64))
                known[repeats.index(repeat), rows] = said
                folds[repeats.index(repeat), rows] = fold
    partial = [key for key, values in proba.items() if np.isnan(values).any()]
    kept_proba = {key: values for key, values in proba.items() if key not in partial}
    columns = [np.array(v, dtype=np.str_) for v in (ids, [group[id] for id in ids], [label[id] for id in ids])]
    chosen = {key: decided[key] for key in kept_proba}
    return Predictions(tuple(names), columns[0], columns[1], columns[2], folds, kept_proba, chosen), partial


def numbers_of(
    case: Case,
    place: Place,
    target: str | None = None,
    shown: Shown = lambda model, variant: True,
    reference: str = REFERENCE,
    against: Sequence[str] = (MODEL, UNTRAINED),
    resamples: int = RESAMPLES,
) -> Numbers | None:
    """The numbers of one target (default: the only one), kept beside the tables; None before a model is finished."""
    stored, about, notes = finished(case, place)
    if about is None or not stored:
        return None
    name = next(iter(about["classes"])) if target is None else target
    predictions, partial = gather(stored, about, read_documents(folder(case, place)), name, shown)
    notes += [f"{key}: not predicted for every document, left out" for key in partial]
    heads = {key: one.about for key, one in stored.items()}
    return measured(case, name, about, predictions, heads, notes, place, reference, against, resamples)


def measured(
    case: Case,
    target: str,
    about: Mapping[str, Any],
    predictions: Predictions,
    heads: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str],
    place: Place,
    reference: str = REFERENCE,
    against: Sequence[str] = (MODEL, UNTRAINED),
    resamples: int = RESAMPLES,
) -> Numbers:
    """Metrics, intervals and differences of predictions, kept beside the tables; ``notes`` end those of the case."""
    chosen = reference if reference in predictions.proba else None
    held = [key for key in against if key in predictions.proba]
    sizes = [split[4] / max(1, split[2]) for split in about["splits"]]
    ratio = float(np.mean(sizes))
    metrics = remembered(
        place.out / "tables" / "studies" / f"{file_name(case.id)}-{target}.json",
        [predictions_hash(predictions), resamples, place.seed, ratio, chosen, held],
        lambda: measure(predictions, resamples, place.seed, ratio, chosen, held),
    )
    said = [*about["notes"], *metrics["notes"], *notes, *device_notes(heads)]
    return Numbers(case, target, about, predictions, metrics, heads, said)
