"""What a trial measures on documents that the model has not seen. Nothing here is optimised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from hilbert.baselines.linear import ConcatLR
from hilbert.benchmark.studies.ranks import mapped, ranks
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.model.pooled import PooledBlocks, pool
from hilbert.monitors import dominance, embedded, recovery
from hilbert.monitors.network import trained_task
from hilbert.splits import encode_groups
from hilbert.synthetic import Synthetic
from hilbert.training.batches import make_batch
from hilbert.training.fit import Fit, Prepared

Ints = NDArray[np.int64]
Values = dict[str, float]
DIRECTIONS = ("audio → text", "audio → joint")


@dataclass(frozen=True, eq=False)
class Seen:
    """A fitted model and all documents; ``bags`` are what it was trained on, ``data`` what is true of them."""

    model: Any
    data: Synthetic
    bags: Bags
    train: Ints
    test: Ints
    prepared: Prepared | None
    seed: int


def prediction(seen: Seen) -> Values:
    """Macro AUC, its part of the oracle's, and AUPRC and recall of the rarest class."""
    y, proba = seen.data.y[seen.test], seen.model.predict_proba(seen.bags[seen.test])
    classes = np.arange(len(seen.data.design.target.priors))
    rarest = int(np.argmin(seen.data.design.target.priors))
    rare = y == rarest
    auc = within_fold_auc(y, proba, classes=classes)
    best = within_fold_auc(y, seen.data.posterior[seen.test], classes=classes)
    found = {"auc": auc, "reached": (auc - 0.5) / (best - 0.5)}
    if rare.any():
        found["auprc"] = float(average_precision_score(rare, proba[:, rarest]))
        found["recall"] = float((proba[rare].argmax(axis=1) == rarest).mean())
    return found


def flow(seen: Seen) -> Values:
    """The monitors of every ordinary evaluation: retention, recovery of inputs, shares, attention mass, gradients."""
    seeds = np.random.SeedSequence([seen.seed, 1])
    return dict(embedded(seen.model, seen.bags[seen.train], seen.bags[seen.test], seeds, seen.prepared))


def latents(seen: Seen) -> Values:
    """R² of the true latents from z_joint by ridge regression, and the dominance index of the unique ones.

    Of concat-lr: from the pooled inputs of both modalities, which is what an embedding could keep of their means.
    """
    if isinstance(seen.model, ConcatLR):
        blocks = PooledBlocks.fit_pooled(
            [pool(part) for part in (seen.bags[seen.train].audio, seen.bags[seen.train].text)]
        )
        z = [np.hstack(blocks(seen.bags[rows])) for rows in (seen.train, seen.test)]
    else:
        z = [seen.model.embeddings(seen.bags[rows])["joint"].astype(np.float64) for rows in (seen.train, seen.test)]
    rng = np.random.default_rng([seen.seed, 2])
    found = {name: recovery(z[0], x[seen.train], z[1], x[seen.test], rng) for name, x in seen.data.latents.items()}
    index = dominance(found["audio"], found["text"])
    named = {f"latent_{name}": value for name, value in found.items()}
    return named | {"dominance": index, "imbalance": abs(index), "least": min(found["audio"], found["text"])}


def retrieval(seen: Seen) -> Values:
    """Share of other documents that rank behind a document's own, by cosine after a ridge map; chance is .5."""
    z = {key: value.astype(np.float64) for key, value in seen.model.embeddings(seen.bags).items()}
    groups = encode_groups(seen.data.groups[seen.test], len(seen.test))
    found = {}
    for direction in DIRECTIONS:
        source, target = (z.get(name) for name in direction.split(" → "))
        if source is None or target is None:
            continue
        guess, goal = mapped(source[seen.train], target[seen.train], source[seen.test], target[seen.test])
        rank, candidates = ranks(guess, goal, groups)
        found[f"found {direction}"] = float((1 - (rank - 1) / (candidates - 1)).mean())
    return found


def terms(seen: Seen) -> Values:
    """What each term optimises, on the training documents: contrast (nats), structure lost, gap of information."""
    fit: Fit = seen.model.fit_
    config, prepared = seen.model.config_, seen.prepared
    if prepared is None or fit.objective is None:
        return {}
    data = prepared.data
    task = trained_task(fit, fit.objective, config, data)
    task.module.eval()
    with torch.no_grad():
        parts = task.losses(make_batch(data, np.arange(len(data))), 1.0)
    gap = float(parts["information_audio"]) - float(parts["information_text"])
    contrast = 0.5 * (float(parts["audio_joint"]) + float(parts["text_joint"]))
    return {"term_contrast": contrast, "term_cka": float(parts["cka"]), "term_balance": abs(gap)}


def padding(seen: Seen) -> Values:
    """Largest change of an embedding when its document is embedded alone, in units of the embedding's spread."""
    rows = seen.test[:8]
    together = seen.model.transform(seen.bags[seen.test])[:8].astype(np.float64)
    alone = np.concatenate([seen.model.transform(seen.bags[rows[i : i + 1]]) for i in range(len(rows))])
    spread = float(together.std()) or math.inf
    return {"padding": float(np.abs(alone - together).max()) / spread}


MEASURES = {
    "prediction": prediction,
    "flow": flow,
    "latents": latents,
    "retrieval": retrieval,
    "terms": terms,
    "padding": padding,
}
NETWORK_ONLY = ("terms", "padding")


def measure(seen: Seen, names: Sequence[str]) -> Values:
    """The named measures that the model can be asked; NaN ones are left out."""
    found: Values = {}
    for name in names:
        if name in NETWORK_ONLY and not isinstance(getattr(seen.model, "fit_", None), Fit):
            continue
        if name == "retrieval" and not hasattr(seen.model, "embeddings"):
            continue
        if name == "latents" and not (isinstance(seen.model, ConcatLR) or _has_joint(seen)):
            continue
        found |= MEASURES[name](seen)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _has_joint(seen: Seen) -> bool:
    return hasattr(seen.model, "embeddings") and "joint" in seen.model.embeddings(seen.bags[seen.test[:4]])
