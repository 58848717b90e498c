"""Document embeddings learnt without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils.validation import check_is_fitted

from hilbert.errors import InputError
from hilbert.estimators.base import BaseHilbert
from hilbert.features.bags import Bags
from hilbert.splits import Labels, encode_groups
from hilbert.training.fit import fit_network
from hilbert.training.saving import load_fit, load_header, save_fit
from hilbert.training.tasks import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HELD_OUT = 0.2


class HilbertEmbedder(BaseHilbert):
    """Document embeddings learnt without labels: one stage, stopped early on held-out groups, then refitted."""

    def fit(self, X: Bags, y: Labels | None = None, groups: Labels | None = None) -> Self:
        """Learn from all documents; ``y`` is ignored, documents of one group are no negatives of each other.

        groups: (docs,), None for each document its own. Raises InputError for other than bags, or fewer than two
        groups; UsageError for groups of another number, or a device that is not there.
        """
        self._check(X)
        numbers = encode_groups(groups, len(X))
        everyone, nothing = np.arange(len(X)), np.full(len(X), -1)
        if len(np.unique(numbers)) < 2:
            raise InputError(f"embedder: expected documents of at least 2 groups, found {len(X)} of one group or none")
        config = self._begin(X, nothing, numbers)
        splitter = GroupShuffleSplit(1, test_size=HELD_OUT, random_state=self.seed)
        train, held_out = next(splitter.split(everyone, groups=numbers))
        common: dict[str, Any] = {"seed": self.seed, "device": self.device}
        inner = fit_network(
            config, X, nothing, numbers, Rows(train, held_out), checkpoint=self._folder("inner-0"), **common
        )
        self.epochs_, self.history_ = inner.epochs, inner.history
        self.fit_ = fit_network(
            config, X, nothing, numbers, Rows(everyone, everyone[:0]), epochs=inner.epochs,
            checkpoint=self._folder("final"), **common,
        )  # fmt: skip
        return self

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors, JSON and a model card; never pickle."""
        check_is_fitted(self, "fit_")
        header = {
            "estimator": "embedder",
            "seed": self.seed,
            "epochs": self.epochs_,
            "features": self.features_,
            "trained_on": self.trained_on_,
        }
        return save_fit(Path(folder), self.config_, self.fit_, header)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises ModelError when it is missing or damaged."""
        header = load_header(Path(folder), "embedder")
        model = cls(config=header.config, seed=header.data["seed"], device=device)
        model.config_, model.epochs_, model.features_ = (
            header.config,
            header.data["epochs"],
            header.data["features"],
        )
        model.trained_on_ = header.data["trained_on"]
        model.fit_, _ = load_fit(Path(folder), header, device)
        return model
