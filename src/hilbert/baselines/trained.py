"""One training of a method: input transforms fitted on the training documents, early stopping on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilbert.baselines.method import Method, Shape
from hilbert.config import HilbertConfig, TrainingConfig
from hilbert.features.bags import Bags
from hilbert.nn.build import Inputs
from hilbert.training.batches import Batch, Dataset, make_batch, plain_batches, training_batches
from hilbert.training.fit import Prepared, make_dataset, prepare_inputs
from hilbert.training.loop import Plan, run
from hilbert.training.randomness import seeded
from hilbert.training.tasks import Rows, class_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMMON: Mapping[str, Any] = {
    "backbone": "segments",  # or prototypes, for methods that take HILBERT's network
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
EMBEDDING_BATCH = 64


class Trained:
    """A fitted method with its input transforms; ``epochs`` is where it was best."""

    def __init__(self, method: Method, inputs: Inputs, epochs: int, device: str) -> None:
        self.method, self.inputs, self.epochs, self.device = method, inputs, epochs, device

    def dataset(self, bags: Bags) -> Dataset:
        """Transform bags once, without labels or groups."""
        return make_dataset(self.inputs(bags), device=self.device)

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

    def __init__(self, method: Method, data: Dataset, rows: Rows, config: TrainingConfig) -> None:
        self.method, self.module = method, method
        self.data, self.rows, self.config = data, rows, config

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterator[Batch]:
        """Random batches of the training documents."""
        return training_batches(self.data, self.rows.train, self.config, seed)

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
        size, limit = self.config.batch_size, self.config.max_segments
        with seeded(0, self.module), torch.no_grad():
            for batch in plain_batches(self.data, self.rows.held_out, size, limit):
                share = len(batch.target) / len(self.rows.held_out)
                for name, value in self.method.losses(batch, 1.0).items():
                    sums[name] = sums.get(name, 0.0) + share * float(value)
        return sums | {"monitor": sums["label" if self.method.supervised else "total"]}


def prepare_method(
    options: Mapping[str, Any], bags: Bags, target: Ints, groups: Ints, seed: int, device: str
) -> Prepared:
    """Fit the label-free input transforms once for all trainings of a fold, as HILBERT does."""
    config = HilbertConfig.load(
        "robust", {"model.backbone": options["backbone"], "input.components": options["components"]}
    )
    return prepare_inputs(config, bags, target, groups, np.arange(len(bags)), seed, device)


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
    data, inputs = prepared.data, prepared.inputs
    index = torch.as_tensor(rows.train, device=device)
    widths = inputs.widths
    shape = Shape(widths["audio"], widths["text"], widths["cross"], classes, class_counts(data.target[index], classes))
    with seeded(seed):
        method = kind(shape, dict(options))
    method.start(*(part.packed(rows.train) for part in (data.audio, data.text)))
    method.to(device)
    base = HilbertConfig.load("robust").training
    config = base.model_copy(
        update={name: options[name] for name in ("batch_size", "max_segments", "modality_dropout")}
    )
    plan = Plan(
        options["epochs"], options["learning_rate"], options["weight_decay"], base.warmup, base.clip,
        options["patience"], epochs,
    )  # fmt: skip
    outcome = run(MethodTask(method, data, rows, config), plan, seed)
    return Trained(method, inputs, outcome.best_epoch, device)
