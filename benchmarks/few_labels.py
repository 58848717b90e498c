"""HILBERT against `concat-lr` with 30, 50 and 80 labelled documents: what a clinic has.

    python benchmarks/few_labels.py --data $HILBERT_DATA [--draws 10] [--models hilbert]

Draws whole groups with the shares of the classes, fits on them and tests on the groups that were not drawn: MAEC's
tuning companies, the MIT interviews, and the 125 speakers whose features come with the package. Prints the mean
difference over the draws with its 95 % interval (bootstrap over draws), in macro AUC and in balanced accuracy.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from tuning_data import Material, load

from hilbert.baselines import make_model
from hilbert.benchmark.subsets import stratified_groups
from hilbert.datasets import load_speechocean762
from hilbert.evaluation.fitting import fit_one
from hilbert.metrics import balanced_accuracy, within_fold_auc
from hilbert.splits import Split

SIZES = (30, 50, 80)
TASKS = ("maec-a", "maec-b", "MIT Overall", "MIT Excited", "age × gender", "age")
RESAMPLES = 10_000


def material(task: str, data: Path, features: Path) -> Material:
    """A task's documents."""
    if not task.startswith("age"):
        return load(task, 0, data, features)
    packed = load_speechocean762()
    y = packed.column("age_gender")
    if task == "age":
        y = np.array([str(label).split("_")[0] for label in y], dtype=object)
    return Material(packed.bags, y, packed.column("group"))


def measured(name: str, of: Material, size: int, draw: int) -> tuple[float, float]:
    """Macro AUC and balanced accuracy on the groups that were not drawn, over the classes that were."""
    train = stratified_groups(of.y, of.groups, size, draw)
    known = set(of.y[train].tolist())
    test = np.flatnonzero(~np.isin(of.groups, of.groups[train]) & np.array([label in known for label in of.y]))
    split = Split(draw, 0, train, test, np.zeros(0, np.int64))

    def look(fitted: object) -> tuple[NDArray[np.float64], NDArray[np.str_], list[str]]:
        proba = fitted.predict_proba(of.bags[test])  # type: ignore[attr-defined]
        said = fitted.predict(of.bags[test]).astype(str)  # type: ignore[attr-defined]
        return proba, said, [str(label) for label in fitted.classes_]  # type: ignore[attr-defined]

    (proba, said, classes), _, _ = fit_one(name, make_model(name), of.bags, of.y, of.groups, split, draw, look)
    y = of.y[test].astype(str)
    return within_fold_auc(y, proba, None, classes), balanced_accuracy(y, said)


def span(differences: NDArray[np.float64]) -> str:
    """Mean and 95 % interval."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(differences, (RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HILBERT_DATA"))
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--models", nargs="+", default=["hilbert"])
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    chosen = parser.parse_args()
    print("| task | labels | model | concat-lr | macro AUC, less concat-lr | balanced accuracy, less concat-lr |")
    print("|---|--:|---|--:|--:|--:|")
    for task in chosen.tasks:
        of = material(task, Path(chosen.data), chosen.features)
        for size in SIZES:
            simple = np.array([measured("concat-lr", of, size, draw) for draw in range(chosen.draws)])
            for name in chosen.models:
                own = np.array([measured(name, of, size, draw) for draw in range(chosen.draws)])
                gain = own - simple
                cells = [f"{simple[:, 0].mean():.3f}", span(gain[:, 0]), span(gain[:, 1])]
                print(f"| {task} | {size} | {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
