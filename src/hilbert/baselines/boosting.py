"""`audio-gb`, `text-gb`, `concat-gb`: boosted trees on pooled, block-scaled features."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from hilbert.baselines.base import Baseline, Floats, Ints
from hilbert.features.bags import Bags
from hilbert.nn.linear import choose
from hilbert.nn.pooled import PooledBlocks, pool
from hilbert.splits import Labels


class _Boosting(Baseline):
    """Gradient boosting of shallow trees on histograms (Friedman 2001; Ke et al. 2017, "LightGBM").

    The features are those of the linear baselines, reduced to ``components`` a modality inside the fold; the
    number of iterations is one of ``iterations``, chosen on inner grouped folds with one fit a fold. After
    ``fit``: ``chosen_``.
    """

    modalities: ClassVar[tuple[str, ...]]
    space = {  # noqa: RUF012
        "components": [16, 32, 64, 128],
        "depth": [2, 3, 4],
        "learning_rate": [0.03, 0.05, 0.1],
    }

    def __init__(
        self,
        seed: int = 0,
        folds: int = 3,
        components: int = 32,
        depth: int = 3,
        learning_rate: float = 0.05,
        iterations: tuple[int, ...] = (50, 100, 200),
        min_samples_leaf: int = 10,
    ) -> None:
        self.seed = seed
        self.folds = folds
        self.components = components
        self.depth = depth
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.min_samples_leaf = min_samples_leaf

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds and what the trees draw."""
        targets = self._targets(X, y, groups, self.folds, self.seed)
        target = targets.known
        pooled = [pool(getattr(X, modality)) for modality in self.modalities]
        steps = sorted(set(self.iterations))

        def logits_of(train: Ints, test: Ints) -> Floats:
            blocks = self._blocks([x[train] for x in pooled])
            inner, outer = (np.hstack(blocks.transform_pooled([x[i] for x in pooled])) for i in (train, test))
            return self._staged(self._trees(inner, target[train], steps[-1]), outer, steps)

        best = choose(logits_of, target, len(self.classes_), targets.folds)
        self.chosen_ = {"iterations": steps[best.index]}
        self.blocks_ = self._blocks(pooled)
        self.trees_ = self._trees(np.hstack(self.blocks_.transform_pooled(pooled)), target, self.chosen_["iterations"])
        return self

    def _logits(self, X: Bags) -> Floats:
        """Logarithms of the trees' class probabilities, (docs, classes)."""
        logits: Floats = self._staged(self.trees_, np.hstack(self.blocks_(X)), [self.chosen_["iterations"]])[0]
        return logits

    def _blocks(self, pooled: list[Floats]) -> PooledBlocks:
        return PooledBlocks.fit_pooled(pooled, self.modalities, self.components)

    def _trees(self, x: Floats, target: Ints, iterations: int) -> Any:
        """A fitted classifier; trees need two classes, and where there is one it is certain."""
        from sklearn.dummy import DummyClassifier
        from sklearn.ensemble import HistGradientBoostingClassifier

        if len(np.unique(target)) == 1:
            return DummyClassifier().fit(x, target)
        return HistGradientBoostingClassifier(
            max_depth=self.depth,
            learning_rate=self.learning_rate,
            max_iter=iterations,
            min_samples_leaf=self.min_samples_leaf,
            class_weight="balanced",
            early_stopping=False,
            random_state=self.seed,
        ).fit(x, target)

    def _staged(self, trees: Any, x: Floats, steps: list[int]) -> Floats:
        """(steps, docs, classes) after each number of iterations; -∞ for a class the trees have not seen."""
        logits = np.full((len(steps), len(x), len(self.classes_)), -np.inf)
        if len(trees.classes_) == 1:
            logits[:, :, trees.classes_] = 0.0
        elif len(x):  # scikit-learn does not predict nothing
            for number, proba in enumerate(trees.staged_predict_proba(x), start=1):
                if number in steps:
                    floored = np.log(np.maximum(proba, np.finfo(np.float64).tiny))
                    logits[steps.index(number)][:, trees.classes_] = floored
        return logits


class AudioGB(_Boosting):
    """What the audio features say, through trees."""

    modalities = ("audio",)


class TextGB(_Boosting):
    """What the text features say, through trees."""

    modalities = ("text",)


class ConcatGB(_Boosting):
    """Both modalities side by side: thresholds and their interactions across modalities."""

    modalities = ("audio", "text")
