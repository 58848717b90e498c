"""The stages: representation learning, the head on frozen embeddings, or both together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilbert.config import HilbertConfig
from hilbert.losses.classification import classification_loss
from hilbert.losses.total import RepresentationObjective
from hilbert.nn.hilbert import HilbertNetwork
from hilbert.nn.vector_network import VectorNetwork
from hilbert.training.data import Batch, Dataset, Rows, plain_batches, training_batches
from hilbert.training.loop import seeded

Ints = NDArray[np.int64]
Network = HilbertNetwork | VectorNetwork


def head_losses(head: nn.Module, z: Tensor, target: Tensor, counts: Tensor, config: HilbertConfig) -> dict[str, Tensor]:
    """Classification and router losses of embeddings (docs, 3 width), by name and in total."""
    output = head(z)
    chosen = config.head
    label = classification_loss(output.logits, target, counts, chosen.class_weights)
    total = label + chosen.router_z * output.router_z
    if chosen.top_k is not None:
        total = total + chosen.load_balance * output.load_balance
    return {"total": total, "label": label, "load_balance": output.load_balance, "router_z": output.router_z}


def _mean(module: nn.Module, parts: Iterable[dict[str, Tensor]], monitor: str) -> dict[str, float]:
    """Means of the parts."""
    with seeded(0, module):
        rows = [{name: float(value) for name, value in part.items()} for part in parts]
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"monitor": means[monitor]}


class RepresentationTask:
    """Stage one: the network and the objective's heads, without labels."""

    name = "representation"

    def __init__(
        self,
        network: Network,
        objective: RepresentationObjective,
        data: Dataset,
        rows: Rows,
        config: HilbertConfig,
    ) -> None:
        self.network, self.objective = network, objective
        self.module: nn.Module = nn.ModuleDict({"network": network, "objective": objective})
        self.data, self.rows, self.config = data, rows, config
        self.limit = max_segments(config)

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterator[Batch]:
        """Random batches of the training documents."""
        t = self.config.training
        return training_batches(self.data, self.rows.train, t.batch_size, self.limit, t.modality_dropout, seed)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The representation objective's parts."""
        parts: dict[str, Tensor] = self.objective(self.network(batch.inputs), batch.references, batch.groups)
        return parts

    def after_step(self) -> None:
        """Clamp the temperature."""
        self.objective.clamp()

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """The objective on held-out documents, in fixed batches."""
        if not len(self.rows.held_out):
            return None
        batches = plain_batches(self.data, self.rows.held_out, self.config.training.batch_size, self.limit)
        return _mean(self.module, (self.losses(batch, 1.0) for batch in batches), "total")


class HeadTask:
    """Stage two: the head on frozen embeddings of labelled documents."""

    name = "head"

    def __init__(
        self, head: nn.Module, z: Tensor, target: Tensor, rows: Rows, config: HilbertConfig, classes: int
    ) -> None:
        self.module = head
        self.z, self.target, self.rows, self.config = z, target, rows, config
        self.counts = class_counts(target[torch.as_tensor(rows.train)], classes)

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterator[Ints]:
        """Random batches of training rows."""
        order = np.random.default_rng(seed).permutation(self.rows.train)
        yield from np.array_split(order, max(1, round(len(order) / self.config.training.batch_size)))

    def losses(self, batch: Ints, progress: float) -> dict[str, Tensor]:
        """Classification and router losses."""
        index = torch.as_tensor(batch)
        return head_losses(self.module, self.z[index], self.target[index], self.counts, self.config)

    def after_step(self) -> None:
        """Nothing to clamp."""

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """The classification loss on held-out documents."""
        if not len(self.rows.held_out):
            return None
        return _mean(self.module, [self.losses(self.rows.held_out, 1.0)], "label")


class JointTask(RepresentationTask):
    """Both stages at once: the labels also shape the embeddings."""

    name = "joint"

    def __init__(
        self,
        network: Network,
        objective: RepresentationObjective,
        head: nn.Module,
        data: Dataset,
        rows: Rows,
        config: HilbertConfig,
        classes: int,
    ) -> None:
        super().__init__(network, objective, data, rows, config)
        self.head = head
        self.module = nn.ModuleDict({"network": network, "objective": objective, "head": head})
        self.counts = class_counts(data.target[torch.as_tensor(rows.train)], classes)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The representation objective's parts, the classification and router losses, and their sum."""
        z = self.network(batch.inputs)
        known = batch.target, anchor_weights(batch.target, self.counts)
        parts = self.objective(z, batch.references, batch.groups, known)
        labels = head_losses(self.head, z.concatenated(), batch.target, self.counts, self.config)
        return {**parts, **labels, "total": parts["total"] + labels["total"]}

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """As for the representation, but watched by the classification loss of labelled documents."""
        rows = self.rows.held_out[(self.data.target[torch.as_tensor(self.rows.held_out)] >= 0).cpu().numpy()]
        if not len(rows):
            return None
        batches = plain_batches(self.data, rows, len(rows), self.limit)
        return _mean(self.module, (self.losses(batch, 1.0) for batch in batches), "label")


def max_segments(config: HilbertConfig) -> int | None:
    """Segments drawn per document and step; None: all of them, or none to draw."""
    return config.network.max_segments if config.network.kind == "segments" else None


def class_counts(target: Tensor, classes: int) -> Tensor:
    """Documents of each class, (classes,); unlabelled ones (−1) are not counted."""
    return torch.bincount(target[target >= 0], minlength=classes)


def anchor_weights(target: Tensor, counts: Tensor) -> Tensor:
    """n / (classes × n_c) for each document's class, 1 without a label: (docs,)."""
    weight = counts.sum() / (len(counts) * counts.clamp_min(1).to(torch.get_default_dtype()))
    return torch.where(target >= 0, weight[target.clamp_min(0)], 1.0)
