"""Compare models under one protocol: the same folds, the same resamples, all predicted out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError
from hilbert.evaluation.assembling import Setup, assemble
from hilbert.evaluation.fitting import Outcome, decisions, fit_fold, predict
from hilbert.evaluation.result import Result
from hilbert.evaluation.strangers import strangers
from hilbert.evaluation.watching import Flow, watch
from hilbert.features.bags import Bags
from hilbert.monitors.ablation import PERMUTATIONS
from hilbert.splits import Split, encode_labels, grouped_folds, is_missing, split_by_column, split_notes

Labels = Sequence[Any] | NDArray[Any]
Mask = Sequence[bool] | NDArray[np.bool_]
Progress = Callable[[int, int, str], None]

UNLIKE = "its probabilities for such documents mean little"
LEAST = 15  # permutations of a modality over all splits; with a few splits, more in each


def evaluate(
    models: Mapping[str, Any],
    bags: Bags,
    y: Labels,
    groups: Labels | None = None,
    folds: int = 5,
    repeats: int = 5,
    seed: int = 0,
    jobs: int | None = None,
    score: Mask | None = None,
    label: str = "label",
    group: str = "group",
    reference: str | None = None,
    resamples: int = 2000,
    progress: Progress | None = None,
    monitors: bool = True,
) -> Result:
    """Repeated grouped cross-validation of ``models`` (name → scikit-learn classifier over bags).

    ``y`` may hold None (unlabelled: trained on by models with ``uses_unlabelled``); ``score`` masks the
    documents that count, the others may be trained on. ``label``, ``group`` name the columns in the result;
    ``reference`` is the model the others are compared with (concat-lr if present, or late-stack). ``jobs`` processes
    (default: one a processor) change no byte of the result. ``progress(done, total, model)`` is called after
    every fit. ``monitors``: watch the flow of information in every fit, too (``Result.flow``); it costs some per cent
    of HILBERT's fits and changes nothing else.
    Raises UsageError for folds that cannot be made, HilbertError naming model and fold when a fit fails.
    """
    _check(models, bags, y, groups)
    splits = grouped_folds(y, groups, folds, repeats, seed, score)
    settings = {"protocol": "cross-validation", "folds": folds, "repeats": repeats}
    setup = Setup(models, bags, y, groups, seed, label, group, settings, reference, resamples)
    return _run(setup, splits, split_notes(y, groups, folds), jobs, progress, monitors)


def evaluate_split(
    models: Mapping[str, Any],
    bags: Bags,
    y: Labels,
    split: Labels,
    groups: Labels | None = None,
    seed: int = 0,
    jobs: int | None = None,
    score: Mask | None = None,
    label: str = "label",
    group: str = "group",
    column: str = "split",
    reference: str | None = None,
    resamples: int = 2000,
    progress: Progress | None = None,
    monitors: bool = True,
) -> Result:
    """Train and test as ``split`` says (train, dev or test for each document; the manifest's ``column``).

    y, groups, score: (docs,), as in ``evaluate``. Raises UsageError where lengths differ, ids are there
    twice, a side of the split is empty, or a group stands on both.
    """
    _check(models, bags, y, groups)
    splits = [split_by_column(split, y, groups, score)]
    settings = {"protocol": "one split", "column": column, "folds": 1, "repeats": 1}
    setup = Setup(models, bags, y, groups, seed, label, group, settings, reference, resamples)
    unused = len(bags) - sum(len(part) for part in splits[0][2:])
    notes = [f"{unused} documents are on neither side of the split or not scored"] if unused else []
    return _run(setup, splits, notes, jobs, progress, monitors)


def evaluate_saved(
    model: Any,
    bags: Bags,
    y: Labels,
    groups: Labels | None = None,
    name: str = "model",
    seed: int = 0,
    label: str = "label",
    group: str = "group",
    resamples: int = 2000,
    monitors: bool = True,
) -> Result:
    """A fitted model on labelled documents it has not seen; unlabelled ones are left out and counted.

    A mapping of name → fitted model compares several. ``monitors``: watch what predictions use of either modality;
    what embeddings keep cannot be told without the training documents. Raises UsageError for a label that no model
    knows, and for documents that a model was trained on, known by their features: on those its scores say nothing.
    """
    models = dict(model) if isinstance(model, Mapping) else {name: model}
    _check(models, bags, y, groups)
    known, codes = encode_labels(y)
    learnt = sorted({str(c) for fitted in models.values() for c in fitted.classes_})
    new = [str(c) for c in known if str(c) not in learnt]
    if new or not len(known):
        found = f"the labels hold {', '.join(new)}" if new else "no document has a label"
        raise UsageError(f"expected labels among {', '.join(learnt)}; {found}")
    _check_new(models, bags)
    split = Split(0, 0, np.zeros(0, np.int64), np.flatnonzero(codes >= 0), np.zeros(0, np.int64))
    outcomes = []
    for key, fitted in models.items():
        test = bags[split.test]
        proba, notes = predict(key, fitted, test, learnt, key)
        chosen = decisions(key, fitted, test, proba, learnt)
        if far := strangers(fitted, test):
            most = max(far, key=lambda found: found.distance)
            notes.append(
                f"{key}: {len({found.document for found in far})} documents are unlike those it was trained on (the "
                f"{most.modality} of one lies {most.distance:.3g} standard deviations from them); {UNLIKE}"
            )
        flow: Flow = {}
        if monitors:
            flow, said = watch(key, fitted, proba, test, _objects(y)[split.test], learnt, split, seed, LEAST)
            notes += said
        shares = dict(getattr(fitted, "shares_", {}))
        outcomes.append((key, split, Outcome(proba, float("nan"), notes, flow=flow, decided=chosen, shares=shares)))
    settings = {"protocol": "saved model", "folds": 1, "repeats": 1}
    setup = Setup(models, bags, y, groups, seed, label, group, settings, None, resamples)
    return assemble(setup, [split], learnt, outcomes, [])


def _run(
    setup: Setup, splits: list[Split], notes: list[str], jobs: int | None, progress: Progress | None, monitors: bool
) -> Result:
    from joblib import Parallel, cpu_count, delayed

    models = setup.models
    if setup.reference is not None and setup.reference not in models:
        raise UsageError(f"reference: expected one of {', '.join(models)}, found {setup.reference}")
    classes = [str(c) for c in encode_labels(setup.y)[0]]
    y, groups = _objects(setup.y), None if setup.groups is None else _objects(setup.groups)
    work = [(name, split) for split in splits for name in models]
    permutations = max(PERMUTATIONS, -(-LEAST // len(splits))) if monitors else 0
    common = setup.bags, y, groups
    tasks = [
        delayed(_numbered)(i, name, models[name], *common, split, classes, setup.seed, split is splits[0], permutations)
        for i, (name, split) in enumerate(work)
    ]
    workers = min(jobs if jobs and jobs > 0 else cpu_count(), len(tasks))
    found: dict[int, Outcome] = {}
    for i, outcome in Parallel(n_jobs=workers, return_as="generator_unordered")(tasks):
        found[i] = outcome
        if progress:
            progress(len(found), len(tasks), work[i][0])
    outcomes = [(name, split, found[i]) for i, (name, split) in enumerate(work)]
    return assemble(setup, splits, classes, outcomes, notes)


def _numbered(number: int, *arguments: Any) -> tuple[int, Outcome]:
    return number, fit_fold(*arguments)


def _check(models: Mapping[str, Any], bags: Bags, y: Labels, groups: Labels | None) -> None:
    if not models:
        raise UsageError("models: expected at least one, found none")
    for what, values in (("y", y), ("groups", groups)):
        if values is not None and len(values) != len(bags):
            raise UsageError(f"{what}: expected one for each of {len(bags)} documents, found {len(values)}")
    ids, counts = np.unique(bags.ids, return_counts=True)
    if (counts > 1).any():
        raise UsageError(f"bags: the id {ids[int(counts.argmax())]!r} occurs {counts.max()} times; ids must be unique")


def _check_new(models: Mapping[str, Any], bags: Bags) -> None:
    here = bags.fingerprints()
    for name, fitted in models.items():
        seen = set(getattr(fitted, "trained_on_", ()))
        known = [str(id) for id, mark in zip(bags.ids, here, strict=True) if mark in seen]
        if known:
            raise UsageError(
                f"{name} was trained on {len(known)} of these {len(bags)} documents (the first: {known[0]}), so its "
                "scores on them say nothing; give new documents, or evaluate by cross-validation"
            )


def _objects(values: Labels) -> NDArray[np.object_]:
    result = np.empty(len(values), dtype=object)
    result[:] = [None if is_missing(v) else v.item() if isinstance(v, np.generic) else v for v in values]
    return result
