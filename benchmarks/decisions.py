"""Which class should HILBERT's readout decide for? Rules for its logits, on the tuning companies of MAEC alone.

    python benchmarks/decisions.py --data $HILBERT_DATA [--repeats 3]

Fits HILBERT's network without calibration (no linear core, no second network) in grouped folds whose training and test
documents are all of tuning companies, which no table scores; keeps inner and outer logits in --out, so that the same
command goes on where it stopped; and prints, for the logits as they are, with one temperature, and with a scale and an
offset a class: macro AUC, balanced accuracy, macro F1, recall of the rarest class, expected calibration error.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from joblib import Parallel, delayed

from hilbert import metrics
from hilbert.baselines.calibration import fit_temperature
from hilbert.benchmark.models import build, digest, identity
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.running import loader
from hilbert.benchmark.tuning import TASKS, tuning_part
from hilbert.evaluation.fitting import single_thread
from hilbert.nn.linear import softmax
from hilbert.splits import Split, encode_labels, grouped_folds
from hilbert.training.calibration import fit_calibration

OPTIONS = {"core.enabled": False, "segments.enabled": False, "head.calibrate": False}
Rule = Callable[[Any, Any, Any], Any]
RULES: dict[str, Rule] = {
    "as they are": lambda inner, target, test: test,
    "one temperature": lambda inner, target, test: test / fit_temperature(inner, target),
    "scale and offsets": lambda inner, target, test: fit_calibration(inner, target)(test),
}


def fit(data: Data, split: Split, path: Path) -> None:
    """Keep the inner out-of-fold logits and those of the test documents; the repeat is also the seed."""
    if path.exists():
        return
    model = build("hilbert", OPTIONS).set_params(seed=split.repeat)
    y, groups = np.asarray(data.y, dtype=object)[split.train], np.asarray(data.groups, dtype=object)[split.train]
    with warnings.catch_warnings(), single_thread(0):
        warnings.simplefilter("ignore")
        model.fit(data.bags[split.train], y.tolist(), groups)
        test = model.decision_function(data.bags[split.test])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, inner=model.network_.out_of_fold, target=encode_labels(y.tolist())[1], test=test)
    part.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HILBERT_DATA"))
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--out", type=Path, default=Path("results/decisions"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    load = loader(Place(chosen.out, chosen.features, Path(chosen.data)))
    plan = {comparison.id: comparison for comparison in make_plan("standard")}
    folder = digest(identity(build("hilbert", OPTIONS)))
    for task in TASKS:
        data = tuning_part(load(plan[f"{task}/praat-wordllama"]))
        splits = grouped_folds(data.y, data.groups, 5, chosen.repeats, 0)
        paths = [chosen.out / task / folder / f"{split.repeat}-{split.fold}.npz" for split in splits]
        Parallel(n_jobs=chosen.jobs)(
            delayed(fit)(data, split, path) for split, path in zip(splits, paths, strict=True)
        )  # fmt: skip
        report(task, data, splits, paths)


def report(task: str, data: Data, splits: list[Split], paths: list[Path]) -> None:
    labels = np.asarray(data.y, dtype=object)
    names, count = np.unique(labels.astype(str), return_counts=True)
    rarest = str(names[count.argmin()])
    print(f"{task}: {len(labels)} documents, {len(splits)} folds; rarest class: {rarest}, {count.min()} documents")
    print(f"  {'logits':18s} macro AUC   balanced   macro F1   recall {rarest}   ECE")
    for name, rule in RULES.items():
        found = []
        for repeat in sorted({split.repeat for split in splits}):
            own = [(split, path) for split, path in zip(splits, paths, strict=True) if split.repeat == repeat]
            proba = []
            for _, path in own:
                with np.load(path, allow_pickle=False) as stored:
                    proba.append(softmax(rule(stored["inner"], stored["target"], stored["test"])))
            rows = np.concatenate([split.test for split, _ in own])
            folds = np.concatenate([np.full(len(split.test), split.fold) for split, _ in own])
            y, scores = labels[rows], np.concatenate(proba)
            guess = np.array(data.classes)[scores.argmax(axis=1)]
            found.append([
                metrics.within_fold_auc(y, scores, folds, data.classes), metrics.balanced_accuracy(y, guess),
                metrics.macro_f1(y, guess), metrics.recall_by_class(y, guess)[rarest],
                metrics.calibration_error(y, scores, data.classes),
            ])  # fmt: skip
        auc, balanced, f1, recall, ece = np.mean(found, axis=0)
        print(f"  {name:18s} {auc:9.3f}   {balanced:8.3f}   {f1:8.3f}   {recall:8.3f}   {ece:.3f}", flush=True)


if __name__ == "__main__":
    main()
