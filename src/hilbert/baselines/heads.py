"""The heads that every representation gets, HILBERT's competitors alike: logistic regression and experts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilbert.config import HilbertConfig
from hilbert.nn.experts import make_head
from hilbert.nn.linear import STRENGTHS, LogisticMap, best_of
from hilbert.training.loop import Plan, run
from hilbert.training.randomness import seeded
from hilbert.training.tasks import HeadTask, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCKS = 3  # the experts' input is normalised in as many blocks as HILBERT has embeddings


@dataclass
class InnerFold:
    """Embeddings (docs, width) of one inner fold's training and test documents, and the test rows."""

    train: Floats
    train_target: Ints
    test: Floats
    test_target: Ints
    rows: Ints


OnInner = Callable[[dict[str, Floats], Ints, Ints], None]
"""Called after each inner training: embeddings (labelled docs, width) by name, its training and its test rows."""


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

    def arrays(self) -> dict[str, Floats]:
        """Everything that prediction needs, for saving."""
        return {
            "centre": self.centre,
            "power": np.array([self.power]),
            "weights": self.map.weights,
            "bias": self.map.bias,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> LogisticHead:
        """Rebuild from ``arrays()``, for prediction."""
        head = cls()
        head.centre, head.power = arrays["centre"], float(arrays["power"][0])
        head.map = LogisticMap(arrays["weights"], arrays["bias"])
        return head


def _centre(z: Floats) -> tuple[Floats, float]:
    """The mean row, and the constant that makes the mean squared row norm 1."""
    centre = z.mean(axis=0)
    power = float(np.sqrt(((z - centre) ** 2).sum(axis=1).mean()))
    return centre, power if power > 0 else 1.0


@dataclass
class ExpertHead:
    """HILBERT's mixture of experts on embeddings, stopped early on inner folds.

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
    config = HilbertConfig.load("robust")
    values = _padded(z)
    with seeded(seed):
        head = make_head(values.shape[1] // BLOCKS, classes, config.head.model_copy(update={"kind": kind}))
    t = config.training
    plan = Plan(t.head_epochs, t.head_learning_rate, t.weight_decay, t.warmup, t.clip, t.patience, epochs)
    rows = Rows(np.arange(train), np.arange(train, len(z)))
    task = HeadTask(head, values, torch.as_tensor(target), rows, config, classes)
    return head, run(task, plan, seed).best_epoch


def _apply(head: nn.Module, z: Floats) -> Floats:
    with torch.inference_mode():
        logits: Floats = head(_padded(z)).logits.numpy().astype(np.float64)
    return logits
