"""Fits of the main benchmark as one condition of a study, which need not be made again.

The cases of a study stand on the folds of the main benchmark's first repeat, so what was fitted there on all
documents and segments is what a case of the study would fit.
"""

from __future__ import annotations

from dataclasses import replace

from hilbert.benchmark.collecting import gather
from hilbert.benchmark.models import fit_key, where_stored
from hilbert.benchmark.outputs import model_of
from hilbert.benchmark.place import Place, read_documents, read_setting
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.records import Records, read_about
from hilbert.benchmark.studies.case import Case
from hilbert.benchmark.studies.collecting import Numbers, Shown, measured


def main_condition(case: Case, place: Place, shown: Shown) -> list[tuple[str, Numbers]]:
    """The column of a case that is the main benchmark; none where that has no model of it."""
    numbers = main_numbers(case, place, shown)
    return [] if numbers is None else [(case.what, numbers)]


def main_numbers(case: Case, place: Place, shown: Shown) -> Numbers | None:
    """The numbers of a case that nobody fits, from the main benchmark; None where no model of it is finished there.

    A model that was fitted there with other options is left out, as one that lacks a fold is; notes say so.
    """
    main = Comparison(case.setting, tuple(case.models), case.folds)
    folder = place.folder(main)
    about = read_setting(folder)
    if about is None or (about["folds"], about["seed"]) != (case.folds, place.seed):
        return None
    repeats = range(case.repeats)
    splits = [split for split in about["splits"] if split["repeat"] in repeats]
    needed = {(split["repeat"], split["fold"]) for split in splits}
    stored, notes = {}, []
    for name, model in case.models.items():
        known = read_about(folder, name)
        key = fit_key(where_stored(model, known, place.device), about["data"], case.folds, place.seed)
        if known is None or known["key"] != key:
            notes.append(f"{name}: not in the main benchmark with these options, left out")
            continue
        records = Records.open(folder, name, about["classes"], known)
        if needed <= records.done:
            stored[name] = records
        else:
            notes.append(f"{name}: {len(needed & records.done)} of {len(needed)} fits are finished, left out")
    if not stored:
        return None
    predictions, partial = gather(stored, about, read_documents(folder), repeats)
    notes += [f"{row}: not predicted for every document, left out" for row in partial]
    said = {
        "classes": {about["label"]: about["classes"]},
        "splits": [[s["repeat"], s["fold"], s["train"], 0, s["test"]] for s in splits],
        "notes": [],
    }
    heads = {name: records.about for name, records in stored.items()}
    rows = {row: values for row, values in predictions.proba.items() if shown(model_of(row), _variant(row))}
    return measured(case, about["label"], said, replace(predictions, proba=rows), heads, notes, place)


def _variant(row: str) -> str:
    return row.partition(" (")[2].removesuffix(")")
