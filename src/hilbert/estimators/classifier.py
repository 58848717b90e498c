"""HILBERT with its classifier: voice, words, document vectors and the trained network, mixed and calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hilbert.config import HilbertConfig
from hilbert.estimators.base import BagClassifier, Decide, Targets, class_costs
from hilbert.estimators.embedding import BaseHilbert, Floats, Ints, Overrides, Progress
from hilbert.estimators.inputs import DocumentInputs
from hilbert.estimators.mixture import Mixture
from hilbert.estimators.network import NetworkClassifier, OnInner, trainer
from hilbert.estimators.saving import Saved, check_features, load_model, save_model
from hilbert.features.bags import Bags
from hilbert.nn.documents import STRENGTHS, weightings
from hilbert.nn.linear import PooledLogistic, VectorLogistic, softmax
from hilbert.splits import Labels

POOLED = {"voice": ("audio",), "words": ("text",), "both": ("audio", "text")}
TRAINED = ("network", "experts")
VECTOR_STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-1, 4))  # C from 0.3 to 30
Linear = PooledLogistic | VectorLogistic


class HilbertClassifier(BagClassifier, BaseHilbert):
    """HILBERT with its classifier: members, each of which judges alone, mixed by one weight each (``Mixture``).

    In the ``robust`` preset the members are voice, words and both (logistic regression on pooled features), steady and
    changing (on document vectors, in which prototypes of one modality attend to the other) and network (on z_audio,
    z_text and z_joint, which the dual contrast and the experts' loss have shaped). With fewer than 200 labels voice,
    words and network are left out. ``paper`` is the abstract's model alone: cross-modal attention and pooling on
    segments, and its experts.

    After ``fit``: ``classes_``; ``shares_``, member → its share in the logits; ``mixture_``, ``linear_`` and
    ``network_``, the fitted parts; ``epochs_``; ``history_`` (a row an epoch with every loss term of the first inner
    fold); ``config_``.
    """

    version = 5
    members_: tuple[str, ...]
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "network.width": [32, 64, 128],
        "network.dropout": [0.1, 0.2, 0.4],
        "training.learning_rate": [5e-4, 1e-3, 2e-3],
        "contrast.weight": [0.3, 1.0, 3.0],
        "head.kind": ["experts", "linear"],
    }

    def __init__(
        self,
        preset: str = "robust",
        config: Overrides | HilbertConfig = None,
        seed: int = 0,
        device: str = "cpu",
        decide: Decide = "balanced",
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
        on_inner: OnInner | None = None,
    ) -> None:
        super().__init__(preset, config, seed, device, checkpoint, progress, on_inner)
        self.decide = decide

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; those with label None only shape the representation.

        y: (docs,) labels of any type, None where there is none; groups: (docs,) whom a document belongs to, None for
        each its own. Raises InputError for other than bags, labels of another number, or fewer than two classes;
        UsageError for groups of another number or too few of them, or a device that is not there; HilbertError where a
        gradient is not finite.
        """
        config = self._begin(X)
        targets = Targets.of(y, groups, len(X), config.stack.folds, self.seed)
        self.classes_, self.prior_ = targets.classes, targets.prior
        class_costs(self.decide, self.classes_, self.prior_)  # so that a wrong one is found before the training
        inputs = self._read(X, targets.numbers, targets.groups)
        self.members_ = config.stack.chosen(len(targets.labelled))
        self.linear_ = self._fit_linear(X, inputs, targets)
        trained = [name for name in self.members_ if name in TRAINED]
        train = trainer(
            config, self.data_, classes=len(self.classes_), seed=self.seed, device=self.device, folder=self._folder(X),
            progress=self.progress, total=len(targets.folds) + 1 if trained else 1,
        )  # fmt: skip
        self.network_ = NetworkClassifier.train(self.data_, targets, trained, train, self.on_inner)
        tables = {name: model.out_of_fold for name, model in self.linear_.items()} | self.network_.out_of_fold
        self.mixture_ = Mixture.fit([tables[name] for name in self.members_], targets.known)
        self.parts_ = {
            part: (names, Mixture.fit([tables[name] for name in names], targets.known))
            for part, names in self._parts().items()
        }
        self.history_, self.epochs_ = self.network_.history, self.network_.fit.epochs
        self.fit_ = self.network_.fit  # last: with it the classifier counts as fitted
        return self

    def _parts(self) -> dict[str, tuple[str, ...]]:
        """Parts of the model that tables show beside the whole: what it is without training, what training is alone."""
        untrained = tuple(name for name in self.members_ if name not in TRAINED)
        trained = tuple(name for name in self.members_ if name in TRAINED)
        return {"no training": untrained, "network": trained} if untrained and trained else {}

    def _fit_linear(self, X: Bags, inputs: DocumentInputs, targets: Targets) -> dict[str, Linear]:
        """The members that are logistic regressions."""
        rows, common = targets.labelled, (targets.known, len(targets.classes), targets.folds)
        vectorizer, found = self.inputs_.vectorizer, dict[str, Linear]()
        weighted = {}
        if vectorizer is not None and inputs.vectors is not None and set(STRENGTHS) & set(self.members_):
            weighted = weightings(X, vectorizer, inputs.vectors)
        for name in self.members_:
            if name in POOLED:
                found[name] = PooledLogistic.fit([part[rows] for part in self._of(name, inputs)], *common)
            elif name in weighted:
                read = self._of(name, inputs)[rows] @ weighted[name]
                fitted = VectorLogistic.fit(read, *common, strengths=VECTOR_STRENGTHS)
                found[name] = fitted.after(weighted[name])
        return found

    @staticmethod
    def _of(name: str, inputs: DocumentInputs) -> Any:
        """What a linear member reads."""
        if name in POOLED:
            return [getattr(inputs, modality) for modality in POOLED[name]]
        assert inputs.vectors is not None  # the configuration asks for them
        return inputs.vectors.rows

    @property
    def shares_(self) -> dict[str, float]:
        """Member → its share in the logits, which add up to 1."""
        return dict(zip(self.members_, self.mixture_.shares.tolist(), strict=True))

    @property
    def n_parameters_(self) -> int:
        """Numbers that the network has learnt, its head included."""
        modules = [module for module in (self.fit_.network, self.fit_.head) if module is not None]
        return sum(p.numel() for module in modules for p in module.parameters())

    def _logits(self, X: Bags) -> Floats:
        check_is_fitted(self, "fit_")  # classes alone are there after a fit that was interrupted, too
        members = self.member_logits(self.inputs_(check_features(self.features_, X)))
        return self.mixture_([members[name] for name in self.members_])

    def member_logits(self, inputs: DocumentInputs) -> dict[str, Floats]:
        """Member → its own logits (docs, classes), before mixing."""
        found = {name: model(self._of(name, inputs)) for name, model in self.linear_.items()}
        trained = [name for name in self.members_ if name in TRAINED]
        if trained:
            z = self._embed(inputs).astype(np.float64)
            found |= {name: self.network_.logits(name, z) for name in trained}
        return found

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of parts of the model, each mixed and calibrated by itself; nothing of one read from a folder.

        "no training": all members but the trained network; "network": that alone.
        """
        check_is_fitted(self, "fit_")
        return self._variants(self.member_logits(self.inputs_(check_features(self.features_, X))))

    def _variants(self, members: Mapping[str, Floats]) -> dict[str, Floats]:
        return {
            part: softmax(mixture([members[name] for name in names])) for part, (names, mixture) in self.parts_.items()
        }

    def recombined(self, X: Bags) -> Callable[[Ints, Ints], dict[str, Floats]]:
        """Predict documents made of the audio of some and the text of others; ``X`` itself is read once.

        The function that is returned takes rows of X for the audio and for the text, (docs,) each. It gives the
        probabilities of ``predict_proba`` as "", and those of ``variants``.
        """
        check_is_fitted(self, "fit_")
        read = self.inputs_.recombiner(check_features(self.features_, X))

        def predict(audio: Ints, text: Ints) -> dict[str, Floats]:
            members = self.member_logits(read(audio, text))
            whole = softmax(self.mixture_([members[name] for name in self.members_]))
            return {"": whole, **self._variants(members)}

        return predict

    def distances(self, X: Bags) -> dict[str, Floats]:
        """How far documents lie from the training ones: modality → (docs,), near 1 where they are alike, else larger.

        Root mean square of their pooled features in standard deviations, NaN for a missing modality. Nothing without
        members that know these deviations.
        """
        check_is_fitted(self, "fit_")
        inputs = self.inputs_(check_features(self.features_, X))
        found: dict[str, Floats] = {}
        for name, modalities in POOLED.items():
            model = self.linear_.get(name)
            if isinstance(model, PooledLogistic):
                found |= dict(zip(modalities, model.distances(self._of(name, inputs)), strict=True))
        return found

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors, JSON and a model card; never pickle."""
        check_is_fitted(self, "fit_")
        return save_model(
            Path(folder),
            Saved(
                "classifier", self.config_, self.seed, self.features_, self.trained_on_, self.fit_, self.inputs_,
                self.classes_, self.prior_, self.decide, self.members_, self.linear_, self.network_.readout,
                self.mixture_,
            ),
        )  # fmt: skip

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises ModelError when it is missing or damaged."""
        saved = load_model(Path(folder), "classifier", device)
        assert saved.mixture is not None  # a saved classifier has one
        model = cls(config=saved.config, seed=saved.seed, device=device, decide=saved.decide)
        saved.put_on(model)
        model.classes_, model.prior_ = saved.classes, saved.prior
        model.members_, model.linear_, model.mixture_ = saved.members, saved.linear, saved.mixture
        model.network_ = NetworkClassifier(saved.fit, saved.readout)
        model.history_, model.parts_ = [], {}
        return model
