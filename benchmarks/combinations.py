"""What HILBERT would gain beside another network: averages of logits, on the tuning companies of MAEC alone.

    python benchmarks/combinations.py --data $HILBERT_DATA [--models hilbert,segments,misa] [--repeats 2]

Fits each model in grouped folds whose training and test documents are all of tuning companies, which no table
scores, and prints the macro AUC of each one and of the mean of the logits of each two. A variant of a model stands as
model (variant). ``segments`` is HILBERT's network on segments, which learns attention by gradient. Out-of-fold
probabilities are kept in --out, so that the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from joblib import Parallel, delayed

from hilbert.benchmark.models import build, chosen_options
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.running import loader
from hilbert.benchmark.tuning import TASKS, tuning_part
from hilbert.evaluation.fitting import fit_fold
from hilbert.metrics import within_fold_auc
from hilbert.splits import Split, grouped_folds

SEGMENTS = {"network.kind": "segments", "stack.members": ["network"]}
MAIN = ("hilbert", "hilbert (no training)", "hilbert (network)")  # what every other row is averaged with


def model_of(name: str) -> Any:
    return build("hilbert", SEGMENTS) if name == "segments" else build(name, chosen_options().get(name))


def fit(name: str, data: Data, split: Split, path: Path) -> None:
    """Keep the probabilities of one fold, (rows, classes) of each variant."""
    if path.exists():
        return
    outcome = fit_fold(name, model_of(name), data.bags, data.y, data.groups, split, data.classes, 0, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **outcome.proba)
    part.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HILBERT_DATA"))
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--out", type=Path, default=Path("results/combinations"))
    parser.add_argument("--models", default="hilbert,segments,misa")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    load = loader(Place(chosen.out, chosen.features, Path(chosen.data)))
    plan = {comparison.id: comparison for comparison in make_plan("standard")}
    names = chosen.models.split(",")
    for task in TASKS:
        data = tuning_part(load(plan[f"{task}/praat-wordllama"]))
        splits = grouped_folds(data.y, data.groups, 5, chosen.repeats, 0)
        paths = {
            (n, s.repeat, s.fold): chosen.out / task / n / f"{s.repeat}-{s.fold}.npz" for s in splits for n in names
        }
        Parallel(n_jobs=chosen.jobs)(
            delayed(fit)(name, data, split, paths[name, split.repeat, split.fold]) for split in splits for name in names
        )
        report(task, data, splits, names, paths)


def report(task: str, data: Data, splits: list[Split], names: list[str], paths: dict[Any, Path]) -> None:
    logits: dict[str, dict[tuple[int, int], Any]] = {}
    for split in splits:
        for name in names:
            with np.load(paths[name, split.repeat, split.fold], allow_pickle=False) as stored:
                for key in stored.files:
                    values = np.log(np.clip(stored[key], 1e-12, 1.0))
                    centred = values - values.mean(axis=1, keepdims=True)
                    logits.setdefault(key, {})[split.repeat, split.fold] = centred

    def auc(*rows: str) -> float:
        found = []
        for repeat in sorted({split.repeat for split in splits}):
            own = [split for split in splits if split.repeat == repeat]
            scores = np.concatenate([sum(logits[row][repeat, split.fold] for row in rows) for split in own])
            y = np.concatenate([data.y[split.test] for split in own])
            folds = np.concatenate([np.full(len(split.test), split.fold) for split in own])
            found.append(within_fold_auc(y, scores, folds, classes=np.array(data.classes, dtype=object)))
        return float(np.mean(found))

    print(f"{task}: {len(data.y)} documents, {len(splits)} folds")
    mains = [main for main in MAIN if main in logits]
    for row in logits:
        beside = [f"{auc(row, main):.3f}" if row != main else "" for main in mains]
        print(f"  {row:28s} {auc(row):.3f}   beside {', '.join(mains)}: {'  '.join(beside)}")
    others = [row for row in logits if row not in MAIN]
    best = max(itertools.combinations(others, 2), key=lambda pair: auc(*pair), default=None)
    if best:
        print(f"  best of two others: {best[0]} + {best[1]}: {auc(*best):.3f} (chosen afterwards)", flush=True)


if __name__ == "__main__":
    main()
