"""The training that all neural baselines share: folds, epochs, heads, and a linear model beside them."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_low
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from hilbert.baselines.base import Baseline, Floats
from hilbert.baselines.beside_linear import BesideLinear
from hilbert.baselines.heads import ExpertHead, InnerFold, LogisticHead
from hilbert.baselines.method import Method
from hilbert.baselines.trained import COMMON, Prepared, Trained, prepare_method, train_method
from hilbert.errors import UsageError
from hilbert.estimators.network import OnInner, fold_rows
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax
from hilbert.splits import Labels
from hilbert.training.data import Rows
from hilbert.training.fit import check_device


class NeuralBaseline(Baseline):
    """A method with HILBERT's protocol: the same inner folds and early stopping, then heads on its embeddings.

    ``**options`` override ``defaults``, which override what is common to all methods. The main output is the
    method's own classifier where it is supervised, else logistic regression on its embeddings; ``variants`` are
    the other heads, and "core": every head beside a linear model on pooled features (``BesideLinear``).

    on_inner: called after each inner training with its embeddings. After ``fit``: ``out_of_fold_``, inner out-of-fold
    logits (labelled docs, classes) of the main output.
    """

    method: ClassVar[type[Method]]
    common: ClassVar[Mapping[str, Any]] = COMMON
    defaults: ClassVar[Mapping[str, Any]] = {}
    space: ClassVar[Mapping[str, list[Any]]] = {
        "width": [32, 64, 128],
        "learning_rate": [5e-4, 1e-3, 2e-3, 4e-3],
        "dropout": [0.1, 0.2, 0.4],
    }
    uses_unlabelled = True

    def __init__(
        self, seed: int = 0, folds: int = 3, device: str = "cpu", on_inner: OnInner | None = None, **options: Any
    ) -> None:
        known = {**COMMON, **self.defaults}
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise UsageError(f"{type(self).__name__}: unknown option {unknown[0]!r}; known: {', '.join(known)}")
        if options.get("backbone", known["backbone"]) != known["backbone"]:
            raise UsageError(
                f"{type(self).__name__}: it reads {known['backbone']}; expected backbone {known['backbone']!r} or none"
            )
        self.seed, self.folds, self.device, self.on_inner, self.options = seed, folds, device, on_inner, options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters that were given, as scikit-learn's clone wants them."""
        watched = {} if self.on_inner is None else {"on_inner": self.on_inner}
        return {"seed": self.seed, "folds": self.folds, "device": self.device, **watched, **self.options}

    def set_params(self, **params: Any) -> Self:
        """Set parameters or options by name."""
        self.__init__(**{**self.get_params(), **params})  # type: ignore[misc]
        return self

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; an unsupervised method also learns from those with label None.

        Raises UsageError where this machine does not have the device.
        """
        check_device(self.device)
        targets = self._targets(X, y, groups, self.folds, self.seed)
        labelled, known, count = targets.labelled, targets.known, len(targets.classes)
        supervised = self.method.supervised
        prepared = prepare_method(self._all_options(), X, targets.numbers, targets.groups, self.seed, self.device)
        own = np.full((len(labelled), count), np.nan)
        inner, ends = [], []
        for train, test in targets.folds:
            held_out = labelled[test]
            rows = Rows(labelled[train], held_out) if supervised else fold_rows(targets, train, test)
            fitted = self._train(prepared, rows, None)
            ends.append(fitted.epochs)
            named = {name: z[labelled] for name, z in fitted.by_name(prepared.data).items()}
            if self.on_inner is not None:
                self.on_inner(named, train, test)
            z = np.concatenate(list(named.values()), axis=1)
            inner.append(InnerFold(z[train], known[train], z[test], known[test], test))
            if supervised:
                own[test] = fitted.logits(prepared.data)[held_out]
        self.epochs_ = median_low(ends)
        out_of_fold: dict[str, Floats] = {"own": own} if supervised else {}
        self.heads_: list[LogisticHead | ExpertHead] = [LogisticHead(), ExpertHead()]
        for head in self.heads_:
            out_of_fold[head.name] = head.select(inner, len(labelled), count, self.seed)
        self.out_of_fold_ = next(iter(out_of_fold.values()))
        groups_of = targets.groups[labelled]
        self.beside_ = BesideLinear.fit(X[labelled], known, groups_of, count, targets.folds, out_of_fold)
        everything = labelled if supervised else np.arange(len(X))
        self.fitted_ = self._train(prepared, Rows(everything, everything[:0]), self.epochs_)
        z = self.fitted_.embed(prepared.data)[labelled]
        for head in self.heads_:
            head.fit(z, known, count, self.seed)
        self.n_parameters_ = sum(p.numel() for p in self.fitted_.method.parameters())
        return self

    def head_logits(self, X: Bags) -> dict[str, Floats]:
        """Logits (docs, classes) of every head, the main one first."""
        check_is_fitted(self, "classes_")
        data = self.fitted_.dataset(X)
        found = {"own": self.fitted_.logits(data)} if self.method.supervised else {}
        z = self.fitted_.embed(data)
        return found | {head.name: head.logits(z) for head in self.heads_}

    def raw_logits(self, X: Bags) -> Floats:
        """Logits (docs, classes) of the main head, of the kind that ``out_of_fold_`` holds."""
        return next(iter(self.head_logits(X).values()))

    def _logits(self, X: Bags) -> Floats:
        return self.raw_logits(X)

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of the other heads, and of each head beside the linear model."""
        logits = self.head_logits(X)
        main = next(iter(logits))
        plain = {name: softmax(values) for name, values in logits.items() if name != main}
        beside = {
            "core" if name == main else f"{name}, core": softmax(values)
            for name, values in self.beside_(X, logits).items()
        }
        return plain | beside

    def transform(self, X: Bags) -> NDArray[np.float32]:
        """The embeddings that the heads see, (docs, width) float32."""
        check_is_fitted(self, "classes_")
        return self.fitted_.embed(self.fitted_.dataset(X)).astype(np.float32)

    def embeddings(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """The same by name: "audio", "text" and what else the method has."""
        check_is_fitted(self, "classes_")
        return {name: z.astype(np.float32) for name, z in self.fitted_.by_name(self.fitted_.dataset(X)).items()}

    def retrieval_pair(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """Both modalities (docs, width) where the loss compares them, if it does directly, else as ``embeddings``."""
        check_is_fitted(self, "classes_")
        data = self.fitted_.dataset(X)
        return {name: z.astype(np.float32) for name, z in self.fitted_.by_name(data, paired=True).items()}

    def _train(self, prepared: Prepared, rows: Rows, epochs: int | None) -> Trained:
        options, count = self._all_options(), len(self.classes_)
        return train_method(self.method, options, prepared, rows, count, self.seed, self.device, epochs)

    def _all_options(self) -> dict[str, Any]:
        return {**COMMON, **self.defaults, **self.options}
