"""HILBERT as scikit-learn estimators over bags of segment features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median_low
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils.validation import check_is_fitted

from hilbert.config import HilbertConfig
from hilbert.errors import InputError
from hilbert.features.bags import Bags
from hilbert.model.build import VectorInputs
from hilbert.model.documents import DocumentVectors
from hilbert.model.linear import LinearCore, softmax
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds
from hilbert.training.checkpoint import data_hash
from hilbert.training.fit import Fit, Prepared, check_device, fit_network, make_dataset, prepare
from hilbert.training.heads import InnerFold, LogisticHead, OnInner
from hilbert.training.saving import check_features, load_fit, load_header, save_fit
from hilbert.training.selection import blend, choose_alpha
from hilbert.training.stability import VectorReadout
from hilbert.training.tasks import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Overrides = Mapping[str, Any] | None
HELD_OUT = 0.2


class _Hilbert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: parameters, the resolved configuration and the embeddings."""

    uses_unlabelled = True
    version: ClassVar[int] = 3
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
        return _by_name(self.transform(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fit_")


class HilbertEmbedder(_Hilbert):
    """Document embeddings learnt without labels: one stage, stopped early on held-out groups, then refitted."""

    def fit(self, X: Bags, y: Labels | None = None, groups: Labels | None = None) -> Self:
        """Learn from all documents; ``y`` is ignored, documents of one group are no negatives of each other."""
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


class HilbertClassifier(ClassifierMixin, _Hilbert):  # type: ignore[misc]
    """HILBERT with its classifier; in the ``robust`` preset beside a linear core.

    logits = (1 − α) core(pooled features) + α network([z_audio; z_text; z_joint]). Epochs, C and α are chosen on inner
    grouped folds; α is 0 unless its gain exceeds one standard error, and with α = 0 the model is `concat-lr`.

    After ``fit``: ``classes_``, ``alpha_``, ``selection_`` (gain and its error), ``core_``, ``untrained_`` (what the
    document vectors say without training, and how strongly their stability counts), ``epochs_``,
    ``history_`` (a row an epoch with every loss term of the first inner fold), ``config_``.
    """

    on_prepared: Callable[[Prepared], None] | None = None
    """Called by ``fit`` with the training documents as the network reads them, which the model does not keep."""

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; those with label None only shape the representation."""
        self._check(X)
        self.classes_, target = encode_labels(np.asarray(y, dtype=object).tolist())
        if len(self.classes_) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in self.classes_]}")
        if len(target) != len(X):
            raise InputError(f"labels: expected one (or None) for each of {len(X)} documents, found {len(target)}")
        count = len(self.classes_)
        numbers = encode_groups(groups, len(X))
        config = self._begin(X, target, numbers)
        labelled, unlabelled = np.flatnonzero(target >= 0), np.flatnonzero(target < 0)
        group_labels = None if groups is None else np.asarray(groups, dtype=object)[labelled]
        folds = inner_folds(target[labelled], group_labels, config.selection.folds, self.seed)
        self.core_ = None
        if config.core.enabled:
            self.core_ = LinearCore().fit(X[labelled], target[labelled], count, folds)

        everyone = np.arange(len(X))
        prepared = prepare(config, X, target, numbers, everyone, self.seed, self.device)
        self.untrained_ = None
        if config.model.backbone == "prototypes":
            self.untrained_ = VectorReadout()
            prepared = self.untrained_.fit(prepared, config.prototypes.stability, X, target, labelled, folds, count)
        if self.on_prepared is not None:
            self.on_prepared(prepared)
        trainings = min(len(folds), config.selection.trained) + 1
        done = 0

        def train(name: str, rows: Rows, epochs: dict[str, int] | None = None) -> Fit:
            nonlocal done
            if self.on_training is not None:
                self.on_training(done, trainings, name)
            done += 1
            return fit_network(
                config, X, target, numbers, rows, classes=count, seed=self.seed, device=self.device,
                epochs=epochs, checkpoint=self._folder(name), prepared=prepared,
            )  # fmt: skip

        fits: list[Fit] = []
        inner: list[InnerFold] = []
        out_of_fold = np.full((len(labelled), count), np.nan)
        for number, (inner_train, inner_test) in enumerate(folds[: config.selection.trained]):
            held_out = labelled[inner_test]
            free = unlabelled[~np.isin(numbers[unlabelled], numbers[held_out])]
            fit = train(f"inner-{number}", Rows(np.concatenate([labelled[inner_train], free]), held_out))
            fits.append(fit)
            z = fit.representation.embed_dataset(prepared.data, labelled).astype(np.float64)
            out_of_fold[inner_test] = fit.head_logits(z[inner_test])
            own = target[labelled]
            if self.on_inner is not None:
                self.on_inner(_by_name(z), inner_train, inner_test)
            inner.append(InnerFold(z[inner_train], own[inner_train], z[inner_test], own[inner_test], inner_test))
        self.history_ = fits[0].history
        self.epochs_ = {stage: median_low(fit.epochs[stage] for fit in fits) for stage in fits[0].epochs}
        self.readout_ = None
        if config.head.readout:
            self.readout_ = LogisticHead()
            out_of_fold = self.readout_.select(inner, len(labelled), count, self.seed)
        self.alpha_: float = 1.0
        self.selection_: dict[str, float] = {}
        if self.core_ is not None:
            self.alpha_, self.selection_ = choose_alpha(
                target[labelled], self.core_.fold_of, numbers[labelled],
                self.core_.out_of_fold, out_of_fold, config.core.alphas,
            )  # fmt: skip
        self.fit_ = train("final", Rows(everyone, everyone[:0]), self.epochs_)
        if self.readout_ is not None:
            z = self.fit_.representation.embed_dataset(prepared.data, labelled).astype(np.float64)
            self.readout_.fit(z, target[labelled], count, self.seed)
        modules = (self.fit_.representation.network, self.fit_.head)
        self.n_parameters_ = sum(p.numel() for module in modules if module is not None for p in module.parameters())
        return self

    def _network_logits(self, z: Floats) -> Floats:
        """The logits of the readout where there is one, else the head's."""
        return self.fit_.head_logits(z) if self.readout_ is None else self.readout_.logits(z)

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes) in float64."""
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        if self.core_ is not None and not self.alpha_:
            return self.core_.logits(X)
        network = self._network_logits(self.fit_.representation.embed(X).astype(np.float64))
        return network if self.core_ is None else blend(self.core_.logits(X), network, self.alpha_)

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes), in the order of ``classes_``."""
        return softmax(self.decision_function(X))

    def predict(self, X: Bags) -> NDArray[Any]:
        """The most probable class of each document."""
        logits = self.decision_function(X)  # which says so when there are no classes yet
        winners: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return winners

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of the parts, which every result table shows beside the whole.

        "no core": the network without its linear core; "experts": the head that a readout stands in for;
        "no training": logistic regression on the document vectors that the network starts from.
        """
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        found = self._variants(self.fit_.representation.embed(X).astype(np.float64))
        inputs = self.fit_.representation.inputs
        return found | self._untrained(inputs.documents(X) if isinstance(inputs, VectorInputs) else None)

    def _variants(self, z: Floats) -> dict[str, Floats]:
        found = {} if self.core_ is None else {"no core": softmax(self._network_logits(z))}
        return found if self.readout_ is None else found | {"experts": softmax(self.fit_.head_logits(z))}

    def _untrained(self, vectors: DocumentVectors | None) -> dict[str, Floats]:
        inputs = self.fit_.representation.inputs
        if self.untrained_ is None or vectors is None or not isinstance(inputs, VectorInputs):
            return {}
        return {"no training": softmax(self.untrained_.logits(inputs, vectors))}

    def recombined(self, X: Bags) -> Callable[[Ints, Ints], dict[str, Floats]]:
        """Predict documents made of the audio of some and the text of others; ``X`` itself is transformed once.

        The function that is returned takes rows of X for the audio and for the text, (docs,) each. It gives the
        probabilities of ``predict_proba`` as "", and those of ``variants``.
        """
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        representation, core = self.fit_.representation, self.core_
        inputs = representation.inputs.recombiner(X)
        pooled = [] if core is None else core.inputs(X)

        def predict(audio: Ints, text: Ints) -> dict[str, Floats]:
            made = inputs(audio, text)
            data = make_dataset(made.packed, device=representation.device)
            z = representation.embed_dataset(data).astype(np.float64)
            logits = self._network_logits(z)
            if core is not None:
                linear = core.map(np.hstack([part[rows] for part, rows in zip(pooled, (audio, text), strict=True)]))
                logits = blend(linear, logits, self.alpha_)
            return {"": softmax(logits), **self._variants(z), **self._untrained(made.vectors)}

        return predict

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors, JSON and a model card; never pickle."""
        check_is_fitted(self, "fit_")
        header = {
            "estimator": "classifier",
            "classes": self.classes_.tolist(),
            "alpha": self.alpha_,
            # a gain is undefined where no inner fold holds two classes
            "selection": {k: v if np.isfinite(v) else None for k, v in self.selection_.items()},
            "core": self.core_.chosen if self.core_ is not None else None,
            "epochs": self.epochs_,
            "seed": self.seed,
            "features": self.features_,
            "trained_on": self.trained_on_,
        }
        untrained = None if self.untrained_ is None else self.untrained_.head
        parts = {"core": self.core_, "readout": self.readout_, "untrained": untrained}
        return save_fit(Path(folder), self.config_, self.fit_, header, parts)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises ModelError when it is missing or damaged."""
        header = load_header(Path(folder), "classifier")
        data = header.data
        model = cls(config=header.config, seed=data["seed"], device=device)
        model.config_, model.epochs_, model.features_ = header.config, data["epochs"], data["features"]
        model.trained_on_ = data["trained_on"]
        model.classes_, model.alpha_, model.selection_ = (
            np.array(data["classes"]),
            data["alpha"],
            data["selection"],
        )
        model.fit_, parts = load_fit(Path(folder), header, device)
        model.core_, model.readout_ = parts.core, parts.readout
        model.untrained_ = None if parts.untrained is None else VectorReadout.of(parts.untrained)
        if model.core_ is not None:
            model.core_.chosen = data["core"]
        model.history_ = []
        return model


def _by_name(z: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """[z_audio; z_text; z_joint] (docs, 3 width) in its parts."""
    return dict(zip(("audio", "text", "joint"), np.split(z, 3, axis=1), strict=True))
