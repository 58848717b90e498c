"""Ablations, joint draws and single changes on the public tasks, by the folds and intervals of the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hilbert.benchmark.estimate import expected_seconds
from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.studies.case import DEAR, QUICK_DOCUMENTS, Case, Columns, Material, predicted, usual
from hilbert.benchmark.studies.collecting import REFERENCE, Numbers, numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.pages import Section, once, value
from hilbert.benchmark.studies.paired import differences
from hilbert.benchmark.studies.sweep import described
from hilbert.evaluation.verdict import number
from hilbert.studies.arms import STUDIED, TERMS, acting, raised_weights
from hilbert.studies.claims import AUC_MATTERS, REFUTED, SUPPORTED, UNDECIDED
from hilbert.studies.experiments.sensitivity import COST, DRAWS, GMC, draws, one_by_one

NAME = "terms"
WHAT = (
    "Each term taken away from `robust` with all terms, at usual and raised weights; thirty joint draws of the "
    "weights; and one option of `robust` changed at a time."
)
NOTES = (
    "HILBERT is the preset `robust` with all its members; its network alone stands beside it. No training: its members "
    "without the network, which are the same whatever the weights. Raised: the least weights at which each term halves "
    "what it optimises, from `hilbert study weights`.",
    f"A term is worth it (supported) where the interval without it lies below −{AUC_MATTERS:g}, and not where it lies "
    "above.",
    "Draws: the four weights, each within a factor of ten of its usual value, on a logarithmic scale.",
    "Single changes: each weight at 0 and at a tenth, once and ten times its usual value (but not as shipped), "
    f"and other options at two values each. One costs something where its interval lies below −{COST:g}. Not on "
    f"{DEAR}, where a fit takes minutes.",
)
TASKS = ("maec-a", "speechocean762", "maec-b")  # the dear one last: fits are made task by task
SHIPPED, BASE, RAISED = "hilbert", "all-terms", "raised"  # as it is shipped, it is without CKA and balance
FLOOR = -0.01
ALONE: Callable[[str], str] = "{} (network)".format  # the row of a model's network alone
UNTRAINED = f"{SHIPPED} (no training)"  # what a draw's training is held against
Between = Mapping[tuple[str, str], Mapping[str, Any]]
BESIDE = "gmc (core)"  # GMC with the options of the benchmark, beside the same linear core


def variants() -> dict[str, dict[str, float]]:
    """Row → weights: all terms, without each and without both regularisers, at usual and at raised weights."""
    rows: dict[str, dict[str, float]] = {}
    for start, weights in ((BASE, STUDIED["robust"]), (RAISED, raised_weights("robust"))):
        rows[start] = dict(weights)
        for terms in (("CKA",), ("balance",), ("dual",), ("CKA", "balance")):
            without = acting("robust", {**weights, **{TERMS[term]: 0.0 for term in terms}})
            rows[f"{start}-no-{'-'.join(terms)}" if without else SHIPPED] = without
    return rows


def changes() -> dict[str, Mapping[str, Any]]:
    """Row → the one option that is changed."""
    return {f"{name}={x:g}": arm.options for arm in one_by_one() for name, x in arm.options.items()}


def cases(small: bool) -> list[Case]:
    """A case a task; quick: few draws and one change on few documents."""
    models = {REFERENCE: build(REFERENCE, None, small), "gmc": build("gmc", GMC.options, small)}
    models |= {name: build("hilbert", weights, small) for name, weights in variants().items()}
    chosen = draws()[:2] if small else draws()
    models |= {arm.name.replace(" ", "-"): build("hilbert", arm.options, small) for arm in chosen}
    single = dict(list(changes().items())[:1]) if small else changes()
    more = {name: build("hilbert", options, small) for name, options in single.items()}
    common: dict[str, Any] = {"folds": 2, "documents": QUICK_DOCUMENTS} if small else {}
    return [
        Case(NAME, task, NAME, usual(task, small), models if task == DEAR else models | more, make, predicted, **common)
        for task in TASKS
    ]


def make(case: Case, data: Data, columns: Columns, seed: int) -> Material:
    """The task as it is."""
    return folded(case, data, seed)


def expected(case: Case, name: str) -> float:
    """Expected seconds of a fit before one was timed."""
    like = name if name in (REFERENCE, "gmc") else "hilbert"
    return expected_seconds(like, case.setting.task.name, case.documents is not None)


def sections(found: Sequence[Case], place: Place) -> list[Section]:
    """For each task: the terms, the draws, single changes."""
    made = []
    for case in found:
        numbers = numbers_of(case, place, shown=_shown, against=())
        if numbers is not None:
            between = differences(numbers, _pairs(case), place)
            made += [part(case, numbers, between) for part in (_terms, _draws, _changes)]
    return [section for section in made if section.rows]


def _shown(model: str, variant: str) -> bool:
    """Models, HILBERT's networks alone, GMC beside a linear core, and no training, which is the same in every row."""
    return variant in ("", "network", "core") or f"{model} ({variant})" == UNTRAINED


