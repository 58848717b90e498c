"""Document embeddings learnt without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils.validation import check_is_fitted

from hilbert.errors import InputError
from hilbert.estimators.embedding import BaseHilbert
from hilbert.estimators.network import trainer
from hilbert.estimators.saving import Saved, load_model, save_model
from hilbert.features.bags import Bags
from hilbert.splits import Labels, encode_groups
from hilbert.training.data import Rows

HELD_OUT = 0.2


class HilbertEmbedder(BaseHilbert):
    """Document embeddings learnt without labels: one stage, stopped early on held-out groups, then refitted."""

    def fit(self, X: Bags, y: Labels | None = None, groups: Labels | None = None) -> Self:
        """Learn from all documents; ``y`` is ignored, documents of one group are no negatives of each other.

        groups: (docs,), None for each document its own. Raises InputError for other than bags, or fewer than two
        groups; UsageError for groups of another number, or a device that is not there.
        """
        config = self._begin(X)
        numbers = encode_groups(groups, len(X))
        everyone, nothing = np.arange(len(X)), np.full(len(X), -1)
        if len(np.unique(numbers)) < 2:
            raise InputError(f"embedder: expected documents of at least 2 groups, found {len(X)} of one group or none")
        self._read(X, nothing, numbers)
        splitter = GroupShuffleSplit(1, test_size=HELD_OUT, random_state=self.seed)
        train_rows, held_out = next(splitter.split(everyone, groups=numbers))
        train = trainer(
            config, self.data_, classes=0, seed=self.seed, device=self.device, folder=self._folder(X),
            progress=self.progress, total=2,
        )  # fmt: skip
        inner = train("inner-0", Rows(train_rows, held_out), None)
        self.epochs_, self.history_ = inner.epochs, inner.history
        self.fit_ = train("final", Rows(everyone, everyone[:0]), inner.epochs)
        return self

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors, JSON and a model card; never pickle."""
        check_is_fitted(self, "fit_")
        saved = Saved("embedder", self.config_, self.seed, self.features_, self.trained_on_, self.fit_, self.inputs_)
        return save_model(Path(folder), saved)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises ModelError when it is missing or damaged."""
        saved = load_model(Path(folder), "embedder", device)
        model = cls(config=saved.config, seed=saved.seed, device=device)
        saved.put_on(model)
        return model
