"""The heads that every method's embeddings get: logistic regression and a mixture of experts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilbert.config import HeadConfig
from hilbert.losses.classification import classification_loss
from hilbert.nn.experts import make_head
from hilbert.nn.linear import STRENGTHS, LogisticMap, best_of
from hilbert.training.loop import Plan, run, seeded
from hilbert.training.tasks import class_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCKS = 3  # the experts' input is normalised in as many blocks as HILBERT has embeddings
EXPERTS = HeadConfig(
    kind="experts", experts=4, hidden=32, dropout=0.3, top_k=None, load_balance=0.0, router_z=0.001, class_weights=True
)
PLAN = Plan(epochs=60, learning_rate=2e-3, weight_decay=1e-2, warmup=0.1, clip=1.0, patience=5)
BATCH = 32


@dataclass
class InnerFold:
    """Embeddings (docs, width) of one inner fold's training and test documents, and the test rows."""

    train: Floats
    train_target: Ints
    test: Floats
    test_target: Ints
    rows: Ints


class LogisticHead:
    """Logistic regression on embeddings, centred and divided by one constant; C chosen on inner folds.

    Columns are not standardised: an embedding's directions differ in weight for a reason. After ``select``:
    ``strength`` is the chosen C and ``score`` its inner AUC.
    """

    name = "lr"
    map: LogisticMap

    def __init__(self, strengths: Sequence[float] = STRENGTHS) -> None:
        self.strengths = tuple(strengths)

    def select(self, folds: Sequence[InnerFold], docs: int, classes: int, seed: int) -> Floats:
        """Choose C; returns the inner out-of-fold logits (docs, classes) of the choice."""
        table = np.full((len(self.strengths), docs, classes), np.nan)
        fold_of, target = np.full(docs, -1), np.zeros(docs, np.int64)
        for number, fold in enumerate(folds):
            fold_of[fold.rows], target[fold.rows] = number, fold.test_target
            centre, power = _centre(fold.train)
            train, test = ((z - centre) / power for z in (fold.train, fold.test))
            for row, strength in enumerate(self.strengths):
                table[row, fold.rows] = LogisticMap.fit(train, fold.train_target, classes, strength)(test)
        best = best_of(table, target, fold_of)
        self.strength, self.score = self.strengths[best.index], best.score
        return best.out_of_fold

    def fit(self, z: Floats, target: Ints, classes: int, seed: int) -> None:
        """Fit on all training embeddings with the chosen C."""
        self.centre, self.power = _centre(z)
        self.map = LogisticMap.final((z - self.centre) / self.power, target, classes, self.strength)

    def logits(self, z: Floats) -> Floats:
        """(docs, classes)."""
        return self.map((z - self.centre) / self.power)


def _centre(z: Floats) -> tuple[Floats, float]:
    """The mean row, and the constant that makes the mean squared row norm 1."""
    centre = z.mean(axis=0)
    power = float(np.sqrt(((z - centre) ** 2).sum(axis=1).mean()))
    return centre, power if power > 0 else 1.0


@dataclass
class ExpertHead:
    """A mixture of experts on embeddings, stopped early on inner folds.

    ``kind`` "mlp": its control, one hidden layer with as many units as all experts together.
    """

    epochs: int = 0
    kind: Literal["experts", "mlp"] = "experts"

    @property
    def name(self) -> str:
        """What tables call it."""
        return "moe" if self.kind == "experts" else self.kind

    def select(self, folds: Sequence[InnerFold], docs: int, classes: int, seed: int) -> Floats:
        """Choose the epochs; returns the inner out-of-fold logits (docs, classes)."""
        logits = np.full((docs, classes), np.nan)
        ends = []
        for fold in folds:
            mean, scale = _moments(fold.train)
            both = np.concatenate([fold.train, fold.test])
            head, end = _train(
                (both - mean) / scale,
                np.concatenate([fold.train_target, fold.test_target]),
                len(fold.train),
                classes,
                seed,
                kind=self.kind,
            )
            ends.append(end)
            logits[fold.rows] = _apply(head, (fold.test - mean) / scale)
        self.epochs = median_low(ends)
        return logits

    def fit(self, z: Floats, target: Ints, classes: int, seed: int) -> None:
        """Fit on all training embeddings for the chosen epochs."""
        self.mean, self.scale = _moments(z)
        self.head, _ = _train((z - self.mean) / self.scale, target, len(z), classes, seed, self.epochs, self.kind)

    def logits(self, z: Floats) -> Floats:
        """(docs, classes)."""
        return _apply(self.head, (z - self.mean) / self.scale)


def _moments(z: Floats) -> tuple[Floats, Floats]:
    mean, scale = z.mean(axis=0), z.std(axis=0)
    return mean, np.where(scale > 1e-9, scale, 1.0)


def _padded(z: Floats) -> torch.Tensor:
    """Columns of zeros up to a multiple of BLOCKS, so that the experts can norm their input in blocks."""
    return torch.as_tensor(np.pad(z, ((0, 0), (0, -z.shape[1] % BLOCKS))), dtype=torch.float32)


def _train(
    z: Floats,
    target: Ints,
    train: int,
    classes: int,
    seed: int,
    epochs: int | None = None,
    kind: Literal["experts", "mlp"] = "experts",
) -> tuple[nn.Module, int]:
    """Train on the first ``train`` rows; the others, if any, stop it early. Returns head and best epoch."""
    values = _padded(z)
    with seeded(seed):
        head = make_head(values.shape[1] // BLOCKS, classes, EXPERTS.model_copy(update={"kind": kind}))
    task = HeadTask(head, values, torch.as_tensor(target), train, classes)
    return head, run(task, replace(PLAN, stop_after=epochs), seed).best_epoch


class HeadTask:
    """What the training loop sees of a head: (docs, width) inputs, the first ``train`` of which are trained on."""

    name = "head"
    module: nn.Module

    def __init__(self, head: nn.Module, z: Tensor, target: Tensor, train: int, classes: int) -> None:
        self.module, self.z, self.target, self.train = head, z, target, train
        self.counts = class_counts(target[:train], classes)

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterator[Ints]:
        """Random batches of training rows."""
        order = np.random.default_rng(seed).permutation(self.train)
        yield from np.array_split(order, max(1, round(len(order) / BATCH)))

    def losses(self, batch: Ints, progress: float) -> dict[str, Tensor]:
        """Cross-entropy with balanced class weights, and the router's z-loss."""
        index = torch.as_tensor(batch)
        output = self.module(self.z[index])
        label = classification_loss(output.logits, self.target[index], self.counts, class_weights=True)
        return {"total": label + EXPERTS.router_z * output.router_z, "label": label}

    def after_step(self) -> None:
        """Nothing to clamp."""

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """The label loss of the other rows."""
        others = np.arange(self.train, len(self.z))
        return {"monitor": float(self.losses(others, 1.0)["label"])} if len(others) else None


def _apply(head: nn.Module, z: Floats) -> Floats:
    with torch.inference_mode():
        logits: Floats = head(_padded(z)).logits.numpy().astype(np.float64)
    return logits
