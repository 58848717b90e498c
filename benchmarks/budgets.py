"""Does the length of training hold the neural baselines back? On the tuning companies, which are never scored.

    python benchmarks/budgets.py --data $HILBERT_DATA [--features features-benchmark] [--seeds 2] [--models clip,gmc]

Every baseline with the options that tuning chose, trained as all of them are (12 epochs of batches of 64, patience 3),
then as long as HILBERT's network (20 of 32, patience 5), and longer (60 of 32, patience 10); both tasks, three
grouped folds each. Printed is the macro AUC of its own output and of the output that stands for it in the tables, as a
mean over tasks and seeds, with the differences to the usual budget and half of their 95 % interval over models.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from hilbert.baselines import MODELS
from hilbert.baselines.neural import NeuralBaseline
from hilbert.benchmark.models import build, chosen_options
from hilbert.benchmark.outputs import read_outputs
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.running import Unit, fitted, loader
from hilbert.benchmark.tuning import TASKS, score, tuning_part, tuning_splits

BUDGETS: dict[str, dict[str, Any]] = {
    "12/64": {},
    "20/32": {"epochs": 20, "batch_size": 32, "patience": 5},
    "60/32": {"epochs": 60, "batch_size": 32, "patience": 10},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--results", type=Path, default=Path("results/benchmark"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--models", help="with commas (default: every neural baseline)")
    parser.add_argument("--jobs", type=int)
    chosen = parser.parse_args()
    options = chosen_options()
    names = chosen.models.split(",") if chosen.models else [n for n in MODELS if isinstance(build(n), NeuralBaseline)]
    load = loader(Place(chosen.results, chosen.features, chosen.data, 0, options))
    plan = {comparison.id: comparison for comparison in make_plan("standard")}
    parts = {task: tuning_part(load(plan[f"{task}/praat-wordllama"])) for task in TASKS}
    head = "".join(f"{budget:>9}{'':7}" for budget in BUDGETS)
    print(f"{'':18}own output: {head} output in the tables: {head}", flush=True)
    changes: list[list[float]] = []
    for name in names:
        found = {budget: [] for budget in BUDGETS}  # type: dict[str, list[list[float]]]
        for task in TASKS:
            output = read_outputs(chosen.results, task).get(name, name)
            for seed in range(chosen.seeds):
                splits = tuning_splits(parts[task], seed)
                units = [
                    Unit(f"{name} {budget}", build(name, {**options.get(name, {}), **more}), split)
                    for budget, more in BUDGETS.items()
                    for split in splits
                ]
                made: dict[str, dict[int, Any]] = {budget: {} for budget in BUDGETS}
                for unit, outcome in fitted(units, parts[task], seed, chosen.jobs, float("inf")):
                    made[unit.name.rpartition(" ")[2]][unit.split.fold] = outcome
                for budget, outcomes in made.items():
                    row = score(outcomes, splits, parts[task])
                    if "error" in row:
                        raise SystemExit(f"{name}, {task}, {budget}: {row['error']}")
                    wanted = (one.replace(name, f"{name} {budget}", 1) for one in (name, output))
                    found[budget].append([row["auc"][one] for one in wanted])
        means = np.array([np.mean(found[budget], axis=0) for budget in BUDGETS])  # (budgets, 2)
        changes.append(list((means[1:] - means[0]).ravel(order="F")))
        print(f"{name:18}{'':12}{cells(means[:, 0])}{'':23}{cells(means[:, 1])}", flush=True)
    table = np.array(changes)
    if len(table) < 2:
        return
    half = t.ppf(0.975, len(table) - 1) * table.std(axis=0, ddof=1) / len(table) ** 0.5
    labels = [f"{what}, {budget}" for what in ("own", "in the tables") for budget in list(BUDGETS)[1:]]
    for label, mean, width in zip(labels, table.mean(axis=0), half, strict=True):
        print(f"mean change over {len(table)} models, {label}: {mean:+.4f} ± {width:.4f}")


def cells(means: np.ndarray[Any, Any]) -> str:
    """AUC at the usual budget, then at the others with their differences."""
    return f"{means[0]:9.3f}{'':7}" + "".join(f"{m:9.3f} {m - means[0]:+.3f}" for m in means[1:])


if __name__ == "__main__":
    main()
