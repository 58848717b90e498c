"""How do all methods decide, once each decides in the same way? From stored predictions; trains nothing.

    python benchmarks/calibrated.py maec-b/praat-wordllama [--results results/benchmark]

HILBERT is calibrated on inner folds and decides so that every class is found alike; most baselines are neither, and
comparing its balanced accuracy and recall with theirs would compare two things at once. Here every row, HILBERT's too,
gets a scale and an offset a class by the same fit, and decides in the same way: those of a test fold are fitted on the
out-of-fold logits of the repeat's other folds. (The models that made these logits had the test fold's documents among
their training documents, those of all methods alike.) Rows: HILBERT, and the one that stands for each baseline, by
balanced accuracy; differences are paired, with the bootstrap over groups that the tables have.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.cells import rarest
from hilbert.benchmark.collecting import MODEL, RESAMPLES, collect, is_baseline
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.tables import grid, read_comparators
from hilbert.estimators.base import class_costs, decide_classes
from hilbert.estimators.mixture import Mixture
from hilbert.evaluation.intervals import group_weights, interval, weighted_confusion
from hilbert.evaluation.measures import TRIVIAL, measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.verdict import number, span
from hilbert.nn.linear import softmax
from hilbert.splits import encode_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", help="task/audio-text, with the predictions of HILBERT and its comparator")
    parser.add_argument("--results", type=Path, default=Path("results/benchmark"))
    chosen = parser.parse_args()
    place, against = Place(chosen.results, Path("features-benchmark")), read_comparators(chosen.results)
    known = {comparison.id: comparison for comparison in make_plan("full", comparators=against)}
    if against is None or chosen.setting not in known:
        parser.error(f"{chosen.setting}: expected one of {', '.join(known)}")
    comparison = known[chosen.setting]
    found = collect(comparison, place, against[comparison.setting.task.name])
    if found is None or MODEL not in found.predictions.proba:
        parser.error(f"{place.folder(comparison)}: expected the predictions of {MODEL} there")
    rows = [MODEL, *(row for row in found.standing.values() if is_baseline(row) and row not in TRIVIAL)]
    before = replace(found.predictions, proba={row: found.predictions.proba[row] for row in rows})
    alike = {row: calibrated(before, row) for row in rows}
    proba, decided = ({row: both[part] for row, both in alike.items()} for part in (0, 1))
    after = replace(before, proba=proba, decided=decided)
    one, two = (measure(x, 1)["models"] for x in (before, after))
    samples = bootstrap(after, place.seed)
    rare = rarest(found)
    made = []
    for row in sorted(rows, key=lambda row: -two[row]["balanced_accuracy"]["value"]):
        old, new = one[row], two[row]
        own = new["balanced_accuracy"]["value"]
        gap = interval(two[MODEL]["balanced_accuracy"]["value"] - own, samples[MODEL] - samples[row])._asdict()
        made.append([
            f"**{row}**" if row == MODEL else row + (" †" if row == found.comparator else ""),
            number(old["balanced_accuracy"]["value"]), number(old["recall_by_class"][rare]),
            number(own), "" if row == MODEL else f"{number(gap['value'], True)} {span(gap, True)}",
            number(new["macro_f1"]["value"]), number(new["recall_by_class"][rare]),
            number(new["calibration_error"]), number(new["auc"]["value"]),
        ])  # fmt: skip
    heads = ["model", "as scored: balanced accuracy", f"recall {rare}", "calibrated alike: balanced accuracy"]
    print(f"{chosen.setting}: {len(rows)} models")
    print(grid([*heads, "hilbert − it [95 %]", "macro F1", f"recall {rare}", "ECE", "macro AUC"], made))


def calibrated(predictions: Predictions, row: str) -> tuple[Floats, Ints]:
    """Probabilities (repeats, docs, classes) and decisions of a row, by what the other folds of each repeat say."""
    logits, classes = np.log(np.clip(predictions.proba[row], 1e-12, 1.0)), np.array(predictions.classes)
    found, decided = np.empty_like(logits), np.empty(logits.shape[:2], dtype=np.int64)
    for repeat, folds in enumerate(predictions.folds):
        for fold in np.unique(folds):
            test, known = folds == fold, predictions.codes[folds != fold]
            fitted = Mixture.fit([logits[repeat, ~test]], known)
            found[repeat, test] = softmax(fitted([logits[repeat, test]]))
            prior = np.bincount(known, minlength=len(classes)) / len(known)
            decided[repeat, test] = decide_classes(found[repeat, test], class_costs("balanced", classes, prior))
    return found, decided


def bootstrap(predictions: Predictions, seed: int) -> dict[str, Floats]:
    """Balanced accuracy of each row when groups are resampled, (resamples,), averaged over repeats."""
    groups = encode_groups(predictions.groups.tolist(), len(predictions.labels))
    weights = group_weights(groups, RESAMPLES, seed)
    found = {}
    for row in predictions.proba:
        parts = []
        for values in predictions.decisions(row):
            table = weighted_confusion(predictions.codes, values, weights, len(predictions.classes))
            with np.errstate(invalid="ignore"):  # a class not drawn: undefined
                parts.append((np.diagonal(table, axis1=1, axis2=2) / table.sum(2)).mean(1))
        found[row] = np.mean(parts, axis=0)
    return found


if __name__ == "__main__":
    main()
