"""Fit the network and the head on given training documents, with or without held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilbert.config import HilbertConfig
from hilbert.errors import UsageError
from hilbert.features.bags import Bags
from hilbert.model.experts import make_head
from hilbert.model.hilbert import HilbertNetwork
from hilbert.model.inputs import SegmentTransform
from hilbert.model.pooled import PooledBlocks, pool
from hilbert.objectives.total import References, RepresentationObjective
from hilbert.training.batches import Dataset, Segments, plain_batches
from hilbert.training.loop import History, Plan, run
from hilbert.training.tasks import HeadTask, JointTask, RepresentationTask, Rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
EMBEDDING_BATCH = 32


@dataclass
class Representation:
    """Fitted input transforms and network: bags in, three embeddings out."""

    audio: SegmentTransform
    text: SegmentTransform
    network: HilbertNetwork
    device: str = "cpu"

    def embed(self, bags: Bags) -> NDArray[np.float32]:
        """[z_audio; z_text; z_joint] of each document, (docs, 3 width) float32."""
        nothing = np.full(len(bags), -1)
        unused = [np.zeros((len(bags), 1))] * 2
        data = make_dataset(self, bags, unused, nothing, np.arange(len(bags)))
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.network(batch.audio, batch.text).concatenated().cpu().numpy()
                for batch in plain_batches(data, np.arange(len(bags)), EMBEDDING_BATCH)
            ]
        return np.concatenate(parts) if parts else np.zeros((0, 3 * self.network.width), np.float32)


@dataclass
class Fit:
    """A trained representation and head, the epochs at which each stage was best, and the curves."""

    representation: Representation
    head: nn.Module | None
    epochs: dict[str, int]
    history: History = field(default_factory=list)

    def logits(self, bags: Bags) -> Floats:
        """The head's logits (docs, classes) in float64."""
        if self.head is None:
            raise ValueError("this fit has no head: it was made without labels")
        z = torch.as_tensor(self.representation.embed(bags), device=self.representation.device)
        with torch.inference_mode():
            logits: Floats = self.head(z).logits.cpu().numpy().astype(np.float64)
        return logits


def make_dataset(
    representation: Representation, bags: Bags, references: Sequence[Floats], target: Ints, groups: Ints
) -> Dataset:
    """Transform all bags once, before the first epoch; ``references`` are (docs, width) of audio and text."""
    device = representation.device
    audio, text = (
        Segments.of(packed, transform(packed), torch.float32, device)
        for packed, transform in ((bags.audio, representation.audio), (bags.text, representation.text))
    )
    frozen = References(*(torch.as_tensor(x, dtype=torch.float32, device=device) for x in references))
    return Dataset(audio, text, frozen, torch.as_tensor(groups, device=device), torch.as_tensor(target, device=device))


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
) -> Fit:
    """Train on ``rows.train``, stop early on ``rows.held_out``; transforms are fitted on the training rows alone.

    target: (docs,) class numbers, −1 = unlabelled (used for the representation only); classes: 0 trains no head;
    epochs: where to end each stage instead, as an earlier fit found it; checkpoint: folder to resume from.
    """
    training = bags[rows.train]
    pooled = [pool(bags.audio), pool(bags.text)]
    blocks = PooledBlocks.fit_pooled([x[rows.train] for x in pooled])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        audio, text = (SegmentTransform.fit(p, config.input.components) for p in (training.audio, training.text))
        network = HilbertNetwork(audio.width, text.width, config.model).to(device)
        objective = RepresentationObjective(config).to(device)
        head = make_head(config.model.width, classes, config.head).to(device) if classes else None
    representation = Representation(audio, text, network, device)
    data = make_dataset(representation, bags, blocks.transform_pooled(pooled), target, groups)
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
        return Fit(representation, head, {"joint": outcome.best_epoch}, outcome.history)
    first = run(
        RepresentationTask(network, objective, data, rows, config),
        plan("representation"),
        seed,
        file("representation"),
    )
    fit = Fit(representation, None, {"representation": first.best_epoch}, first.history)
    if head is None:
        return fit
    labelled = Rows(*(part[target[part] >= 0] for part in rows))
    used = np.concatenate(labelled)
    z = torch.as_tensor(representation.embed(bags[used]), device=device)
    local = Rows(np.arange(len(labelled.train)), np.arange(len(labelled.train), len(used)))
    task = HeadTask(head, z, data.target[torch.as_tensor(used)], local, config, classes)
    second = run(task, plan("head"), seed, file("head"))
    return Fit(representation, head, fit.epochs | {"head": second.best_epoch}, first.history + second.history)
