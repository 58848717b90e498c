"""Put the outcomes of all fits together into one result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.evaluation.fitting import Outcome
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.result import Result, test_train_ratio
from hilbert.evaluation.setting import describe_corpus, describe_environment, describe_splits, plain
from hilbert.evaluation.verdict import number
from hilbert.features.bags import Bags
from hilbert.splits import Split, is_missing

Labels = Sequence[Any] | NDArray[Any]
Outcomes = list[tuple[str, Split, Outcome]]


@dataclass(frozen=True, eq=False)
class Setup:
    """What is compared on what; ``settings`` describe the protocol, ``label``, ``group`` name columns."""

    models: Mapping[str, Any]
    bags: Bags
    y: Labels
    groups: Labels | None
    seed: int
    label: str
    group: str
    settings: Mapping[str, Any]
    reference: str | None = None
    resamples: int = 2000


def assemble(setup: Setup, splits: list[Split], classes: list[str], outcomes: Outcomes, notes: list[str]) -> Result:
    """The result of all fits; nothing in its configuration depends on the order or the time of the work."""
    bags = setup.bags
    outcomes, partial = _whole(outcomes)
    predictions = _gather(setup, splits, classes, outcomes)
    scored = np.unique(np.concatenate([split.test for split in splits]))
    corpus = describe_corpus(bags, setup.y, setup.groups, scored)
    said = Counter(note for _, _, outcome in outcomes for note in outcome.notes)
    config: dict[str, Any] = {
        "label": setup.label,
        "group": None if setup.groups is None else setup.group,
        **setup.settings,
        "seed": setup.seed,
        "reference": setup.reference,
        "resamples": setup.resamples,
        "corpus": corpus,
        "synthetic": bool(bags.source.get("synthetic", False)),
        "features": plain(bags.source),
        "models": {name: {"class": type(m).__name__, **_parameters(m)} for name, m in setup.models.items()},
        "splits": describe_splits(splits),
        "notes": [
            *notes,
            *bags.notes,
            *_corpus_notes(corpus),
            *(f"{t} ({n} of {len(splits)} fits)" for t, n in said.items()),
            *partial,
            *_shares(setup, outcomes),
        ],
    }
    environment = describe_environment()
    environment["seconds_per_fit"] = {name: _mean_seconds(name, outcomes) for name in setup.models}
    curves = {name: [plain(row) for row in o.curves] for name, _, o in outcomes if o.curves}
    embeddings = {name: _embedding(setup, o.embedding) for name, _, o in outcomes if o.embedding}
    flow = {name: rows for name in predictions.proba if (rows := _flow(name, outcomes))}
    numbers = measure(predictions, setup.resamples, setup.seed, test_train_ratio(config), setup.reference)
    return Result(config, predictions, numbers, environment, curves, embeddings, flow)


def _whole(outcomes: Outcomes) -> tuple[Outcomes, list[str]]:
    """The same without variants that only some fits of a model have, and a note about each of these.

    HILBERT's network, for one, is left out in folds with too few labelled documents to train on.
    """
    fits = Counter(name for name, _, _ in outcomes)
    counts = Counter((name, key) for name, _, outcome in outcomes for key in outcome.proba)
    partial = {key: (count, fits[name]) for (name, key), count in counts.items() if count < fits[name]}
    kept = [
        (name, split, replace(outcome, proba={k: v for k, v in outcome.proba.items() if k not in partial}))
        for name, split, outcome in outcomes
    ]
    return kept, [f"{key} is in {n} of {of} fits only, and is left out" for key, (n, of) in partial.items()]


def _gather(setup: Setup, splits: list[Split], classes: list[str], outcomes: Outcomes) -> Predictions:
    """One row a scored document in the order of the ids, so that a table read back gives the same sums."""
    bags, y, groups = setup.bags, setup.y, setup.groups
    rows = np.unique(np.concatenate([split.test for split in splits]))
    rows = rows[np.argsort(bags.ids[rows], kind="stable")]
    place = np.full(len(bags), -1)
    place[rows] = np.arange(len(rows))
    repeats = max(split.repeat for split in splits) + 1
    folds = np.full((repeats, len(rows)), -1, dtype=np.int64)
    for split in splits:
        folds[split.repeat, place[split.test]] = split.fold
    proba: dict[str, NDArray[np.float64]] = {}
    decided: dict[str, NDArray[np.int64]] = {}
    for name in setup.models:
        for _, split, outcome in (item for item in outcomes if item[0] == name):
            for key, values in outcome.proba.items():
                table = proba.setdefault(key, np.full((repeats, len(rows), len(classes)), np.nan))
                table[split.repeat, place[split.test]] = values
                chosen = decided.setdefault(key, np.zeros((repeats, len(rows)), dtype=np.int64))
                chosen[split.repeat, place[split.test]] = outcome.decided.get(key, values.argmax(axis=1))
    names = ["" if groups is None or is_missing(groups[int(i)]) else str(groups[int(i)]) for i in rows]
    labels = np.array([str(y[int(i)]) for i in rows])
    documents = np.array(bags.ids[rows], dtype=np.str_)
    return Predictions(tuple(classes), documents, np.array(names), labels, folds, proba, decided)


def _parameters(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = plain(model.get_params()) if hasattr(model, "get_params") else {}
    return found


def _mean_seconds(name: str, outcomes: Outcomes) -> float | None:
    times = [o.seconds for n, _, o in outcomes if n == name]
    return round(float(np.mean(times)), 3) if np.isfinite(times).all() else None


def _embedding(setup: Setup, found: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    rows = found["rows"]
    return {
        "document": np.array(setup.bags.ids[rows], dtype=np.str_),
        "label": np.array([str(setup.y[int(i)]) for i in rows]),
        "test": found["test"],
        "vectors": found["vectors"],
    }


def _flow(name: str, outcomes: Outcomes) -> list[dict[str, Any]]:
    """A row a fit, with None for what is undefined in it."""
    return [
        {"repeat": split.repeat, "fold": split.fold}
        | {key: float(value) if np.isfinite(value) else None for key, value in outcome.flow[name].items()}
        for _, split, outcome in outcomes
        if name in outcome.flow
    ]


def _shares(setup: Setup, outcomes: Outcomes) -> list[str]:
    """Whose logits count how much in a model of several members, in the mean of all fits."""
    notes = []
    for name in setup.models:
        found = [outcome.shares for model, _, outcome in outcomes if model == name and outcome.shares]
        members = list(dict.fromkeys(member for shares in found for member in shares))
        means = {member: float(np.mean([shares.get(member, 0.0) for shares in found])) for member in members}
        if len(members) > 1:
            listed = ", ".join(f"{member} {number(mean, digits=2)}" for member, mean in means.items())
            over = f" (mean of {len(found)} fits)" if len(found) > 1 else ""
            notes.append(f"{name}: its members' shares are {listed}{over}")
    return notes


def _corpus_notes(corpus: Mapping[str, Any]) -> list[str]:
    notes = []
    unlabelled, rest = corpus["documents"] - corpus["labelled"], corpus["labelled"] - corpus["scored"]
    if unlabelled:
        notes.append(f"{unlabelled} documents have no label: never tested on")
    if rest:
        notes.append(f"{rest} labelled documents are not scored")
    for modality in ("audio", "text"):
        without, missing = corpus[modality]["documents_without"], corpus[modality]["missing_values"]
        if without:
            notes.append(f"{without} documents have no {modality}")
        if missing:
            notes.append(f"{missing} {modality} feature values are missing, imputed inside each training fold")
    return notes
