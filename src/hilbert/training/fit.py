"""Fit the network and the head on given training documents, with or without held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilbert.config import HilbertConfig
from hilbert.errors import UsageError
from hilbert.features.bags import Bags, Packed
from hilbert.model.build import Inputs, Network, SegmentInputs, VectorInputs, fit_inputs, make_network, start_network
from hilbert.model.documents import DocumentVectors
from hilbert.model.experts import make_head
from hilbert.model.pooled import PooledBlocks, pool
from hilbert.objectives.total import References, RepresentationObjective
from hilbert.training.batches import Dataset, Segments, plain_batches
from hilbert.training.loop import History, Plan, run
from hilbert.training.randomness import seeded
from hilbert.training.tasks import HeadTask, JointTask, RepresentationTask, Rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
EMBEDDING_BATCH = 32


@dataclass
class Representation:
    """Fitted input transforms and network: bags in, three embeddings out."""

    inputs: Inputs
    network: Network
    device: str = "cpu"

    def embed(self, bags: Bags) -> NDArray[np.float32]:
        """[z_audio; z_text; z_joint] of each document, (docs, 3 width) float32."""
        return self.embed_dataset(make_dataset(self.inputs(bags), device=self.device))

    def embed_dataset(self, data: Dataset, rows: Ints | None = None) -> NDArray[np.float32]:
        """The same of documents whose inputs are transformed already."""
        rows = np.arange(len(data)) if rows is None else rows
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.network(batch.audio, batch.text).concatenated().cpu().numpy()
                for batch in plain_batches(data, rows, EMBEDDING_BATCH)
            ]
        return np.concatenate(parts) if parts else np.zeros((0, 3 * self.network.width), np.float32)


@dataclass
class Fit:
    """A trained representation and head, the epochs at which each stage was best, and the curves.

    ``objective``: with what else the representation's loss has learnt; only training needs it, so it is not saved.
    """

    representation: Representation
    head: nn.Module | None
    epochs: dict[str, int]
    history: History = field(default_factory=list)
    objective: RepresentationObjective | None = None

    def head_logits(self, z: NDArray[np.floating[Any]]) -> Floats:
        """The head's logits (docs, classes) of embeddings (docs, 3 width), in float64."""
        if self.head is None:
            raise ValueError("this fit has no head: it was made without labels")
        with torch.inference_mode():
            values = torch.as_tensor(z, dtype=torch.float32, device=self.representation.device)
            logits: Floats = self.head(values).logits.cpu().numpy().astype(np.float64)
        return logits


def make_dataset(
    packed: tuple[Packed, Packed],
    references: Sequence[Floats] | None = None,
    target: Ints | None = None,
    groups: Ints | None = None,
    device: str = "cpu",
) -> Dataset:
    """What training and embedding read, of transformed audio and text; ``references`` are (docs, width) of each."""
    docs = len(packed[0].lengths)
    audio, text = (Segments.of(part, part.values, torch.float32, device) for part in packed)
    frozen = [np.zeros((docs, 1))] * 2 if references is None else references
    return Dataset(
        audio,
        text,
        References(*(torch.as_tensor(x, dtype=torch.float32, device=device) for x in frozen)),
        torch.as_tensor(np.arange(docs) if groups is None else groups, device=device),
        torch.as_tensor(np.full(docs, -1) if target is None else target, device=device),
    )


@dataclass(frozen=True)
class Prepared:
    """Transforms fitted on the documents ``rows``, and all documents transformed: shared by several trainings.

    ``vectors``: of all documents, not scaled by their stability; None where the backbone has none. ``blocks`` made
    the references in ``data``; None for a method without them.
    """

    inputs: Inputs
    data: Dataset
    vectors: DocumentVectors | None = None
    blocks: PooledBlocks | None = None

    def scaled(self, strength: float, bags: Bags) -> Prepared:
        """The same ``bags`` with directions weighted by their stability."""
        if self.vectors is None or not isinstance(self.inputs, VectorInputs):
            return self
        inputs, device = self.inputs.scaled(strength), str(self.data.target.device)
        audio, text = (Segments.of(x, x.values, torch.float32, device) for x in inputs.pack(self.vectors, bags))
        return replace(self, inputs=inputs, data=Dataset(audio, text, *self.data[2:]))


