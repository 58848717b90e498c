"""The training that all neural baselines share: folds, epochs, heads as HILBERT has them, and the linear core."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_low
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines.base import Baseline, Floats
from hilbert.baselines.method import Method
from hilbert.baselines.trained import COMMON, Trained, prepare_method, train_method
from hilbert.config import HilbertConfig
from hilbert.errors import InputError, UsageError
from hilbert.features.bags import Bags
from hilbert.nn.linear import softmax
from hilbert.splits import Labels, encode_groups, encode_labels, inner_folds
from hilbert.training.common import fit_core, fit_readout
from hilbert.training.fit import Prepared, check_device
from hilbert.training.heads import ExpertHead, InnerFold, LogisticHead, OnInner
from hilbert.training.selection import SHARES, Judged, blend, choose_share
from hilbert.training.sharing import once
from hilbert.training.tasks import Rows

Ints = NDArray[np.int64]


class NeuralBaseline(Baseline):
    """A method with HILBERT's protocol: the same inputs, inner folds, early stopping, heads and linear core.

    The share of a head beside the core is 0 unless another gains more than a standard error on the inner folds.

    ``**options`` override ``defaults``, which override what is common to all methods. The main output is the
    method's own classifier where it is supervised, else logistic regression on its embeddings; ``variants`` are
    the other heads, and every head beside the linear core with its own α.
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
    on_inner: OnInner | None = None

    def __init__(self, seed: int = 0, folds: int = 3, device: str = "cpu", **options: Any) -> None:
        known = {**COMMON, **self.defaults}
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise UsageError(f"{type(self).__name__}: unknown option {unknown[0]!r}; known: {', '.join(known)}")
        if options.get("backbone", "segments") != "segments" and "backbone" not in self.defaults:
            raise UsageError(f"{type(self).__name__}: it reads segments; expected backbone 'segments' or none")
        self.seed, self.folds, self.device, self.options = seed, folds, device, options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters that were given, as scikit-learn's clone wants them."""
        return {"seed": self.seed, "folds": self.folds, "device": self.device, **self.options}

    def set_params(self, **params: Any) -> Self:
        """Set parameters or options by name."""
        self.__init__(**{**self.get_params(), **params})  # type: ignore[misc]
        return self

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; an unsupervised method also learns from those with label None.

        Raises UsageError where this machine does not have the device.
        """
        check_device(self.device)
        target = self._labels(X, y)
        numbers = encode_groups(groups, len(X))
        labelled, unlabelled = np.flatnonzero(target >= 0), np.flatnonzero(target < 0)
        group_labels = None if groups is None else np.asarray(groups, dtype=object)[labelled]
        folds = inner_folds(target[labelled], group_labels, self.folds, self.seed)
        count, docs = len(self.classes_), len(labelled)
        supervised = self.method.supervised
        options = self._all_options()
        made_of = [options["backbone"], options["components"], numbers, self.seed, self.device]
        prepared = once(
            "inputs of a method",
            [*made_of, X, target],
            lambda: prepare_method(options, X, target, numbers, self.seed, self.device),
        )
        if prepared.vectors is not None:  # HILBERT's backbone, with all that it chooses
            choices = HilbertConfig.load("robust").prototypes.stability
            _, prepared = fit_readout(prepared, made_of, choices, X, target, labelled, folds, count)
        own = np.full((docs, count), np.nan)
        inner, ends = [], []
        for train, test in folds:
            held_out = labelled[test]
            free = unlabelled[~np.isin(numbers[unlabelled], numbers[held_out])]
            rows = Rows(labelled[train] if supervised else np.concatenate([labelled[train], free]), held_out)
            fitted = self._train(prepared, rows, None)
            ends.append(fitted.epochs)
            named = {name: z[labelled] for name, z in fitted.by_name(prepared.data).items()}
            if self.on_inner is not None:
                self.on_inner(named, train, test)
            z = np.concatenate(list(named.values()), axis=1)
            inner.append(InnerFold(z[train], target[labelled[train]], z[test], target[held_out], test))
            if supervised:
                own[test] = fitted.logits(prepared.data)[held_out]
        self.epochs_ = median_low(ends)
        out_of_fold: dict[str, Floats] = {"own": own} if supervised else {}
        self.heads_: list[LogisticHead | ExpertHead] = [LogisticHead(), ExpertHead()]
        for head in self.heads_:
            out_of_fold[head.name] = head.select(inner, docs, count, self.seed)
        core = fit_core(X[labelled], target[labelled], count, folds)
        judged = Judged(target[labelled], core.fold_of, numbers[labelled])
        self.out_of_fold_ = out_of_fold
        self.alphas_ = {
            name: choose_share(judged, core.out_of_fold, logits, SHARES)[0] for name, logits in out_of_fold.items()
        }
        everything = labelled if supervised else np.arange(len(X))
        self.fitted_ = self._train(prepared, Rows(everything, everything[:0]), self.epochs_)
        z = self.fitted_.embed(prepared.data)[labelled]
        for head in self.heads_:
            head.fit(z, target[labelled], count, self.seed)
        self.core_linear_ = core
        self.n_parameters_ = sum(p.numel() for p in self.fitted_.method.parameters())
        return self

    def _labels(self, bags: Bags, y: Labels) -> Ints:
        self.classes_, target = encode_labels(np.asarray(y, dtype=object).tolist())
        if len(target) != len(bags):
            raise InputError(f"labels: expected one (or None) for each of {len(bags)} documents, found {len(target)}")
        if len(self.classes_) < 2:
            raise InputError(f"labels: expected at least two classes, found {[str(c) for c in self.classes_]}")
        return target

    def _logits(self, X: Bags) -> dict[str, Floats]:
        """Logits (docs, classes) of every head, the main one first."""
        self._check()
        data = self.fitted_.dataset(X)
        found = {"own": self.fitted_.logits(data)} if self.method.supervised else {}
        z = self.fitted_.embed(data)
        return found | {head.name: head.logits(z) for head in self.heads_}

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes) of the main head."""
        return next(iter(self._logits(X).values()))

    def predict_proba(self, X: Bags) -> Floats:
        """Class probabilities (docs, classes) of the main head."""
        return softmax(self.decision_function(X))

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of the other heads, and of each head beside the linear core."""
        logits, core = self._logits(X), self.core_linear_.logits(X)
        main = next(iter(logits))
        plain = {name: softmax(values) for name, values in logits.items() if name != main}
        beside = {
            "core" if name == main else f"{name}, core": softmax(blend(core, values, self.alphas_[name]))
            for name, values in logits.items()
        }
        return plain | beside

    def transform(self, X: Bags) -> NDArray[np.float32]:
        """The embeddings that the heads see, (docs, width) float32."""
        self._check()
        return self.fitted_.embed(self.fitted_.dataset(X)).astype(np.float32)

    def embeddings(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """The same by name: "audio", "text" and what else the method has."""
        self._check()
        return {name: z.astype(np.float32) for name, z in self.fitted_.by_name(self.fitted_.dataset(X)).items()}

    def retrieval_pair(self, X: Bags) -> dict[str, NDArray[np.float32]]:
        """Both modalities (docs, width) where the loss compares them, if it does directly, else as ``embeddings``."""
        self._check()
        data = self.fitted_.dataset(X)
        return {name: z.astype(np.float32) for name, z in self.fitted_.by_name(data, paired=True).items()}

    def _train(self, prepared: Prepared, rows: Rows, epochs: int | None) -> Trained:
        options, count = self._all_options(), len(self.classes_)
        return train_method(self.method, options, prepared, rows, count, self.seed, self.device, epochs)

    def _all_options(self) -> dict[str, Any]:
        return {**COMMON, **self.defaults, **self.options}
