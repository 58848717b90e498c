"""One network of a classifier: what inner folds choose for it, and its final training on all documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median_low
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hilbert.config import HilbertConfig
from hilbert.features.bags import Bags, Packed
from hilbert.model.linear import Folds
from hilbert.training.fit import Fit, Prepared, make_dataset
from hilbert.training.heads import InnerFold, LogisticHead
from hilbert.training.loop import History
from hilbert.training.selection import Judged
from hilbert.training.tasks import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Looked = Callable[[Floats, Ints, Ints], None]
"""Called after each inner training: embeddings (labelled docs, 3 width), places of its training and test documents."""


class Documents(NamedTuple):
    """What a classifier is fitted on: bags with class numbers and group numbers, (docs,) each, −1 = unlabelled.

    ``labelled``: rows with a label; ``folds``: inner (train, test) places among them; ``classes``: how many.
    """

    bags: Bags
    target: Ints
    groups: Ints
    labelled: Ints
    folds: Folds
    classes: int

    def judged(self) -> Judged:
        """What a share is chosen on."""
        fold_of = np.full(len(self.labelled), -1)
        for number, (_, test) in enumerate(self.folds):
            fold_of[test] = number
        return Judged(self.target[self.labelled], fold_of, self.groups[self.labelled])

    def rows(self, train: Ints, test: Ints) -> Rows:
        """Rows of an inner fold, with the unlabelled documents of groups that it does not hold out."""
        held_out = self.labelled[test]
        unlabelled = np.flatnonzero(self.target < 0)
        free = unlabelled[~np.isin(self.groups[unlabelled], self.groups[held_out])]
        return Rows(np.concatenate([self.labelled[train], free]), held_out)


class Train(Protocol):
    """Trains a network on rows; ``name`` tells its checkpoint and its progress from those of others."""

    def __call__(
        self, config: HilbertConfig, prepared: Prepared, name: str, rows: Rows, epochs: dict[str, int] | None = None
    ) -> Fit:
        """Until ``epochs`` of each stage, or until held-out rows stop it."""


@dataclass
class Member:
    """A network whose epochs, and the C of its readout where it has one, inner folds have chosen.

    ``out_of_fold``: its inner logits (labelled docs, classes), NaN where no trained fold tested; ``history``: curves of
    the first inner training; ``fit``: the final training, once ``finish`` made it. One that was loaded has none of
    these but the fit.
    """

    config: HilbertConfig
    epochs: dict[str, int]
    readout: LogisticHead | None
    out_of_fold: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    history: History = field(default_factory=list)
    fit: Fit | None = None

    @classmethod
    def select(
        cls, config: HilbertConfig, documents: Documents, prepared: Prepared, train: Train, seed: int, prefix: str = "",
        looked: Looked | None = None,
    ) -> Member:  # fmt: skip
        """Train on the inner folds; ``prefix`` goes before the names of the trainings."""
        labelled, count = documents.labelled, documents.classes
        own = documents.target[labelled]
        fits: list[Fit] = []
        inner: list[InnerFold] = []
        out_of_fold = np.full((len(labelled), count), np.nan)
        for number, (inside, test) in enumerate(documents.folds[: config.selection.trained]):
            fit = train(config, prepared, f"{prefix}inner-{number}", documents.rows(inside, test))
            fits.append(fit)
            z = fit.representation.embed_dataset(prepared.data, labelled).astype(np.float64)
            out_of_fold[test] = fit.head_logits(z[test])
            if looked is not None:
                looked(z, inside, test)
            inner.append(InnerFold(z[inside], own[inside], z[test], own[test], test))
        epochs = {stage: median_low(fit.epochs[stage] for fit in fits) for stage in fits[0].epochs}
        readout = None
        if config.head.readout:
            readout = LogisticHead()
            out_of_fold = readout.select(inner, len(labelled), count, seed)
        return cls(config, epochs, readout, out_of_fold, fits[0].history)

    def finish(self, documents: Documents, prepared: Prepared, train: Train, seed: int, prefix: str = "") -> Fit:
        """Train on all documents for the chosen epochs, and fit the readout on all labelled ones."""
        everyone = np.arange(len(documents.bags))
        self.fit = train(self.config, prepared, f"{prefix}final", Rows(everyone, everyone[:0]), self.epochs)
        if self.readout is not None:
            z = self.fit.representation.embed_dataset(prepared.data, documents.labelled).astype(np.float64)
            self.readout.fit(z, documents.target[documents.labelled], documents.classes, seed)
        return self.fit

    @property
    def finished(self) -> Fit:
        """The final training. Raises ValueError before ``finish``."""
        if self.fit is None:
            raise ValueError("this network was trained on inner folds only")
        return self.fit

    def logits(self, z: Floats) -> Floats:
        """(docs, classes) of embeddings: of the readout where there is one, else of the head."""
        return self.finished.head_logits(z) if self.readout is None else self.readout.logits(z)

    def judge(self, bags: Bags) -> Floats:
        """(docs, classes) of documents."""
        return self.logits(self.finished.representation.embed(bags).astype(np.float64))

    def embed(self, packed: tuple[Packed, Packed]) -> Floats:
        """(docs, 3 width) of documents whose inputs are transformed already."""
        representation = self.finished.representation
        data = make_dataset(packed, device=representation.device)
        return representation.embed_dataset(data).astype(np.float64)
