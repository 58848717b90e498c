"""Where should the share of a network beside the linear core start, and what should move it?

    python benchmarks/shares.py [--data $HILBERT_DATA] [--seeds 10] [--out results/shares]

Fits HILBERT without its second network on synthetic documents of five kinds and three sizes and, where --data is
given, HILBERT and MISA inside the tuning companies of MAEC, which no table scores; keeps the inner and the outer logits
of core and network in --out, in a folder of the models' own; and prints the mean difference in macro AUC between each
rule's choice and the core alone, which is left where another share gains one standard error.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from joblib import Parallel, delayed

from hilbert.benchmark.models import build, chosen_options, digest, identity
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.running import loader
from hilbert.benchmark.tuning import TASKS, tuning_part
from hilbert.evaluation.fitting import single_thread
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import softmax
from hilbert.splits import encode_groups, encode_labels, grouped_folds
from hilbert.studies.experiment import FULL
from hilbert.studies.experiments.base import corpus
from hilbert.synthetic import Target, generate
from hilbert.training.selection import Judged, blend, choose_alpha, choose_share

ONE_NETWORK = {"segments.enabled": False}
MODELS: dict[str, dict[str, Any]] = {"hilbert": ONE_NETWORK, "misa": {}}
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
SILENT = {"shared": 0.0, "unique": 0.0}
KINDS: dict[str, dict[str, Any]] = {
    "noise": {"text": SILENT, "target": Target(shared=1.0, audio=1.0)},
    "shared": {"target": Target(shared=1.0)},
    "unique": {"target": Target(shared=0.0, audio=1.0, text=1.0)},
    "salient": {"audio": {"salience": 0.3}, "text": {"salience": 0.3}, "target": Target(audio=1.0, text=1.0)},
    "synergy": {"target": Target(shared=0.5, synergy=1.0)},
}
SIZES = (40, 100, 200)
# Mixtures: a start, left for another share whose gain over it is so many standard errors.
MIXTURES = {
    "core, 1 SE": (0.0, 1.0),
    "½, 1 SE": (0.5, 1.0),
    "¾, 2 SE": (0.75, 2.0),
    "network, 1 SE": (1.0, 1.0),
    "best": (0.75, 0.0),
    "always ½": (0.5, np.inf),
    "always ¾": (0.75, np.inf),
    "network": (1.0, np.inf),
}
# One alone where it is better than the other by so many standard errors, else ¾ (or ½) of the network.
ALONE = {"¾ or one, 1 SE": (0.75, 1.0), "¾ or one, 2 SE": (0.75, 2.0), "½ or one, 2 SE": (0.5, 2.0)}
RULES = [*MIXTURES, *ALONE]


class Job(NamedTuple):
    """One fit: where its logits are kept, with which model, and on what it is trained and tested."""

    folder: Path
    name: str
    model: str
    options: dict[str, Any]
    bags: Bags
    y: Any
    groups: Any
    train: Any
    test: Any


def synthetic(out: Path, seeds: int) -> Iterator[Job]:
    for size in SIZES:
        for kind, changes in KINDS.items():
            design = corpus(FULL, **changes)
            for seed in range(seeds):
                data = generate(design, seed)
                train, test = np.arange(size), np.arange(FULL.train, design.documents)
                folder = out / f"{kind}, {size}"
                yield Job(folder, f"{seed}.npz", "hilbert", ONE_NETWORK, data.bags, data.y, data.groups, train, test)


def companies(out: Path, features: Path, data: Path) -> Iterator[Job]:
    load, plan = loader(Place(out, features, data)), {c.id: c for c in make_plan("standard")}
    for task in TASKS:
        part = tuning_part(load(plan[f"{task}/praat-wordllama"]))
        labels = np.asarray(part.y, dtype=object)
        for split in grouped_folds(part.y, part.groups, 5, 2, 0):
            for model, others in MODELS.items():
                options = {**chosen_options()[model], **others}
                name = f"{split.repeat}-{split.fold}.npz"
                folder = out / f"{task}, {model}"
                yield Job(folder, name, model, options, part.bags, labels, part.groups, split.train, split.test)


def fit(job: Job) -> None:
    """Keep inner out-of-fold logits and test logits of the core and of each head of the network."""
    model = build(job.model, job.options)
    groups = np.asarray(job.groups, dtype=object)[job.train]
    with warnings.catch_warnings(), single_thread(0):
        warnings.simplefilter("ignore")
        model.fit(job.bags[job.train], job.y[job.train].tolist(), groups)
        bags = job.bags[job.test]
        if job.model == "hilbert":
            core, heads = model.core_, {"": (model.network_.out_of_fold, model.network_.judge(bags))}
        else:
            own = model._logits(bags)  # of every head, the supervised method's own first
            core, heads = model.core_linear_, {name: (model.out_of_fold_[name], own[name]) for name in own}
        classes, target = encode_labels(job.y[job.train].tolist())
        known = {str(label): number for number, label in enumerate(classes)}
        y = np.array([known.get(str(label), -1) for label in job.y[job.test]])
        for name, (inner, outer) in heads.items():
            path = folder_of(job, name) / job.name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(
                    file, target=target, folds=core.fold_of, groups=encode_groups(groups, len(target)), y=y,
                    core=core.out_of_fold, network=inner, test_core=core.logits(bags), test_network=outer,
                )  # fmt: skip
            part.rename(path)


def folder_of(job: Job, head: str) -> Path:
    return job.folder.with_name(f"{job.folder.name} ({head})" if head else job.folder.name)


def done(job: Job) -> bool:
    heads = ("",) if job.model == "hilbert" else ("own", "lr", "moe")
    return all((folder_of(job, head) / job.name).exists() for head in heads)


def worth(path: Path) -> dict[str, float]:
    """Macro AUC of each rule's choice on the test documents; those of a class that was not trained on are left out."""
    with np.load(path, allow_pickle=False) as stored:
        found = {key: stored[key] for key in stored.files}
    judged = Judged(found["target"], found["folds"], found["groups"])
    seen = found["y"] >= 0
    y, classes = found["y"][seen], np.arange(found["core"].shape[1])
    values = {}
    core, network = found["core"], found["network"]
    alphas = {rule: choose_share(judged, core, network, ALPHAS, *how)[0] for rule, how in MIXTURES.items()}
    alphas |= {rule: choose_alpha(judged, core, network, *how)[0] for rule, how in ALONE.items()}
    for rule, alpha in alphas.items():
        scores = softmax(blend(found["test_core"][seen], found["test_network"][seen], alpha))
        values[rule] = within_fold_auc(y, scores, classes=classes)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--features", type=Path, default=Path("features-benchmark"))
    parser.add_argument("--out", type=Path, default=Path("results/shares"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    models = [identity(build(name, {**chosen_options()[name], **others})) for name, others in MODELS.items()]
    out = chosen.out / digest([models, identity(build("hilbert", ONE_NETWORK))])[:8]
    jobs = list(synthetic(out, chosen.seeds))
    if chosen.data is not None:
        jobs += companies(out, chosen.features, chosen.data)
    Parallel(n_jobs=chosen.jobs)(delayed(fit)(job) for job in jobs if not done(job))
    print("data".ljust(20), *(rule.rjust(14) for rule in RULES))
    rows = []
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        each = [worth(path) for path in sorted(folder.glob("*.npz"))]
        means = [np.mean([values[rule] - values["core, 1 SE"] for values in each]) for rule in RULES]
        print(folder.name.ljust(20), *(f"{change:+14.4f}" for change in means))
        if "misa" not in folder.name:
            rows.append(means)
    for name, summary in (("mean of hilbert", np.mean), ("least of hilbert", np.min)):
        print(name.ljust(20), *(f"{summary(column):+14.4f}" for column in np.array(rows).T))


if __name__ == "__main__":
    main()