def prepare(
    config: HilbertConfig, bags: Bags, target: Ints, groups: Ints, rows: Ints, seed: int, device: str = "cpu"
) -> Prepared:
    """Fit what needs no label, once: input transforms and the references of structure and information.

    Document vectors are scaled by the first strength of stability that the configuration names.
    """
    pooled = [pool(bags.audio), pool(bags.text)]
    blocks = PooledBlocks.fit_pooled([x[rows] for x in pooled])
    references = blocks.transform_pooled(pooled)
    return replace(prepare_inputs(config, bags, target, groups, rows, seed, device, references), blocks=blocks)


def prepare_inputs(
    config: HilbertConfig,
    bags: Bags,
    target: Ints,
    groups: Ints,
    rows: Ints,
    seed: int,
    device: str,
    references: Sequence[Floats] | None = None,
) -> Prepared:
    """The transforms alone, with ``references`` as given."""
    inputs, vectors = fit_inputs(config, bags[rows], seed)
    if isinstance(inputs, SegmentInputs) or vectors is None:
        return Prepared(inputs, make_dataset(inputs(bags), references, target, groups, device))
    if not np.array_equal(rows, np.arange(len(bags))):
        vectors = inputs.documents(bags)
    inputs = inputs.scaled(config.prototypes.stability[0])
    return Prepared(inputs, make_dataset(inputs.pack(vectors, bags), references, target, groups, device), vectors)


def check_device(name: str) -> None:
    """Raise UsageError for a device that torch does not know or this machine does not have."""
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise UsageError(f"device: expected cpu, cuda or mps, found {name!r}") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: cuda was asked for, but torch finds no CUDA device here; use cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device: mps was asked for, but torch finds no such device here; use cpu")


def fit_network(
    config: HilbertConfig,
    bags: Bags,
    target: Ints,
    groups: Ints,
    rows: Rows,
    *,
    classes: int = 0,
    seed: int = 0,
    device: str = "cpu",
    epochs: dict[str, int] | None = None,
    checkpoint: Path | None = None,
    prepared: Prepared | None = None,
) -> Fit:
    """Train on ``rows.train`` and stop early on ``rows.held_out``.

    target: (docs,) class numbers, −1 = unlabelled (used for the representation only); classes: 0 trains no head;
    epochs: where to end each stage instead, as an earlier fit found it; checkpoint: folder to resume from;
    prepared: transformed documents of ``prepare``; without them the transforms are fitted on ``rows.train`` alone.
    """
    ready = prepared or prepare(config, bags, target, groups, rows.train, seed, device)
    data = ready.data
    with seeded(seed):
        network = make_network(config.model, **ready.inputs.widths)
        objective = RepresentationObjective(config).to(device)
        head = make_head(config.model.width, classes, config.head).to(device) if classes else None
    start_network(network, *(part.packed(rows.train) for part in (data.audio, data.text)))
    network.to(device)
    representation = Representation(ready.inputs, network, device)
    ends = epochs or {}

    def plan(stage: str) -> Plan:
        t = config.training
        length, rate = (t.head_epochs, t.head_learning_rate) if stage == "head" else (t.epochs, t.learning_rate)
        return Plan(length, rate, t.weight_decay, t.warmup, t.clip, t.patience, ends.get(stage))

    def file(stage: str) -> Path | None:
        return checkpoint / f"{stage}.safetensors" if checkpoint is not None else None

    if head is not None and config.training.regime == "joint":
        joint = JointTask(network, objective, head, data, rows, config, classes)
        outcome = run(joint, plan("joint"), seed, file("joint"))
        return Fit(representation, head, {"joint": outcome.best_epoch}, outcome.history, objective)
    first = run(
        RepresentationTask(network, objective, data, rows, config),
        plan("representation"),
        seed,
        file("representation"),
    )
    fit = Fit(representation, None, {"representation": first.best_epoch}, first.history, objective)
    if head is None:
        return fit
    labelled = Rows(*(part[target[part] >= 0] for part in rows))
    used = np.concatenate(labelled)
    z = torch.as_tensor(representation.embed_dataset(data, used), device=device)
    local = Rows(np.arange(len(labelled.train)), np.arange(len(labelled.train), len(used)))
    task = HeadTask(head, z, data.target[torch.as_tensor(used)], local, config, classes)
    second = run(task, plan("head"), seed, file("head"))
    epochs = fit.epochs | {"head": second.best_epoch}
    return Fit(representation, head, epochs, first.history + second.history, objective)
