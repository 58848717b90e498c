"""HILBERT's network as a classifier: its epochs are chosen on inner folds, then it is trained on all documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.config import HilbertConfig
from hilbert.estimators.base import Targets
from hilbert.nn.linear import VectorLogistic
from hilbert.training.data import Dataset, Rows
from hilbert.training.fit import Fit, fit_network
from hilbert.training.loop import History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Train = Callable[[str, Rows, dict[str, int] | None], Fit]
"""Trains a network: its name, rows to train on and to hold out, and the epochs at which to end, if known."""
OnInner = Callable[[dict[str, Floats], Ints, Ints], None]
"""Called after each inner training: embeddings (labelled docs, width) by name, its training and its test places."""


@dataclass(eq=False)
class NetworkClassifier:
    """The final training, and what predicts from its embeddings: a logistic regression, the network's experts, or both.

    ``readout``: None where nobody asked for it. ``out_of_fold``: "network" (the readout) and "experts" (the head) →
    inner out-of-fold logits (labelled docs, classes); ``history``: curves of the first inner training.
    """

    fit: Fit
    readout: VectorLogistic | None = None
    out_of_fold: dict[str, Floats] = field(default_factory=dict)
    history: History = field(default_factory=list)

    @classmethod
    def train(
        cls, data: Dataset, targets: Targets, members: Sequence[str], train: Train, on_inner: OnInner | None = None
    ) -> NetworkClassifier:
        """Train on the inner folds, then on all for the median of their best epochs.

        members: "network", "experts" or both; with neither the network stays as it starts. Unlabelled documents of
        groups that a fold does not hold out shape the representation.
        """
        everyone, known = np.arange(len(data)), targets.known
        if not members:
            return cls(train("start", Rows(everyone, everyone[:0]), {}))
        fits: list[Fit] = []
        inner: list[Floats] = []
        experts = np.full((len(known), len(targets.classes)), np.nan)
        for number, (train_places, test) in enumerate(targets.folds):
            one = train(f"inner-{number}", fold_rows(targets, train_places, test), None)
            z = one.embed(data, targets.labelled).astype(np.float64)
            experts[test] = one.head_logits(z[test])
            fits.append(one)
            inner.append(z)
            if on_inner is not None:
                on_inner(by_name(z), train_places, test)
        epochs = {stage: median_low(one.epochs[stage] for one in fits) for stage in fits[0].epochs}
        final = train("final", Rows(everyone, everyone[:0]), epochs)
        out_of_fold, readout = {"experts": experts}, None
        if "network" in members:
            z = final.embed(data, targets.labelled).astype(np.float64)
            readout = VectorLogistic.fit(z, known, len(targets.classes), targets.folds, inner=inner)
            out_of_fold["network"] = readout.out_of_fold
        return cls(final, readout, out_of_fold, fits[0].history)

    def logits(self, member: str, z: Floats) -> Floats:
        """(docs, classes) of embeddings (docs, 3 width)."""
        if member == "network" and self.readout is not None:
            return self.readout(z)
        return self.fit.head_logits(z)


def fold_rows(targets: Targets, train: Ints, test: Ints) -> Rows:
    """Rows of an inner fold, with the unlabelled documents of groups that it does not hold out."""
    held_out = targets.labelled[test]
    unlabelled = np.flatnonzero(targets.numbers < 0)
    free = unlabelled[~np.isin(targets.groups[unlabelled], targets.groups[held_out])]
    return Rows(np.concatenate([targets.labelled[train], free]), held_out)


def by_name(z: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """[z_audio; z_text; z_joint] (docs, 3 width) in its parts."""
    return dict(zip(("audio", "text", "joint"), np.split(z, 3, axis=1), strict=True))


def trainer(
    config: HilbertConfig,
    data: Dataset,
    *,
    classes: int,
    seed: int,
    device: str,
    folder: Callable[[str], Path | None],
    progress: Callable[[int, int, str], None] | None,
    total: int,
) -> Train:
    """What trains the networks of one fit; ``progress`` is called before each with trainings done and in all."""
    done = 0

    def train(name: str, rows: Rows, epochs: dict[str, int] | None) -> Fit:
        nonlocal done
        if progress is not None:
            progress(done, total, name)
        done += 1
        return fit_network(
            config, data, rows, classes=classes, seed=seed, device=device, epochs=epochs, checkpoint=folder(name)
        )

    return train
