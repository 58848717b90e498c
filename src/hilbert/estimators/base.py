"""What both estimators share: parameters, configuration, embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.config import HilbertConfig
from hilbert.errors import InputError, ModelError
from hilbert.features.bags import Bags
from hilbert.training.checkpoint import data_hash
from hilbert.training.fit import Fit, check_device
from hilbert.training.heads import OnInner
from hilbert.training.saving import check_features

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Overrides = Mapping[str, Any] | None


class BaseHilbert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: parameters, the resolved configuration and the embeddings."""

    uses_unlabelled = True
    version: ClassVar[int] = 4
    """Raised when the same configuration would give other predictions."""
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "model.width": [64, 128, 256],
        "model.dropout": [0.1, 0.2, 0.4],
        "training.learning_rate": [5e-4, 1e-3, 2e-3],
        "contrast.weight": [0.3, 1.0, 3.0],
        "head.kind": ["experts", "linear"],
    }
    """Values that the benchmark's tuning tries."""
    on_training: Callable[[int, int, str], None] | None = None
    """Called before each training of ``fit`` with trainings done, trainings in all, and the name of the next."""
    on_inner: OnInner | None = None

    fit_: Fit
    trained_on_: list[str]
    _data: str = ""

    def __init__(
        self,
        preset: str = "robust",
        config: Overrides | HilbertConfig = None,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: str | Path | None = None,
    ) -> None:
        self.preset = preset
        self.config = config
        self.seed = seed
        self.device = device
        self.checkpoint = checkpoint

    def _resolve(self) -> HilbertConfig:
        if isinstance(self.config, HilbertConfig):
            return self.config
        return HilbertConfig.load(self.preset, self.config)

    def _begin(self, bags: Bags, target: Ints, groups: Ints) -> HilbertConfig:
        if self.checkpoint is not None:
            # another fold of the same corpus has other documents: its training must never be resumed here
            self._data = data_hash(bags, target, groups)
        self.config_ = self._resolve()
        check_device(self.device)
        self.trained_on_ = bags.fingerprints()
        self.n_features_in_ = bags.audio.dim + bags.text.dim
        self.features_ = {"audio": bags.audio.dim, "text": bags.text.dim, "source": dict(bags.source)}
        return self.config_

    @staticmethod
    def _check(bags: Bags) -> None:
        if not isinstance(bags, Bags):
            raise InputError(f"expected hilbert.Bags (from a feature store), found {type(bags).__name__}")

    def _folder(self, name: str) -> Path | None:
        """Where one training may resume: a folder for this configuration, seed and data."""
        if self.checkpoint is None:
            return None
        return Path(self.checkpoint) / f"{self.config_.hash}-{self.seed}-{self._data}" / name

    def transform(self, X: Bags) -> NDArray[np.float32]:
        """[z_audio; z_text; z_joint] of each document, (docs, 3 width) float32.

        Raises NotFittedError before ``fit``, ModelError when the features are not of the kind it was fitted on.
        """
        check_is_fitted(self, "fit_")
        embeddings: NDArray[np.float32] = self.fit_.representation.embed(check_features(self.features_, X))
        return embeddings

    def embeddings(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """The same by name: "audio", "text" and "joint", each (docs, width)."""
        return by_name(self.transform(X))

    def retrieval_pair(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """Audio, text and joint (docs, projection) where the contrast compares them: what ``embeddings`` become there.

        Raises ModelError for a model read from a folder, which does not hold what only training needs.
        """
        check_is_fitted(self, "fit_")
        objective = self.fit_.objective
        if objective is None:
            raise ModelError("a saved model does not hold the space of contrast; use embeddings, or fit it again")
        heads = {"audio": objective.head_audio, "text": objective.head_text, "joint": objective.head_joint}
        with torch.inference_mode():
            return {
                name: heads[name](torch.as_tensor(z, device=self.fit_.representation.device)).cpu().numpy()
                for name, z in self.embeddings(X).items()
            }

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fit_")


def by_name(z: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """[z_audio; z_text; z_joint] (docs, 3 width) in its parts."""
    return dict(zip(("audio", "text", "joint"), np.split(z, 3, axis=1), strict=True))
