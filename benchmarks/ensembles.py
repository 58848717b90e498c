"""Would two baselines together reach HILBERT? Means of stored logits of each two, by the tables' own intervals.

    python benchmarks/ensembles.py maec-b/praat-wordllama [--results results/benchmark] [--pairs 3]

HILBERT mixes several members; most baselines are one model. So this averages the logits of every two rows of different
baselines, and trains nothing. It prints the best rows alone, the best pairs of them, and the best rows beside HILBERT's
members without training, in the place of its network. All are chosen on the scored documents, which flatters them.
Differences are HILBERT's to each, paired, with the bootstrap over groups that the tables have.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from hilbert.benchmark.collecting import RESAMPLES, UNTRAINED, gather, is_baseline
from hilbert.benchmark.outputs import model_of
from hilbert.benchmark.place import read_documents, read_setting
from hilbert.benchmark.records import Records, read_about
from hilbert.evaluation.measures import TRIVIAL, measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.result import test_train_ratio
from hilbert.evaluation.verdict import number, span
from hilbert.metrics import within_fold_auc

WHOLE = "hilbert"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", help="task/audio-text, with the five repeats of every model that takes part")
    parser.add_argument("--results", type=Path, default=Path("results/benchmark"))
    parser.add_argument("--pairs", type=int, default=3)
    chosen = parser.parse_args()
    folder = chosen.results / chosen.setting
    about = read_setting(folder)
    if about is None:
        parser.error(f"{folder}: no setting of a benchmark there")
    stored = {
        path.stem: Records.open(folder, path.stem, about["classes"], read_about(folder, path.stem) or {})
        for path in sorted(folder.glob("*.json"))
        if path.name != "setting.json"
    }
    whole = {name: records for name, records in stored.items() if len(records.done) == len(about["splits"])}
    if WHOLE not in whole:
        parser.error(f"{folder}: expected all folds of {WHOLE}, found those of {', '.join(whole)}")
    predictions, _ = gather(whole, about, read_documents(folder), sorted({s["repeat"] for s in about["splits"]}))
    logits = {name: np.log(np.clip(proba, 1e-12, 1.0)) for name, proba in predictions.proba.items()}
    singles = [name for name in logits if is_baseline(name) and name not in TRIVIAL]
    pairs = [pair for pair in itertools.combinations(singles, 2) if model_of(pair[0]) != model_of(pair[1])]
    best = ranked(predictions, logits, pairs)[: chosen.pairs]
    single = ranked(predictions, logits, [(name,) for name in singles])[: chosen.pairs]
    first = UNTRAINED if UNTRAINED in logits else WHOLE
    beside = ranked(predictions, logits, [(first, name) for name in singles])[: chosen.pairs]
    rows = {WHOLE: predictions.proba[WHOLE], first: predictions.proba[first]}
    rows |= {" + ".join(names): mean(logits, names) for names in (*single, *best, *beside)}
    alike = replace(predictions, proba=rows, decided={})
    found = measure(alike, RESAMPLES, about["seed"], test_train_ratio(about), WHOLE)
    gaps = {row["model"]: row for row in found["differences"] if row["against"] == WHOLE}
    print(f"{chosen.setting}: {len(whole)} models, {len(singles)} rows of baselines, {len(pairs)} pairs of them")
    print("| mean of the logits of | macro AUC | hilbert − it [95 %] |\n|---|--:|--:|")
    for name in rows:
        value = found["models"][name]["auc"]
        print(f"| {name} | {number(value['value'])} {span(value)} | {turned(gaps.get(name))} |")


def mean(logits: dict[str, NDArray[np.float64]], names: Iterable[str]) -> NDArray[np.float64]:
    """Probabilities of the mean logits."""
    found: NDArray[np.float64] = softmax(np.mean([logits[name] for name in names], axis=0), axis=-1)
    return found


def ranked(
    predictions: Predictions, logits: dict[str, NDArray[np.float64]], rows: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Rows by the macro AUC of their mean logits, within folds and then over repeats, the highest first."""

    def auc(names: tuple[str, ...]) -> float:
        scores = mean(logits, names)
        classes = np.array(predictions.classes)
        return float(
            np.mean(
                [
                    within_fold_auc(predictions.labels, scores[r], predictions.folds[r], classes=classes)
                    for r in range(len(scores))
                ]
            )
        )

    return sorted(rows, key=auc, reverse=True)


def turned(row: dict[str, float] | None) -> str:
    if row is None:
        return ""
    return f"{number(-row['value'], True)} [{number(-row['high'], True)}, {number(-row['low'], True)}]"


if __name__ == "__main__":
    main()
