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

from hilbert import metrics
from hilbert.benchmark.studies.ranks import mapped, ranks
from hilbert.estimators import ConcatLR
from hilbert.features.bags import Bags
from hilbert.losses.total import References, RepresentationObjective
from hilbert.metrics import within_fold_auc
from hilbert.monitors import dominance, embedded, recovery
from hilbert.monitors.network import trained_task
from hilbert.nn.pooled import PooledBlocks, pool
from hilbert.splits import encode_groups
from hilbert.synthetic import Synthetic
from hilbert.training.data import Dataset, make_batch
from hilbert.training.fit import Fit

Ints = NDArray[np.int64]
Values = dict[str, float]
DIRECTIONS = ("audio → text", "audio → joint")
# outputs of a model beside its main one, where it has them
PARTS = {"network": "auc_network", "no training": "auc_untrained", "core": "auc_core"}
WHOLE_LOSS = {"contrast.weight": 1.0, "cka.weight": 1.0, "balance.weight": 1.0}


@dataclass(frozen=True, eq=False)
class Seen:
    """A fitted model and all documents; ``bags`` are what it was trained on, ``data`` what is true of them."""

    model: Any
    data: Synthetic
    bags: Bags
    train: Ints
    test: Ints
    seed: int


def prediction(seen: Seen) -> Values:
    """Macro AUC, of parts too, its share of the oracle's, and AUPRC and recall of the rarest class."""
    bags = seen.bags[seen.test]
    y, proba = seen.data.y[seen.test], seen.model.predict_proba(bags)
    classes = np.arange(len(seen.data.design.target.priors))
    rarest = int(np.argmin(seen.data.design.target.priors))
    rare = y == rarest
    auc = within_fold_auc(y, proba, classes=classes)
    best = within_fold_auc(y, seen.data.posterior[seen.test], classes=classes)
    found = {"auc": auc, "reached": (auc - 0.5) / (best - 0.5)}
    if hasattr(seen.model, "variants"):
        others = seen.model.variants(bags)
        found |= {
            name: within_fold_auc(y, others[part], classes=classes) for part, name in PARTS.items() if part in others
        }
    if rare.any():
        found["auprc"] = float(average_precision_score(rare, proba[:, rarest]))
        found["recall"] = float((decided(seen)[rare] == rarest).mean())
    return found


def decisions(seen: Seen) -> Values:
    """Balanced accuracy of what the model decides, and how far its probabilities are from what happens."""
    y, proba = seen.data.y[seen.test], seen.model.predict_proba(seen.bags[seen.test])
    classes = np.arange(len(seen.data.design.target.priors))
    slope, intercept = metrics.calibration_line(y, proba, classes)
    return {
        "balanced": metrics.balanced_accuracy(y, decided(seen)),
        "ece": metrics.calibration_error(y, proba, classes),
        "slope": slope,
        "intercept": intercept,
    }


def decided(seen: Seen) -> Ints:
    """(test documents,) the classes that the model decides for; those of synthetic documents are numbers."""
    return np.asarray(seen.model.predict(seen.bags[seen.test])).astype(np.int64)


def flow(seen: Seen) -> Values:
    """The monitors of every ordinary evaluation: retention, recovery of inputs, shares, attention mass, gradients.

    Their dominance index is about the inputs' components; ``latents`` has the one about the latents.
    """
    seeds = np.random.SeedSequence([seen.seed, 1])
    found = embedded(seen.model, seen.bags[seen.train], seen.bags[seen.test], seeds)
    return {"dominance_inputs" if name == "dominance" else name: value for name, value in found.items()}


def latents(seen: Seen) -> Values:
    """R² of the true latents from z_joint by ridge regression, and the dominance index of the unique ones.

    Of concat-lr: from the pooled inputs of both modalities, which is what an embedding could keep of their means.
    "least_all": of the less kept modality's own latents, from all embeddings side by side.
    """
    if isinstance(seen.model, ConcatLR):
        pooled = np.hstack(list(_inputs(seen).values()))
        found = every = _recovered(seen, [pooled[seen.train], pooled[seen.test]])
    else:
        embedded = [seen.model.embeddings(seen.bags[rows]) for rows in (seen.train, seen.test)]
        found = _recovered(seen, [one["joint"] for one in embedded])
        every = _recovered(seen, [np.hstack(list(one.values())) for one in embedded])
    index = dominance(found["audio"], found["text"])
    named = {f"latent_{name}": value for name, value in found.items()}
    least, least_all = (min(one["audio"], one["text"]) for one in (found, every))
    return named | {"dominance": index, "imbalance": abs(index), "least": least, "least_all": least_all}


