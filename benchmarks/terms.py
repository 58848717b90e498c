"""What each term of HILBERT's loss does for accuracy on real calls, inside the tuning companies of MAEC alone.

    python benchmarks/terms.py --data $HILBERT_DATA [--repeats 3] [--rows heads]

Fits HILBERT's network (without its other members, which could hide what it does) with all terms, without each of them,
and with each weight ten times as large, in grouped folds whose training and test documents are all of tuning companies,
which no table scores. With `--rows heads` as it ships, and predicting by its experts, with class weights and without.
Prints macro AUC and its paired difference to the first row, with 95 % intervals from a bootstrap
over companies. Probabilities and what is printed (`terms.txt`, `heads.txt`) are kept in --out; the same command goes
on where it stopped.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from joblib import Parallel, delayed

from hilbert.benchmark.models import build, digest, identity
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.running import loader
from hilbert.benchmark.tuning import TASKS, tuning_part
from hilbert.evaluation.fitting import fit_fold
from hilbert.evaluation.intervals import group_weights, interval, weighted_auc
from hilbert.splits import Split, encode_groups, grouped_folds
from hilbert.studies.arms import TERMS, acting, studied_weight

ALONE = {"stack.members": ["network"]}
RESAMPLES = 2000
Kept = dict[tuple[str, int, int], Path]


def terms() -> dict[str, dict[str, Any]]:
    """Row → the weights of all terms; the others are compared with the first."""
    usual = {option: studied_weight("robust", option) for option in TERMS.values()}
    without = {f"− {term}": {**usual, option: 0.0} for term, option in TERMS.items()}
    both = {**usual, TERMS["CKA"]: 0.0, TERMS["balance"]: 0.0}
    raised = {f"{term} × 10": {**usual, option: 10 * usual[option]} for term, option in TERMS.items()}
    rows = {"all terms": usual, **without, "− CKA, balance": both, **raised}
    return {row: acting("robust", weights) for row, weights in rows.items()}


def heads() -> dict[str, dict[str, Any]]:
    """Row → what predicts (the logistic regression on the embeddings, or the experts), and the experts' loss."""
    ways = {"class weights": True, "none": False}
    by_experts = {
        f"experts, {name}": {"stack.members": ["experts"], "head.class_weights": way} for name, way in ways.items()
    }
    return {"as shipped": {}, "readout, none": {"head.class_weights": False}, **by_experts}


def fit(model: Any, data: Data, split: Split, path: Path) -> None:
    """Keep the probabilities of one fold; the repeat is also the seed of the model."""
    if path.exists():
        return
    outcome = fit_fold("hilbert", model, data.bags, data.y, data.groups, split, data.classes, split.repeat, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, proba=outcome.proba["hilbert"])
    part.rename(path)


def samples(data: Data, splits: list[Split], row: str, paths: Kept) -> Any:
    """(1 + resamples,) macro AUC, mean of the repeats; the first one is of the documents as they are."""
    groups = encode_groups(data.groups, len(data.y))
    weights = np.concatenate([np.ones((1, len(data.y)), np.float32), group_weights(groups, RESAMPLES, 0)])
    codes = np.array([data.classes.index(str(label)) for label in data.y.tolist()])
    found = []
    for repeat in sorted({split.repeat for split in splits}):
        scores, folds = np.empty((len(codes), len(data.classes))), np.empty(len(codes), dtype=np.int64)
        for split in (split for split in splits if split.repeat == repeat):
            with np.load(paths[row, repeat, split.fold], allow_pickle=False) as stored:
                scores[split.test], folds[split.test] = stored["proba"], split.fold
        found.append(np.nanmean(weighted_auc(codes, scores, folds, weights), axis=1))
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HILBERT_DATA"))
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--out", type=Path, default=Path("results/terms"))
    parser.add_argument("--rows", choices=("terms", "heads"), default="terms")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    load = loader(Place(chosen.out, chosen.features, Path(chosen.data)))
    plan = {comparison.id: comparison for comparison in make_plan("standard")}
    rows = terms() if chosen.rows == "terms" else heads()
    models = {row: build("hilbert", {**ALONE, **weights}) for row, weights in rows.items()}
    lines: list[str] = []
    for task in TASKS:
        data = tuning_part(load(plan[f"{task}/praat-wordllama"]))
        splits = grouped_folds(data.y, data.groups, 5, chosen.repeats, 0)
        paths = {
            (row, s.repeat, s.fold): chosen.out / task / digest(identity(model)) / f"{s.repeat}-{s.fold}.npz"
            for s in splits for row, model in models.items()
        }  # fmt: skip
        Parallel(n_jobs=chosen.jobs)(
            delayed(fit)(model, data, split, paths[row, split.repeat, split.fold])
            for split in splits for row, model in models.items()
        )  # fmt: skip
        first, drawn = next(iter(models)), {row: samples(data, splits, row, paths) for row in models}
        lines.append(f"{task}: {len(data.y)} documents, {len(splits)} folds of {chosen.repeats} repeats")
        for row, own in drawn.items():
            auc, change = (interval(float(v[0]), v[1:]) for v in (own, own - drawn[first]))
            says = "" if row == first else f"   {change.value:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
            lines.append(f"  {row:24s} {auc.value:.4f} [{auc.low:.4f}, {auc.high:.4f}]{says}")
    print(*lines, sep="\n")
    (chosen.out / f"{chosen.rows}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
