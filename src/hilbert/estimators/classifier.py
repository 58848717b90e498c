"""HILBERT with its classifier: the core, the network on prototypes, the second network on segments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hilbert.config import HilbertConfig
from hilbert.errors import InputError
from hilbert.estimators.base import BaseHilbert, by_name
from hilbert.features.bags import Bags
from hilbert.model.build import VectorInputs
from hilbert.model.documents import DocumentVectors
from hilbert.model.linear import softmax
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds
from hilbert.training.calibration import Calibration, fit_calibration
from hilbert.training.common import fit_core, fit_readout, fit_transforms
from hilbert.training.fit import Fit, Prepared, fit_network
from hilbert.training.member import Documents, Member, Train
from hilbert.training.saving import Parts, check_features, load_fit, load_header, save_fit
from hilbert.training.selection import Comparison, blend, choose_alpha, choose_share, read, written
from hilbert.training.stability import VectorReadout
from hilbert.training.tasks import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class HilbertClassifier(ClassifierMixin, BaseHilbert):  # type: ignore[misc]
    """HILBERT with its classifier; in the ``robust`` preset beside a linear core and a second network on segments.

    logits = (1 − β) [(1 − α) core(pooled features) + α network([z_audio; z_text; z_joint])] + β second(segments).
    Epochs, C, α and β are chosen on inner grouped folds: α is ¾ unless network or core alone is clearly better than
    the other, β is 0 unless the second network adds something. With α = β = 0 the model is `concat-lr`. Where
    ``head.calibrate`` is set, logits get the scale and the offsets of ``calibration_``, which help decisions.

    After ``fit``: ``classes_``, ``alpha_`` and ``beta_`` (``selection_``: their gains and errors), ``calibration_``,
    ``core_``, ``untrained_`` (what the document vectors say without training, and how strongly their stability counts),
    ``network_`` and ``second_`` (None where its share is 0), ``epochs_``, ``history_`` (a row an epoch with every loss
    term of the first inner fold), ``config_``.
    """

    on_prepared: Callable[[Prepared], None] | None = None
    """Called by ``fit`` with the training documents as the network reads them, which the model does not keep."""

    network_: Member
    second_: Member | None

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; those with label None only shape the representation."""
        self._check(X)
        self.__dict__.pop("fit_", None)  # until this fit is done, the classifier is not fitted
        self.classes_, target = encode_labels(np.asarray(y, dtype=object).tolist())
        if len(self.classes_) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in self.classes_]}")
        if len(target) != len(X):
            raise InputError(f"labels: expected one (or None) for each of {len(X)} documents, found {len(target)}")
        count = len(self.classes_)
        numbers = encode_groups(groups, len(X))
        config = self._begin(X, target, numbers)
        labelled = np.flatnonzero(target >= 0)
        group_labels = None if groups is None else np.asarray(groups, dtype=object)[labelled]
        folds = inner_folds(target[labelled], group_labels, config.selection.folds, self.seed)
        documents = Documents(X, target, numbers, labelled, folds, count)
        self.core_ = None
        if config.core.enabled:
            self.core_ = fit_core(X[labelled], target[labelled], count, folds)

        prepared = self._prepare(config, documents)
        self.untrained_ = None
        if config.model.backbone == "prototypes":
            made_of = config.transforms, numbers, self.seed, self.device
            self.untrained_, prepared = fit_readout(
                prepared, made_of, config.prototypes.stability, X, target, labelled, folds, count
            )
        if self.on_prepared is not None:
            self.on_prepared(prepared)
        train = self._trainer(documents)
        look = self.on_inner
        looked = None if look is None else lambda z, inside, test: look(by_name(z), inside, test)
        self.network_ = Member.select(config, documents, prepared, train, self.seed, looked=looked)
        self.history_, self.epochs_ = self.network_.history, self.network_.epochs
        mixed = self._choose_alpha(documents)
        fit = self.network_.finish(documents, prepared, train, self.seed)
        self.second_, self.beta_ = None, 0.0
        if config.segments.enabled:
            mixed = self._fit_second(config.second(), documents, train, mixed)
        self.calibration_ = fit_calibration(mixed, target[labelled])
        self.fit_ = fit  # last: with it the classifier counts as fitted
        return self

    def _choose_alpha(self, documents: Documents) -> Floats:
        """Choose α; returns the inner out-of-fold logits of core and network together."""
        network = self.network_.out_of_fold
        self.alpha_: float = 1.0
        self.selection_: dict[str, Comparison] = {}
        if self.core_ is None:
            return network
        core, choice = self.core_.out_of_fold, self.config_.core
        self.alpha_, self.selection_["core"] = choose_alpha(
            documents.judged(), core, network, choice.alpha, choice.evidence
        )
        return blend(core, network, self.alpha_)

    def _fit_second(self, config: HilbertConfig, documents: Documents, train: Train, mixed: Floats) -> Floats:
        """Choose the share of the second network beside ``mixed``; it is finished only where it has one.

        Returns the inner out-of-fold logits of all parts together.
        """
        prepared = self._prepare(config, documents)
        second = Member.select(config, documents, prepared, train, self.seed, "segments-")
        choice = self.config_.segments
        self.beta_, self.selection_["segments"] = choose_share(
            documents.judged(), mixed, second.out_of_fold, choice.shares, choice.share, choice.evidence
        )
        if self.beta_:
            second.finish(documents, prepared, train, self.seed, "segments-")
            self.second_ = second
        return blend(mixed, second.out_of_fold, self.beta_)

    def _prepare(self, config: HilbertConfig, documents: Documents) -> Prepared:
        return fit_transforms(config, *documents[:3], self.seed, self.device)

    def _trainer(self, documents: Documents) -> Train:
        """What trains the networks of one ``fit``, says so, and lets them resume."""
        config, (bags, target, groups) = self.config_, documents[:3]
        total = (min(len(documents.folds), config.selection.trained) + 1) * (1 + config.segments.enabled)
        done = 0

        def train(
            config: HilbertConfig, prepared: Prepared, name: str, rows: Rows, epochs: dict[str, int] | None = None
        ) -> Fit:
            nonlocal done
            if self.on_training is not None:
                self.on_training(done, total, name)
            done += 1
            return fit_network(
                config, bags, target, groups, rows, classes=documents.classes, seed=self.seed, device=self.device,
                epochs=epochs, checkpoint=self._folder(name), prepared=prepared,
            )  # fmt: skip

        return train

    @property
    def n_parameters_(self) -> int:
        """Numbers that the networks have learnt, heads included."""
        fits = [member.fit for member in (self.network_, self.second_) if member is not None and member.fit is not None]
        modules = [module for fit in fits for module in (fit.representation.network, fit.head) if module is not None]
        return sum(p.numel() for module in modules for p in module.parameters())

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes) in float64."""
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        core = None if self.core_ is None else self.core_.logits(X)
        network = self.network_.judge(X) if core is None or self.alpha_ else core
        return self._final(self._joined(core, network, None if self.second_ is None else self.second_.judge(X)))

    def _final(self, joined: Floats) -> Floats:
        return self.calibration_(joined) if self.config_.head.calibrate else joined

    def _joined(self, core: Floats | None, network: Floats, second: Floats | None) -> Floats:
        logits = network if core is None else blend(core, network, self.alpha_)
        return logits if second is None else blend(logits, second, self.beta_)

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes), in the order of ``classes_``."""
        return softmax(self.decision_function(X))

    def predict(self, X: Bags) -> NDArray[Any]:
        """The most probable class of each document."""
        logits = self.decision_function(X)  # which says so when there are no classes yet
        winners: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return winners

    def distances(self, X: Bags) -> dict[str, Floats]:
        """How far documents lie from the training ones: modality → (docs,), near 1 where they are alike, else larger.

        Root mean square of their pooled features in standard deviations, NaN for a missing modality. Nothing without a
        linear core, which knows these deviations.
        """
        check_is_fitted(self, "fit_")
        return {} if self.core_ is None else self.core_.distances(check_features(self.features_, X))

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of the parts, which every result table shows beside the whole.

        "no core": the network without its linear core; "one network": with the core, without the second network;
        "experts": the head that a readout stands in for; "no training": logistic regression on the document vectors
        that the network starts from; "calibrated": the whole as ``head.calibrate`` makes it, where that is not set.
        """
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        z = self.fit_.representation.embed(X).astype(np.float64)
        inputs = self.fit_.representation.inputs
        core = None if self.core_ is None else self.core_.logits(X)
        found = self._variants(z, core, None if self.second_ is None else self.second_.judge(X))
        return found | self._untrained(inputs.documents(X) if isinstance(inputs, VectorInputs) else None)

    def _variants(self, z: Floats, core: Floats | None, second: Floats | None) -> dict[str, Floats]:
        network = self.network_.logits(z)
        found = {}
        if not self.config_.head.calibrate:
            found["calibrated"] = softmax(self.calibration_(self._joined(core, network, second)))
        if core is not None:
            found["no core"] = softmax(network)
        if self.config_.segments.enabled:
            found["one network"] = softmax(self._joined(core, network, None))
        if self.network_.readout is not None:
            found["experts"] = softmax(self.fit_.head_logits(z))
        return found

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
        core = self.core_
        members = [member for member in (self.network_, self.second_) if member is not None]
        inputs = [member.finished.representation.inputs.recombiner(X) for member in members]
        pooled = [] if core is None else core.inputs(X)

        def predict(audio: Ints, text: Ints) -> dict[str, Floats]:
            made = [transform(audio, text) for transform in inputs]
            embedded = [member.embed(found.packed) for member, found in zip(members, made, strict=True)]
            linear = None
            if core is not None:
                linear = core.map(np.hstack([part[rows] for part, rows in zip(pooled, (audio, text), strict=True)]))
            second = None if self.second_ is None else self.second_.logits(embedded[1])
            whole = self._final(self._joined(linear, self.network_.logits(embedded[0]), second))
            parts = self._variants(embedded[0], linear, second)
            return {"": softmax(whole), **parts, **self._untrained(made[0].vectors)}

        return predict

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors, JSON and a model card; never pickle."""
        check_is_fitted(self, "fit_")
        header = {
            "estimator": "classifier",
            "classes": self.classes_.tolist(),
            "alpha": self.alpha_,
            "beta": self.beta_,
            "selection": written(self.selection_),
            "calibration": self.calibration_.written(),
            "core": self.core_.chosen if self.core_ is not None else None,
            "epochs": self.epochs_,
            "segments_epochs": None if self.second_ is None else self.second_.epochs,
            "seed": self.seed,
            "features": self.features_,
            "trained_on": self.trained_on_,
        }
        untrained = None if self.untrained_ is None else self.untrained_.head
        parts = Parts(self.core_, self.network_.readout, untrained)
        if self.second_ is not None:
            parts = parts._replace(second=self.second_.finished, second_readout=self.second_.readout)
        return save_fit(Path(folder), self.config_, self.fit_, header, parts)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises ModelError when it is missing or damaged."""
        header = load_header(Path(folder), "classifier")
        config, data = header.config, header.data
        model = cls(config=config, seed=data["seed"], device=device)
        model.config_, model.epochs_, model.features_ = config, data["epochs"], data["features"]
        model.trained_on_, model.classes_ = data["trained_on"], np.array(data["classes"])
        model.alpha_, model.beta_, model.selection_ = data["alpha"], data["beta"], read(data["selection"])
        model.calibration_ = Calibration.read(data["calibration"], len(model.classes_))
        model.fit_, parts = load_fit(Path(folder), header, device)
        model.core_, second = parts.core, parts.second
        model.network_ = Member(config, model.epochs_, parts.readout, fit=model.fit_)
        model.second_ = None
        if second is not None:
            model.second_ = Member(config.second(), second.epochs, parts.second_readout, fit=second)
        model.untrained_ = None if parts.untrained is None else VectorReadout.of(parts.untrained)
        if model.core_ is not None:
            model.core_.chosen = data["core"]
        model.history_ = []
        return model
