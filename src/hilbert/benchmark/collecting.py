"""From stored folds to the predictions and numbers of one setting's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines import MODELS
from hilbert.benchmark.models import build, fit_key, where_stored
from hilbert.benchmark.outputs import model_of, read_outputs, standing
from hilbert.benchmark.place import Place, read_documents, read_setting
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.records import Records, read_about
from hilbert.benchmark.remembering import predictions_hash, remembered
from hilbert.errors import InputError
from hilbert.evaluation.intervals import holm
from hilbert.evaluation.measures import TRIVIAL, measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.result import test_train_ratio

MODEL = "hilbert"  # the model that all others are baselines of
UNTRAINED = "hilbert (no training)"  # its members but the trained network: what stands beside each of its gains
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Numbers:
    """A setting's table: ``about`` the setting, ``models`` the JSON file of each, ``metrics`` as `evaluate` has them.

    ``against``: row → its paired difference to the comparator; ``gains``: row of a baseline → HILBERT's difference
    to it, and ``untrained`` that of HILBERT without training. ``stale``: models whose fits are of an earlier version.
    ``standing``: model → the row that stands for it; those have ``holm`` and ``holm_t``, the p of the bootstrap
    and of the corrected t-test adjusted over them, since the outputs of one model are no further methods;
    ``holm_rows`` is the p of HILBERT's difference to the comparator among all rows.
    """

    comparison: Comparison
    comparator: str
    about: Mapping[str, Any]
    repeats: Sequence[int]
    predictions: Predictions
    models: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any]
    against: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gains: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    untrained: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    standing: Mapping[str, str] = field(default_factory=dict)
    stale: Sequence[str] = ()
    holm_rows: float | None = None
    notes: Sequence[str] = ()


def collect(comparison: Comparison, place: Place, comparator: str, resamples: int = RESAMPLES) -> Numbers | None:
    """The numbers of a setting from every registered model that is stored there, None before the first whole repeat.

    They are kept in ``tables/``, too. All models are compared on the same repeats: those that HILBERT and the
    comparator have finished. A model that lacks one of them is left out, and a note says so.
    """
    folder = place.folder(comparison)
    about = read_setting(folder)
    if about is None:
        return None
    stored = {}
    for name in MODELS:
        known = read_about(folder, name)
        if known is not None and known["data"] == about["data"]:
            stored[name] = Records.open(folder, name, about["classes"], known)
    whole = {name: _whole_repeats(records, about["splits"]) for name, records in stored.items()}
    if not any(whole.values()):
        return None
    repeats = _compared(whole, comparator)
    if not repeats:
        raise InputError(f"{folder}: the models share no finished repeat; run `hilbert benchmark` again")
    counted = {name: stored[name] for name, own in whole.items() if own.issuperset(repeats)}
    lacking = [name for name in dict.fromkeys((*whole, *comparison.models)) if name not in counted]
    stale = [name for name in counted if not _current(comparison, place, name, stored[name], about)]
    notes = []
    if stale:
        notes.append(f"of an earlier version, shown as it was stored: {', '.join(stale)}")
    if len(repeats) < comparison.repeats:
        notes.append(f"{len(repeats)} of {comparison.repeats} repeats are finished, and counted")
    if lacking:
        finished = ", ".join(f"{name} ({len(whole.get(name, ()))} of {comparison.repeats} repeats)" for name in lacking)
        notes.append(f"left out until finished: {finished}")
    predictions, partial = gather(counted, about, read_documents(folder), repeats)
    notes += [f"{name}: not predicted in every fold, left out" for name in partial]
    ratio = test_train_ratio({"splits": [s for s in about["splits"] if s["repeat"] in repeats]})
    reference = comparator if comparator in predictions.proba else None
    if reference is None:
        notes.append(f"{comparator}, the comparator, is not among the models: no differences to it")
    hilbert = tuple(row for row in (MODEL, UNTRAINED) if row in predictions.proba)
    metrics = remembered(
        place.out / "tables" / f"{file_name(comparison.id)}.json",
        [predictions_hash(predictions), resamples, place.seed, ratio, reference, hilbert],
        lambda: measure(predictions, resamples, place.seed, ratio, reference, hilbert),
    )
    notes += [*about["notes"], *metrics["notes"], *_fit_notes(counted)]
    found = metrics["differences"]
    against = {row["model"]: row for row in found if row["against"] == reference} if reference else {}
    gains, untrained = (
        {row["model"]: _turned(row) for row in found if row["against"] == own and is_baseline(row["model"])}
        for own in (MODEL, UNTRAINED)
    )
    rows = standing(read_outputs(place.out, comparison.setting.task.name), metrics["models"])
    family = [row for model, row in rows.items() if model not in TRIVIAL]
    return Numbers(
        comparison, comparator, about, repeats, predictions, {n: r.about for n, r in counted.items()}, metrics,
        _adjusted(against, family), _adjusted(gains, family), untrained, rows, stale,
        _adjusted(against, [name for name in against if name not in TRIVIAL]).get(MODEL, {}).get("holm"), notes,
    )  # fmt: skip


def _current(comparison: Comparison, place: Place, name: str, records: Records, about: Mapping[str, Any]) -> bool:
    """Whether the stored fits of a model are what the model of today, with today's options, would give."""
    model = where_stored(build(name, place.options.get(name), comparison.small), records.about, place.device)
    return bool(records.about["key"] == fit_key(model, about["data"], about["folds"], about["seed"]))


