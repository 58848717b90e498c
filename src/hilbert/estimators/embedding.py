"""What both of HILBERT's estimators share: parameters, the resolved configuration and the embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.config import HilbertConfig
from hilbert.errors import ModelError
from hilbert.estimators.base import check_bags
from hilbert.estimators.inputs import DocumentInputs, InputMap
from hilbert.estimators.network import OnInner, by_name
from hilbert.estimators.saving import check_features
from hilbert.features.bags import Bags
from hilbert.nn.pooled import PooledBlocks
from hilbert.training.checkpoint import data_hash
from hilbert.training.data import Dataset, make_dataset
from hilbert.training.fit import Fit, check_device

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Overrides = Mapping[str, Any] | None
Progress = Callable[[int, int, str], None]


class BaseHilbert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Parameters, configuration and embeddings of a model with HILBERT's network.

    ``progress`` is called before each training of ``fit`` with trainings done, trainings in all, and the name of the
    next; ``on_inner`` after each inner training with its embeddings.
    """

    uses_unlabelled = True

    fit_: Fit
    inputs_: InputMap
    data_: Dataset
    """What the network was trained on; a model that was read from a folder has none."""
    trained_on_: list[str]

    def __init__(
        self,
        preset: str = "robust",
        config: Overrides | HilbertConfig = None,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
        on_inner: OnInner | None = None,
    ) -> None:
        self.preset = preset
        self.config = config
        self.seed = seed
        self.device = device
        self.checkpoint = checkpoint
        self.progress = progress
        self.on_inner = on_inner

    def _begin(self, X: Bags) -> HilbertConfig:
        check_bags(X)
        check_device(self.device)
        self.__dict__.pop("fit_", None)  # until this fit is done, the model is not fitted
        given = self.config
        self.config_ = given if isinstance(given, HilbertConfig) else HilbertConfig.load(self.preset, given)
        self.trained_on_ = X.fingerprints()
        self.n_features_in_ = X.audio.dim + X.text.dim
        self.features_ = {"audio": X.audio.dim, "text": X.text.dim, "source": dict(X.source)}
        return self.config_

    def _read(self, X: Bags, target: Ints, groups: Ints) -> DocumentInputs:
        """Fit the inputs on all documents, and keep what the network is trained on."""
        config = self.config_
        self.inputs_, inputs = InputMap.fit(X, config, self.seed, self.device)
        terms = (config.cka, config.balance)
        references = None
        if any(term is not None and term.weight for term in terms):
            pooled = [inputs.audio, inputs.text]
            references = PooledBlocks.fit_pooled(pooled).transform_pooled(pooled)
        self.data_ = make_dataset(inputs.network, references, target, groups)
        return inputs

    def _folder(self, X: Bags) -> Callable[[str], Path | None]:
        """Where each training may resume: a folder for this configuration, seed and data, and no other."""
        if self.checkpoint is None:
            return lambda name: None
        data = data_hash(X, self.data_.target.cpu().numpy(), self.data_.groups.cpu().numpy())
        place = Path(self.checkpoint) / f"{self.config_.hash}-{self.seed}-{data}"
        return lambda name: place / name

    def transform(self, X: Bags) -> NDArray[np.float32]:
        """[z_audio; z_text; z_joint] of each document, (docs, 3 width) float32.

        Raises NotFittedError before ``fit``, ModelError when the features are not of the kind it was fitted on.
        """
        check_is_fitted(self, "fit_")
        return self._embed(self.inputs_(check_features(self.features_, X)))

    def _embed(self, inputs: DocumentInputs) -> NDArray[np.float32]:
        return self.fit_.embed(make_dataset(inputs.network))

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
                name: heads[name](torch.as_tensor(z, device=self.fit_.device)).cpu().numpy()
                for name, z in self.embeddings(X).items()
            }

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fit_")
