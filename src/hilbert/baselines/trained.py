"""One training of a method: input transforms fitted on the training documents, early stopping on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilbert.baselines.method import Method, Shape
from hilbert.config import VectorConfig
from hilbert.features.bags import Bags
from hilbert.nn.documents import Vectorizer
from hilbert.nn.inputs import SegmentTransforms
from hilbert.training.data import (
    Batch,
    Dataset,
    Rows,
    SegmentData,
    VectorData,
    make_batch,
    make_dataset,
    plain_batches,
    training_batches,
)
from hilbert.training.loop import Plan, run, seeded
from hilbert.training.tasks import class_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMMON: Mapping[str, Any] = {
    "backbone": "segments",  # or vectors: HILBERT's document vectors
    "components": 64,  # principal components of each modality's segments
    "width": 64,
    "dropout": 0.2,
    "epochs": 12,
    "patience": 3,
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "batch_size": 64,
    "max_segments": 16,  # drawn per document and step, in training only
    "modality_dropout": 0.0,
}
VECTORS = VectorConfig(heads=3, prototypes=256, components=128)
WARMUP, CLIP = 0.1, 1.0  # share of the steps, largest norm of a gradient
EMBEDDING_BATCH = 64
Transforms = SegmentTransforms | Vectorizer


@dataclass(frozen=True)
class Prepared:
    """Transforms fitted without labels on all documents of a fold, and these documents as methods read them."""

    transforms: Transforms
    data: Dataset


class Trained:
    """A fitted method with its input transforms; ``epochs`` is where it was best."""

    def __init__(self, method: Method, transforms: Transforms, epochs: int, device: str) -> None:
        self.method, self.transforms, self.epochs, self.device = method, transforms, epochs, device

    def dataset(self, bags: Bags) -> Dataset:
        """Transform bags once, without labels or groups."""
        if isinstance(self.transforms, Vectorizer):
            return make_dataset(VectorData.of(self.transforms(bags), self.device))
        return make_dataset(SegmentData.of(self.transforms(bags), self.device))

    def by_name(self, data: Dataset, paired: bool = False) -> dict[str, Floats]:
        """Each embedding of the method, (docs, width) float64; ``paired``: those of ``Method.pair``."""
        parts: dict[str, list[Floats]] = {}
        self.method.eval()
        with torch.inference_mode():
            for batch in self._batches(data):
                for name, z in (self.method.pair(batch) if paired else self.method.embed(batch)).items():
                    parts.setdefault(name, []).append(z.cpu().numpy().astype(np.float64))
        return {name: np.concatenate(values) for name, values in parts.items()}

    def embed(self, data: Dataset) -> Floats:
        """All of them side by side, (docs, width)."""
        return np.concatenate(list(self.by_name(data).values()), axis=1)

    def logits(self, data: Dataset) -> Floats:
        """A supervised method's own logits (docs, classes)."""
        self.method.eval()
        with torch.inference_mode():
            found = [self.method.logits(b).cpu().numpy().astype(np.float64) for b in self._batches(data)]
        return np.concatenate(found)

    def _batches(self, data: Dataset) -> Iterator[Batch]:
        """All documents in order; one empty batch where there are none."""
        yield from plain_batches(data, np.arange(len(data)), EMBEDDING_BATCH)
        if not len(data):
            yield make_batch(data, np.arange(0))


class MethodTask:
    """What the training loop sees of a method."""

    name = "method"
    module: nn.Module

    def __init__(self, method: Method, data: Dataset, rows: Rows, options: Mapping[str, Any]) -> None:
        self.method, self.module = method, method
        self.data, self.rows = data, rows
        self.size, self.limit = options["batch_size"], options["max_segments"]
        self.dropout = options["modality_dropout"]

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterator[Batch]:
        """Random batches of the training documents."""
        return training_batches(self.data, self.rows.train, self.size, self.limit, self.dropout, seed)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The method's own."""
        return self.method.losses(batch, progress)

    def after_step(self) -> None:
        """The method's own."""
        self.method.after_step()

    def validate(self) -> dict[str, float] | None:
        """On held-out documents, always with the same random numbers: the label loss, or else the total."""
        if not len(self.rows.held_out):
            return None
        sums: dict[str, float] = {}
        with seeded(0, self.module), torch.no_grad():
            for batch in plain_batches(self.data, self.rows.held_out, self.size, self.limit):
                share = len(batch.target) / len(self.rows.held_out)
                for name, value in self.method.losses(batch, 1.0).items():
                    sums[name] = sums.get(name, 0.0) + share * float(value)
        return sums | {"monitor": sums["label" if self.method.supervised else "total"]}


def prepare_method(
    options: Mapping[str, Any], bags: Bags, target: Ints, groups: Ints, seed: int, device: str
) -> Prepared:
    """Fit the label-free input transforms once for all trainings of a fold, on labelled and unlabelled documents."""
    if options["backbone"] == "vectors":
        vectorizer, vectors = Vectorizer.fit(bags, VECTORS, seed)
        return Prepared(vectorizer, make_dataset(VectorData.of(vectors, device), None, target, groups))
    transforms = SegmentTransforms.fit(bags, options["components"])
    return Prepared(transforms, make_dataset(SegmentData.of(transforms(bags), device), None, target, groups))


def train_method(
    kind: type[Method],
    options: Mapping[str, Any],
    prepared: Prepared,
    rows: Rows,
    classes: int,
    seed: int,
    device: str = "cpu",
    epochs: int | None = None,
) -> Trained:
    """Train on ``rows.train``, stop early on ``rows.held_out``, or after ``epochs`` as an earlier fit found it."""
    data, widths = prepared.data, prepared.transforms.widths
    counts = class_counts(data.target[torch.as_tensor(rows.train, device=device)], classes)
    with seeded(seed):
        method = kind(Shape(widths["audio"], widths["text"], widths.get("cross", 0), classes, counts), dict(options))
    if isinstance(data.inputs, VectorData):
        parts = {part: getattr(data.inputs, part).cpu().numpy() for part in ("audio", "text", "cross")}
        method.start({part: values[rows.train].astype(np.float64) for part, values in parts.items()})
    method.to(device)
    plan = Plan(
        options["epochs"], options["learning_rate"], options["weight_decay"], WARMUP, CLIP, options["patience"], epochs
    )
    outcome = run(MethodTask(method, data, rows, options), plan, seed)
    return Trained(method, prepared.transforms, outcome.best_epoch, device)
