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
from hilbert.estimators.base import by_name
from hilbert.estimators.parts import JudgingParts
from hilbert.features.bags import Bags
from hilbert.model.linear import softmax
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds
from hilbert.training.calibration import Calibration, fit_calibration
from hilbert.training.common import fit_core, fit_readout, fit_transforms
from hilbert.training.fit import Fit, Prepared, fit_network
from hilbert.training.member import Documents, Member, Train
from hilbert.training.saving import Parts, load_fit, load_header, save_fit
from hilbert.training.selection import Comparison, blend, choose_alpha, choose_share, read, written
from hilbert.training.stability import VectorReadout
from hilbert.training.tasks import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class HilbertClassifier(ClassifierMixin, JudgingParts):  # type: ignore[misc]
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

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; those with label None only shape the representation.

        y: (docs,) labels of any type, None where there is none; groups: (docs,) whom a document belongs to, None for
        each its own. Raises InputError for other than bags, labels of another number, or fewer than two classes;
        UsageError for groups of another number or too few of them, or a device that is not there; HilbertError where a
        gradient is not finite.
        """
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
        self.alpha_ = 1.0
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

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes), in the order of ``classes_``."""
        return softmax(self.decision_function(X))

    def predict(self, X: Bags) -> NDArray[Any]:
        """The most probable class of each document."""
        logits = self.decision_function(X)  # which says so when there are no classes yet
        winners: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return winners

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