def _recovered(seen: Seen, z: Sequence[NDArray[np.floating[Any]]]) -> Values:
    """R² of each latent from vectors of the training and of the test documents."""
    rng = np.random.default_rng([seen.seed, 2])
    fit, judge = (x.astype(np.float64) for x in z)
    return {name: recovery(fit, x[seen.train], judge, x[seen.test], rng) for name, x in seen.data.latents.items()}


def retrieval(seen: Seen) -> Values:
    """Share of other documents that rank behind a document's own by cosine; chance is .5.

    "raw": in the space where the loss compares them; "map": of the embeddings, after a ridge map that is fitted on the
    training documents and finds what can be aligned, whether the method aligned it or not. Of concat-lr: a map of
    the pooled inputs.
    """
    if isinstance(seen.model, ConcatLR):
        z, pair = _inputs(seen), {}
    else:
        z = {key: value.astype(np.float64) for key, value in seen.model.embeddings(seen.bags).items()}
        compared = getattr(seen.model, "retrieval_pair", None)
        pair = {} if compared is None else {k: v.astype(np.float64) for k, v in compared(seen.bags).items()}
    groups = encode_groups(seen.data.groups[seen.test], len(seen.test))

    def share(guess: NDArray[np.float64], goal: NDArray[np.float64]) -> float:
        rank, candidates = ranks(guess, goal, groups)
        return float((1 - (rank - 1) / (candidates - 1)).mean())

    found = {}
    for direction in DIRECTIONS:
        source, target = direction.split(" → ")
        if source in z and target in z:
            x, y = z[source], z[target]
            found[f"map {direction}"] = share(*mapped(x[seen.train], y[seen.train], x[seen.test], y[seen.test]))
        if source in pair and target in pair and pair[source].shape == pair[target].shape:
            found[f"raw {direction}"] = share(pair[source][seen.test], pair[target][seen.test])
    return found


def terms(seen: Seen) -> Values:
    """What each term optimises, on the training documents: contrast (nats), structure lost, gap of information.

    Those that the model's own loss lacks are computed all the same, in the form that this loss would have. The gap is
    the audio's information minus the text's, with its sign: a mean of absolute values is never 0.
    """
    fit: Fit = seen.model.fit_
    config = seen.model.config_.replace(WHOLE_LOSS)
    if fit.objective is None:
        return {}
    objective = RepresentationObjective(config).to(fit.device)
    objective.load_state_dict(fit.objective.state_dict())
    data = _with_references(seen, seen.model.data_)
    task = trained_task(fit, objective, config, data)
    task.module.eval()
    with torch.no_grad():
        parts = task.losses(make_batch(data, np.arange(len(data))), 1.0)
    gap = float(parts["information_audio"]) - float(parts["information_text"])
    contrast = 0.5 * (float(parts["audio_joint"]) + float(parts["text_joint"]))
    return {"term_contrast": contrast, "term_cka": float(parts["cka"]), "gap": gap}


def _with_references(seen: Seen, data: Dataset) -> Dataset:
    """Training documents with the pooled inputs that structure and information refer to, whatever the loss needed."""
    train = seen.bags[seen.train]
    pooled = [pool(train.audio), pool(train.text)]
    frozen = PooledBlocks.fit_pooled(pooled).transform_pooled(pooled)
    tensors = (torch.as_tensor(x, dtype=torch.float32, device=data.target.device) for x in frozen)
    return Dataset(data.inputs, References(*tensors), data.groups, data.target)


def padding(seen: Seen) -> Values:
    """Largest change of an embedding when its document is embedded alone, in units of the embedding's spread."""
    rows = seen.test[:8]
    together = seen.model.transform(seen.bags[seen.test])[:8].astype(np.float64)
    alone = np.concatenate([seen.model.transform(seen.bags[rows[i : i + 1]]) for i in range(len(rows))])
    spread = float(together.std()) or math.inf
    return {"padding": float(np.abs(alone - together).max()) / spread}


MEASURES = {
    "prediction": prediction,
    "decisions": decisions,
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
        if name == "retrieval" and not isinstance(seen.model, ConcatLR) and not hasattr(seen.model, "embeddings"):
            continue
        if name == "latents" and not (isinstance(seen.model, ConcatLR) or _has_joint(seen)):
            continue
        found |= MEASURES[name](seen)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _inputs(seen: Seen) -> dict[str, NDArray[np.float64]]:
    """Pooled, block-scaled inputs of all documents, fitted on the training ones: what an embedding could keep."""
    train = seen.bags[seen.train]
    blocks = PooledBlocks.fit_pooled([pool(train.audio), pool(train.text)])
    return dict(zip(("audio", "text"), blocks(seen.bags), strict=True))


def _has_joint(seen: Seen) -> bool:
    return hasattr(seen.model, "embeddings") and "joint" in seen.model.embeddings(seen.bags[seen.test[:4]])