def file_name(id: str) -> str:
    """The name of a setting's files among the tables."""
    return id.replace("/", "-")


def is_baseline(model: str) -> bool:
    """Whether a row of a table is none of HILBERT's own."""
    return not model.startswith(MODEL)


def gather(
    records: Mapping[str, Records],
    about: Mapping[str, Any],
    documents: Mapping[str, Sequence[Any]],
    repeats: Sequence[int],
) -> tuple[Predictions, list[str]]:
    """Predictions of all models and variants in the given repeats, and the variants that lack a fold."""
    scored = sorted(
        (d, g, y)
        for d, g, y, s in zip(*(documents[k] for k in ("document", "group", "label", "scored")), strict=True)
        if s
    )
    ids = [row[0] for row in scored]
    place = {id: row for row, id in enumerate(ids)}
    folds = np.full((len(repeats), len(ids)), -1, dtype=np.int64)
    proba: dict[str, NDArray[np.float64]] = {}
    decided: dict[str, NDArray[np.int64]] = {}
    size = len(about["classes"])
    for name, stored in records.items():
        for (repeat, fold), (tested, variants, said) in stored.folds.items():
            if repeat not in repeats:
                continue
            rows, r = np.array([place[id] for id in tested], dtype=np.int64), repeats.index(repeat)
            if (folds[r, rows] != -1).any() and (folds[r, rows] != fold).any():
                raise InputError(f"{stored.path}: its folds are not those of the other models; remove it")
            folds[r, rows] = fold
            for variant, values in variants.items():
                key = f"{name} ({variant})" if variant else name
                table = proba.setdefault(key, np.full((len(repeats), len(ids), size), np.nan))
                table[r, rows] = values
                decided.setdefault(key, np.zeros((len(repeats), len(ids)), dtype=np.int64))[r, rows] = said[variant]
    partial = [key for key, table in proba.items() if np.isnan(table).any()]
    kept = {key: table for key, table in proba.items() if key not in partial}
    columns = [np.array([row[c] for row in scored], dtype=np.str_) for c in range(3)]
    chosen = {key: decided[key] for key in kept}
    return Predictions(tuple(about["classes"]), columns[0], columns[1], columns[2], folds, kept, chosen), partial


def _compared(whole: Mapping[str, set[int]], comparator: str) -> list[int]:
    """The repeats that HILBERT and the comparator have finished; where neither has any, all models with one."""
    headline = [whole[name] for name in (MODEL, model_of(comparator)) if whole.get(name)]
    return sorted(set.intersection(*(headline or [repeats for repeats in whole.values() if repeats])))


def _whole_repeats(records: Records, splits: Sequence[Mapping[str, int]]) -> set[int]:
    needed: dict[int, set[int]] = {}
    for split in splits:
        needed.setdefault(split["repeat"], set()).add(split["fold"])
    return {repeat for repeat, folds in needed.items() if all((repeat, fold) in records.done for fold in folds)}


def _turned(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same difference the other way round."""
    turned = {key: None if row[key] is None else -row[key] for key in ("value", "low", "high")}
    tests = {key: dict(row[key]) for key in ("corrected_t", "corrected_t_usual")}
    for test in tests.values():
        test["t"] = None if test["t"] is None else -test["t"]
    ends = {"low": turned["high"], "high": turned["low"]}
    return {
        **row,
        "model": row["against"],
        "against": row["model"],
        "value": turned["value"],
        **ends,
        **tests,
    }


def _adjusted(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The rows with ``holm`` and ``holm_t``: the p of the bootstrap and of the corrected t-test over those named."""
    family = [name for name in names if name in rows]
    raw = {
        "holm": [rows[name]["bootstrap_p"] for name in family],
        "holm_t": [rows[name]["corrected_t"]["p"] for name in family],
    }
    found = {}
    for key, p in raw.items():
        adjusted = holm([np.nan if value is None else value for value in p]).tolist()
        found[key] = {name: value for name, value in zip(family, adjusted, strict=True) if np.isfinite(value)}
    return {name: {**row, **{key: known.get(name) for key, known in found.items()}} for name, row in rows.items()}


def device_notes(about: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which models were trained elsewhere than on the CPU, by what is stored ``about`` each: a note a device."""
    found: dict[str, list[str]] = {}
    for name, known in about.items():
        found.setdefault(known.get("parameters", {}).get("device", "cpu"), []).append(name)
    return [f"trained on {device}: {', '.join(names)}" for device, names in found.items() if device != "cpu"]


def _fit_notes(records: Mapping[str, Records]) -> list[str]:
    found = device_notes({name: stored.about for name, stored in records.items()})
    for stored in records.values():
        fits = len(stored.about["fits"])
        found += [f"{text} ({count} of {fits} fits)" for text, count in stored.about["notes"].items()]
        if stored.about["failures"]:
            first = stored.about["failures"][0]["message"]
            found.append(f"{len(stored.about['failures'])} fits failed (the first: {first})")
    return found
