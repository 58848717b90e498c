"""Did a model change? Its stored predictions of two versions on the same folds, by a paired bootstrap over groups.

    git archive --prefix old/ a802a4f results/benchmark | tar x
    python benchmarks/versions.py old/results/benchmark maec-a/praat-wordllama [--model hilbert]

The older predictions are those of the folder that is named first, the newer ones those of --results. Trains nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from hilbert.benchmark.collecting import RESAMPLES, gather
from hilbert.benchmark.place import read_documents, read_setting
from hilbert.benchmark.records import Records, read_about
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.verdict import number, span


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("older", type=Path, help="folder of results")
    parser.add_argument("setting", help="task/audio-text")
    parser.add_argument("--results", type=Path, default=Path("results/benchmark"))
    parser.add_argument("--model", default="hilbert")
    chosen = parser.parse_args()
    older, newer = (predictions(folder / chosen.setting, chosen.model) for folder in (chosen.older, chosen.results))
    if older is None or newer is None:
        parser.error(f"{chosen.setting}: expected the predictions of {chosen.model} in both folders")
    if not (np.array_equal(older.documents, newer.documents) and np.array_equal(older.folds, newer.folds)):
        parser.error(f"{chosen.setting}: the two were not made on the same documents and folds")
    both = {f"{name}, older": proba for name, proba in older.proba.items()} | dict(newer.proba)
    found = measure(replace(newer, proba=both), RESAMPLES, reference=chosen.model)
    gaps = {row["model"]: row for row in found["differences"] if row["against"] == chosen.model}
    print(f"{chosen.setting}\n| row | macro AUC | it − {chosen.model} [95 %] |\n|---|--:|--:|")
    for name, row in found["models"].items():
        gap = gaps.get(name)
        said = "" if gap is None else f"{number(gap['value'], True, 4)} {span(gap, True)}"
        print(f"| {name} | {number(row['auc']['value'], digits=4)} {span(row['auc'])} | {said} |")


def predictions(folder: Path, model: str) -> Predictions | None:
    """Those of all rows of a model, in every repeat."""
    about, known = read_setting(folder), read_about(folder, model)
    if about is None or known is None:
        return None
    records = Records.open(folder, model, about["classes"], known)
    return gather({model: records}, about, read_documents(folder), sorted({s["repeat"] for s in about["splits"]}))[0]


if __name__ == "__main__":
    main()
