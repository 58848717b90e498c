"""Ranking, deciding, calibration and cost on the data that defaults are chosen on, for two versions of the package.

    python benchmarks/floors.py fit --data $HILBERT_DATA --out floors/now
    PYTHONPATH=OTHER/src python benchmarks/floors.py fit --data $HILBERT_DATA --out floors/before
    python benchmarks/floors.py table floors/before floors/now

`fit` makes five grouped folds of every task of tuning_data.py with each of five seeds, for `concat-lr`, `late-stack`
and `hilbert`, and keeps what each says of the documents it had not seen; the same command goes on where it stopped. It
runs with any version of the package that has these three models. Seconds are those of the processor, children
included, of fit and prediction. `table` prints means over seeds and then over tasks, and differences of `hilbert` to
the better of the other two, with 95 % intervals over tasks and seeds. "if true" is the calibration error that the same
probabilities would have were they the true ones, from labels drawn by them: few documents alone give so much. No
published table scores these documents.
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from tuning_data import TASKS, load

from hilbert.baselines import make_model
from hilbert.evaluation.fitting import fit_one
from hilbert.metrics import balanced_accuracy, calibration_error, recall_by_class, within_fold_auc
from hilbert.splits import grouped_folds

MODELS = ("concat-lr", "late-stack", "hilbert")
SIMPLE = MODELS[:2]
SEEDS = 5
MEASURES = ("macro AUC", "balanced accuracy", "recall of the rarest", "calibration error", "if true", "CPU s")
RESAMPLES = 10_000
DRAWS = 20


def cpu() -> float:
    """Seconds of the processor so far, of this process and of its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def fit(task: str, seed: int, name: str, path: Path, data: Path, features: Path) -> None:
    """Keep probabilities, decisions and seconds of one model in all folds."""
    bags, y, groups = load(task, seed, data, features)
    classes = sorted(set(y.tolist()))
    proba, decided = np.zeros((len(y), len(classes))), np.empty(len(y), dtype="U32")
    folds, seconds = np.full(len(y), -1), []
    for split in grouped_folds(y, groups, 5, 1, seed):
        started = cpu()

        def look(fitted: Any, test: NDArray[np.int64] = split.test) -> None:
            learnt = [classes.index(str(label)) for label in fitted.classes_]
            proba[np.ix_(test, learnt)] = fitted.predict_proba(bags[test])
            decided[test] = fitted.predict(bags[test]).astype(str)

        fit_one(name, make_model(name), bags, y, groups, split, seed, look)
        seconds.append(cpu() - started)
        folds[split.test] = split.fold
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(
        part, y=y.astype(str), folds=folds, proba=proba.astype(np.float32), decided=decided, seconds=seconds
    )
    part.rename(path)


def measured(path: Path) -> list[float]:
    """``MEASURES`` of one model, task and seed."""
    with np.load(path, allow_pickle=False) as kept:
        y, proba, decided, folds = kept["y"], kept["proba"].astype(np.float64), kept["decided"], kept["folds"]
        seconds = float(kept["seconds"].mean())
    classes, counts = np.unique(y, return_counts=True)
    rarest = str(classes[counts.argmin()])
    proba /= proba.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    places = (rng.random((DRAWS, len(y), 1)) > proba.cumsum(axis=1)).sum(axis=2).clip(max=len(classes) - 1)
    return [
        within_fold_auc(y, proba, folds, classes),
        balanced_accuracy(y, decided),
        recall_by_class(y, decided)[rarest],
        calibration_error(y, proba, classes),
        float(np.mean([calibration_error(classes[drawn], proba, classes) for drawn in places])),
        seconds,
    ]


def whole(folders: Sequence[Path]) -> list[str]:
    """Tasks of which every folder has all models and seeds."""
    names = [(seed, name) for seed in range(SEEDS) for name in MODELS]
    return [t for t in TASKS if all((f / place(t, seed, name)).exists() for f in folders for seed, name in names)]


def gather(folder: Path, tasks: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Model → (tasks, seeds, measures)."""
    return {
        name: np.array([[measured(folder / place(task, seed, name)) for seed in range(SEEDS)] for task in tasks])
        for name in MODELS
    }


def place(task: str, seed: int, name: str) -> str:
    """The file of one model, task and seed."""
    return f"{task.replace(' ', '-').replace(':', '-').replace(',', '')}/{seed}-{name}.npz"


def interval(differences: NDArray[np.float64]) -> str:
    """Mean of (tasks, seeds) differences and its interval, by drawing tasks and then seeds of each."""
    rng = np.random.default_rng(0)
    tasks, seeds = differences.shape
    drawn = differences[
        rng.integers(0, tasks, (RESAMPLES, tasks))[:, :, None], rng.integers(0, seeds, (RESAMPLES, tasks, seeds))
    ]
    low, high = np.percentile(drawn.mean(axis=(1, 2)), [2.5, 97.5])
    return f"{differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def table(folders: Sequence[Path]) -> None:
    """Print a table a task, one of the means over tasks, and the differences that matter."""
    tasks = whole(folders)
    versions = {folder.name: gather(folder, tasks) for folder in folders}
    print(f"{len(tasks)} of {len(TASKS)} tasks, {SEEDS} seeds, 5 folds each\n")
    print("| task | version | model | " + " | ".join(MEASURES) + " |\n|---|---|---|" + "--:|" * len(MEASURES))
    for number, task in enumerate([*tasks, "mean"]):
        for version, models in versions.items():
            for name, values in models.items():
                means = values.mean(axis=(0, 1)) if task == "mean" else values[number].mean(axis=0)
                cells = [f"{value:.3f}" for value in means[:-1]] + [f"{means[-1]:.2f}"]
                print(f"| {task} | {version} | {name} | " + " | ".join(cells) + " |")
    for version, models in versions.items():
        print(f"\n{version}: hilbert less the better of {' and '.join(SIMPLE)}, task by task")
        for number, name in enumerate(MEASURES[:3]):
            simple = np.stack([models[one][:, :, number] for one in SIMPLE])
            better = simple.mean(axis=2).argmax(axis=0)
            print(f"  {name}: {interval(models['hilbert'][:, :, number] - simple[better, np.arange(len(better))])}")
        ratio = models["hilbert"][:, :, -1] / models["concat-lr"][:, :, -1]
        print(
            f"  CPU of hilbert over concat-lr: {ratio.mean():.1f} ({ratio.mean(axis=1).max():.1f} in the dearest task)"
        )
    if len(versions) == 2:
        (old, before), (new, now) = versions.items()
        print(
            f"\nhilbert, {new} less {old}, macro AUC: {interval(now['hilbert'][:, :, 0] - before['hilbert'][:, :, 0])}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fits = commands.add_parser("fit")
    fits.add_argument("--data", type=Path, default=os.environ.get("HILBERT_DATA"))
    fits.add_argument("--features", type=Path, default=Path("features-benchmark"))
    fits.add_argument("--out", type=Path, required=True)
    fits.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    fits.add_argument("--seeds", type=int, default=SEEDS)
    tables = commands.add_parser("table")
    tables.add_argument("folders", type=Path, nargs="+")
    chosen = parser.parse_args()
    if chosen.command == "table":
        table(chosen.folders)
        return
    for task in chosen.tasks:
        for seed in range(chosen.seeds):
            for name in MODELS:
                path = chosen.out / place(task, seed, name)
                if not path.exists():
                    fit(task, seed, name, path, Path(chosen.data), chosen.features)
                    print(f"{task}, seed {seed}, {name}: {measured(path)[0]:.4f}", flush=True)


if __name__ == "__main__":
    main()
