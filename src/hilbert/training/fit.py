"""Fit the network and the head on given training documents, with or without held-out ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilbert.config import HilbertConfig
from hilbert.errors import UsageError
from hilbert.losses.total import RepresentationObjective
from hilbert.nn.experts import make_head
from hilbert.nn.hilbert import HilbertNetwork
from hilbert.nn.vector_network import VectorNetwork
from hilbert.training.data import Dataset, Rows, SegmentData, VectorData, plain_batches
from hilbert.training.loop import CLIP, WARMUP, WEIGHT_DECAY, History, Plan, run, seeded
from hilbert.training.tasks import HeadTask, JointTask, Network, RepresentationTask

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
EMBEDDING_BATCH = 32


@dataclass
class Fit:
    """A trained network and head, the epochs at which each stage was best, and the curves.

    ``objective``: with what else the representation's loss has learnt; only training needs it, so it is not saved.
    """

    network: Network
    head: nn.Module | None
    epochs: dict[str, int]
    history: History = field(default_factory=list)
    objective: RepresentationObjective | None = None
    device: str = "cpu"

    def embed(self, data: Dataset, rows: Ints | None = None) -> NDArray[np.float32]:
        """[z_audio; z_text; z_joint] of documents, (docs, 3 width) float32."""
        rows = np.arange(len(data)) if rows is None else rows
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.network(batch.inputs).concatenated().cpu().numpy()
                for batch in plain_batches(data, rows, EMBEDDING_BATCH)
            ]
        return np.concatenate(parts) if parts else np.zeros((0, 3 * self.network.width), np.float32)

    def head_logits(self, z: NDArray[np.floating[Any]]) -> Floats:
        """The head's logits (docs, classes) of embeddings (docs, 3 width), in float64."""
        if self.head is None:
            raise ValueError("this fit has no head: it was made without labels")
        with torch.inference_mode():
            values = torch.as_tensor(z, dtype=torch.float32, device=self.device)
            logits: Floats = self.head(values).logits.cpu().numpy().astype(np.float64)
        return logits


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


def make_network(config: HilbertConfig, widths: dict[str, int]) -> Network:
    """The untrained network for inputs of these widths; random numbers come from torch's generator."""
    if config.network.kind == "vectors":
        return VectorNetwork(widths["audio"], widths["text"], widths["cross"], config.network)
    return HilbertNetwork(widths["audio"], widths["text"], config.network)


def start_network(config: HilbertConfig, data: Dataset, rows: Ints) -> Network:
    """The network before its first step; one on vectors starts at the principal components of ``rows``."""
    inputs = data.inputs
    if isinstance(inputs, VectorData):
        parts = {"audio": inputs.audio, "text": inputs.text, "cross": inputs.cross}
        network = make_network(config, {name: part.shape[1] for name, part in parts.items()})
        assert isinstance(network, VectorNetwork)
        network.start(*(part.cpu().numpy()[rows].astype(np.float64) for part in parts.values()))
        return network
    assert isinstance(inputs, SegmentData)
    return make_network(config, {"audio": inputs.audio.values.shape[1], "text": inputs.text.values.shape[1]})


def fit_network(
    config: HilbertConfig,
    data: Dataset,
    rows: Rows,
    *,
    classes: int = 0,
    seed: int = 0,
    device: str = "cpu",
    epochs: dict[str, int] | None = None,
    checkpoint: Path | None = None,
) -> Fit:
    """Train on ``rows.train`` and stop early on ``rows.held_out``.

    Documents whose target is −1 are used for the representation only. classes: 0 trains no head; epochs: where to end
    each stage instead, as an earlier fit found it ({}: before the first step); checkpoint: folder to resume from.
    """
    with seeded(seed):
        network = start_network(config, data, rows.train)
        objective = RepresentationObjective(config).to(device)
        head = make_head(config.network.width, classes, config.head).to(device) if classes else None
    network.to(device)
    ends, t = epochs or {}, config.training
    if epochs == {}:
        return Fit(network.eval(), None if head is None else head.eval(), {}, [], objective, device)

    def plan(stage: str) -> Plan:
        length = t.head_epochs if stage == "head" else t.epochs
        return Plan(length, t.learning_rate, WEIGHT_DECAY, WARMUP, CLIP, t.patience, ends.get(stage))

    def file(stage: str) -> Path | None:
        return checkpoint / f"{stage}.safetensors" if checkpoint is not None else None

    if head is not None and t.regime == "joint":
        joint = JointTask(network, objective, head, data, rows, config, classes)
        outcome = run(joint, plan("joint"), seed, file("joint"))
        return Fit(network, head, {"joint": outcome.best_epoch}, outcome.history, objective, device)
    task = RepresentationTask(network, objective, data, rows, config)
    first = run(task, plan("representation"), seed, file("representation"))
    fit = Fit(network, None, {"representation": first.best_epoch}, first.history, objective, device)
    if head is None:
        return fit
    target = data.target.cpu().numpy()
    labelled = Rows(*(part[target[part] >= 0] for part in rows))
    used = np.concatenate(labelled)
    z = torch.as_tensor(fit.embed(data, used), device=device)
    local = Rows(np.arange(len(labelled.train)), np.arange(len(labelled.train), len(used)))
    heads = HeadTask(head, z, data.target[torch.as_tensor(used)], local, config, classes)
    second = run(heads, plan("head"), seed, file("head"))
    epochs = fit.epochs | {"head": second.best_epoch}
    return Fit(network, head, epochs, first.history + second.history, objective, device)