def _starts() -> dict[str, str]:
    """Row of a term → the row with all terms that it is held against."""
    return {name: RAISED if name.startswith(RAISED) else BASE for name in variants()}


def _pairs(case: Case) -> list[tuple[str, str]]:
    """All differences that the sections show, but those to concat-lr."""
    found = [pair for name, start in _starts().items() for pair in ((name, start), (ALONE(name), ALONE(start)))]
    drawn = [name for name in case.models if name.startswith("draw-")]
    found += [(name, other) for name in drawn for other in (BESIDE, UNTRAINED)]
    return found + [pair for name in changes() for pair in ((name, SHIPPED), (ALONE(name), ALONE(SHIPPED)))]


def _terms(case: Case, numbers: Numbers, between: Between) -> Section:
    rows = [
        [name, value(numbers.auc(name)), value(numbers.difference(name, REFERENCE), True), *[""] * 4]
        for name in (REFERENCE, UNTRAINED)
    ]
    for name, start in _starts().items():
        change, change_alone = between.get((name, start)), between.get((ALONE(name), ALONE(start)))
        against, worth = value(numbers.difference(name, REFERENCE), True), "" if name == start else worth_of(change)
        whole = [name, value(numbers.auc(name)), against, value(change, True) if name != start else "", worth]
        rows.append([*whole, value(numbers.auc(ALONE(name))), value(change_alone, True) if name != start else ""])
    heads = ["row", "macro AUC", f"Δ {REFERENCE}", "Δ its start", "are its terms worth it?", "network alone",
             "Δ its start"]  # fmt: skip
    lines = [f"{case.setting.id}: {described(numbers)}. A row's start is {BASE} or {RAISED}, with all terms."]
    return Section(f"{case.name}: terms", heads, rows, lines, once(numbers.notes))


def _draws(case: Case, numbers: Numbers, between: Between) -> Section:
    names = [name for name in case.models if name.startswith("draw-") and numbers.auc(name) is not None]
    own = {name: numbers.difference(name, REFERENCE) for name in names}
    arms = {arm.name.replace(" ", "-"): arm.options for arm in draws()}
    rows = [
        [name, *(f"{weight:g}" for weight in arms[name].values()), value(numbers.auc(name)), value(own[name], True),
         value(between.get((name, UNTRAINED)), True), value(between.get((name, BESIDE)), True)]
        for name in names
    ]  # fmt: skip
    heads = ["draw", "contrast", "CKA", "balance", "router z", "macro AUC", f"Δ {REFERENCE}", "Δ no training",
             f"Δ {BESIDE}"]  # fmt: skip
    lines = [said(own)] if own else []
    trained = {name: row for name in names if (row := between.get((name, UNTRAINED))) is not None}
    if trained:
        lines.append(said(trained, "no training"))
    return Section(f"{case.name}: joint draws", heads, rows, lines)


def _changes(case: Case, numbers: Numbers, between: Between) -> Section:
    rows, costly, least = [], [], 0.0
    for name in changes():
        change = between.get((name, SHIPPED))
        if change is None or change["value"] is None:
            continue
        alone = value(numbers.auc(ALONE(name))), value(between.get((ALONE(name), ALONE(SHIPPED))), True)
        rows.append([name, value(numbers.auc(name)), value(change, True), *alone])
        least = min(least, change["value"])
        if change["high"] is not None and change["high"] < -COST:
            costly.append(name)
    bound = number(-COST)
    text = f"Of {len(rows)} single changes the largest loss is {number(least, True)}; " + (
        f"wholly below {bound}: {', '.join(costly)}." if costly else f"no interval lies below {bound}."
    )
    heads = ["change", "macro AUC", f"Δ {SHIPPED}", "network alone", f"Δ {SHIPPED}"]
    return Section(f"{case.name}: single changes", heads, rows, [text] if rows else [])


def worth_of(change: Mapping[str, Any] | None) -> str:
    """Whether a row's missing terms are worth .005 of macro AUC, by the interval of what their absence changes."""
    if change is None or change["low"] is None:
        return ""
    if change["high"] < -AUC_MATTERS:
        return SUPPORTED
    return REFUTED if change["low"] > -AUC_MATTERS else UNDECIDED


def said(own: Mapping[str, Mapping[str, Any] | None], reference: str = REFERENCE) -> str:
    """The range of the draws' differences to the reference, and whether the two goals are met."""
    known = [row for row in own.values() if row is not None]
    whole = len(known) == DRAWS and all(row["high"] is not None for row in known)
    gains = np.array([row["value"] for row in known])
    low = sum(row["high"] is not None and row["high"] < FLOOR for row in known)
    met = "met" if np.median(gains) >= 0 and not low else "missed"
    met = met if whole or low else f"undecided before all {DRAWS} are made"
    median, least, most = (number(float(x), True) for x in (np.median(gains), gains.min(), gains.max()))
    return (
        f"{len(gains)} draws: median difference {median}, from {least} to {most}; {int((gains > 0).sum())} above "
        f"{reference}; {low} intervals wholly below {number(FLOOR)}. Goal (median of 0 or more, none below): {met}."
    )
