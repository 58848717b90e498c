"""`kernel-ridge`, `kernel-svm`: one-against-rest kernel machines on the sum of an audio and a text kernel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines.base import Baseline, Floats, Ints
from hilbert.baselines.calibration import fit_temperature
from hilbert.baselines.gram import KernelSum
from hilbert.baselines.trained import VECTORS
from hilbert.features.bags import Bags
from hilbert.nn.documents import DocumentVectors, Vectorizer
from hilbert.nn.linear import STRENGTHS, choose
from hilbert.nn.pooled import pool
from hilbert.splits import Labels

Mask = NDArray[np.bool_]
Solution = tuple[Floats, Floats]  # dual weights (docs, classes), bias (classes,)


@dataclass(frozen=True, eq=False)
class DualMap:
    """Scores = K A + b; K (docs, training docs), A (training docs, classes), b (classes,)."""

    weights: Floats
    bias: Floats

    def __call__(self, rows: Floats) -> Floats:
        """Scores (docs, classes) of kernel rows (docs, training docs)."""
        scores: Floats = rows @ self.weights + self.bias
        return scores


class _Kernel(Baseline):
    """A kernel machine whose strength is chosen on inner grouped folds.

    Audio and text have centred kernels of equal norm, linear or RBF with ``gamma`` times the rate of the median
    heuristic, on the pooled features, standardised. A temperature fitted on the inner out-of-fold scores of the
    chosen strength makes logits of scores. After ``fit``: ``chosen_`` and ``temperature_``.
    """

    standardise: ClassVar[bool] = True
    space = {"kernel": ["rbf", "linear"], "gamma": [0.1, 0.3, 1.0, 3.0]}  # noqa: RUF012

    def __init__(
        self,
        seed: int = 0,
        folds: int = 3,
        kernel: str = "rbf",
        gamma: float = 1.0,
        strengths: tuple[float, ...] = STRENGTHS,
    ) -> None:
        self.seed = seed
        self.folds = folds
        self.kernel = kernel
        self.gamma = gamma
        self.strengths = strengths

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds."""
        targets = self._targets(X, y, groups, self.folds, self.seed)
        target, strengths = targets.known, sorted(self.strengths)
        pooled = [x[targets.labelled] for x in self._fit_inputs(X)]

        def logits_of(train: Ints, test: Ints) -> Floats:
            own = [x[train] for x in pooled]
            kernel = self._kernel(own)
            solve, rows = self._solver(kernel(own), target[train]), kernel([x[test] for x in pooled])
            return np.stack([solve(strength)(rows) for strength in strengths])

        best = choose(logits_of, target, len(self.classes_), targets.folds)
        self.chosen_ = {"C": strengths[best.index]}
        self.temperature_ = fit_temperature(best.out_of_fold, target)
        self.kernel_ = self._kernel(pooled)
        self.map_ = self._solver(self.kernel_(pooled), target)(self.chosen_["C"])
        return self

    def _logits(self, X: Bags) -> Floats:
        """Calibrated scores (docs, classes)."""
        return self.map_(self.kernel_(self._inputs(X))) / self.temperature_

    def _kernel(self, inputs: list[Floats]) -> KernelSum:
        return KernelSum.fit(inputs, self.kernel, self.gamma, self.standardise)

    def _fit_inputs(self, X: Bags) -> list[Floats]:
        """What each kernel is of, (docs, features) each, NaN where unknown."""
        return self._inputs(X)

    def _inputs(self, X: Bags) -> list[Floats]:
        """The same after fitting."""
        return [pool(X.audio), pool(X.text)]

    def _solver(self, gram: Floats, target: Ints) -> Callable[[float], DualMap]:
        """Strength → fitted map. A class without documents gets score -∞; one class alone is certain."""
        present = np.unique(target)
        solve = self._prepare(gram, target[:, None] == present) if len(present) > 1 else None

        def at(strength: float) -> DualMap:
            weights, bias = np.zeros((len(gram), len(self.classes_))), np.full(len(self.classes_), -np.inf)
            bias[present] = 0.0
            if solve is not None:
                weights[:, present], bias[present] = solve(strength)
            return DualMap(weights, bias)

        return at

    @abstractmethod
    def _prepare(self, gram: Floats, member: Mask) -> Callable[[float], Solution]:
        """Strength → solution; ``gram`` (docs, docs), ``member`` (docs, classes) which class a document has."""


class KernelRidge(_Kernel):
    """Least squares to ±1 with class-balanced weights and an intercept, λ = 1/C.

    Saunders et al. 1998, "Ridge regression learning algorithm in dual variables"; one against the rest as in
    Rifkin & Klautau 2004. With w (docs,) summing to 1, the same for every class, S = √(docs · w) and K_w the
    kernel centred by w: A = S (S K_w S + λ)⁻¹ S (Y - wᵀY), from one eigendecomposition for all λ.
    """

    def _prepare(self, gram: Floats, member: Mask) -> Callable[[float], Solution]:
        docs, classes = member.shape
        signs = np.where(member, 1.0, -1.0)
        share = (member / (member.sum(axis=0) * classes)).sum(axis=1)  # every class has the same weight
        root, level = np.sqrt(docs * share)[:, None], share @ signs
        centred = gram - share @ gram
        centred = centred - (centred @ share)[:, None]
        values, vectors = np.linalg.eigh(root * centred * root.T)
        values = np.maximum(values, 0.0)
        turned = vectors.T @ (root * (signs - level))

        def solve(strength: float) -> Solution:
            dual = root * (vectors @ (turned / (values + 1.0 / strength)[:, None]))
            dual = dual - share[:, None] * dual.sum(axis=0)  # takes the centring of later rows into the weights
            return dual, level - share @ gram @ dual

        return solve


class KernelSVM(_Kernel):
    """Support vector machines, one against the rest, each with balanced class weights (Cortes & Vapnik 1995)."""

    def __init__(
        self,
        seed: int = 0,
        folds: int = 3,
        kernel: str = "rbf",
        gamma: float = 1.0,
        strengths: tuple[float, ...] = STRENGTHS[::2],
    ) -> None:
        super().__init__(seed, folds, kernel, gamma, strengths)

    def _prepare(self, gram: Floats, member: Mask) -> Callable[[float], Solution]:
        from sklearn.svm import SVC

        def solve(strength: float) -> Solution:
            dual, bias = np.zeros(member.shape), np.zeros(member.shape[1])
            for number, positive in enumerate(member.T):
                svm = SVC(C=strength, kernel="precomputed", class_weight="balanced").fit(gram, positive)
                dual[svm.support_, number], bias[number] = svm.dual_coef_[0], svm.intercept_[0]
            return dual, bias

        return solve


class KernelSVMOnVectors(KernelSVM):
    """`kernel-svm-vectors`: kernels of the parts of HILBERT's document vectors, one of them of what needs both.

    Documents without a label take part in fitting the vectors, whose directions keep their sizes.
    """

    standardise = False
    uses_unlabelled = True

    def _fit_inputs(self, X: Bags) -> list[Floats]:
        self.vectorizer_, vectors = Vectorizer.fit(X, VECTORS, self.seed)
        return _parts(vectors)

    def _inputs(self, X: Bags) -> list[Floats]:
        return _parts(self.vectorizer_(X))


def _parts(vectors: DocumentVectors) -> list[Floats]:
    """Audio, text and cross, NaN for a document that lacks what a part needs."""
    both = vectors.has_audio & vectors.has_text
    pairs = ((vectors.audio, vectors.has_audio), (vectors.text, vectors.has_text), (vectors.cross, both))
    return [np.where(has[:, None], part, np.nan) for part, has in pairs]
