"""`late-mean`: audio and text are judged apart, and the mean of the two judgements decides."""

from __future__ import annotations

from typing import Self

import numpy as np

from hilbert.baselines.base import Baseline, Floats
from hilbert.baselines.calibration import fit_temperature
from hilbert.estimators.linear import AudioLR, TextLR
from hilbert.features.bags import Bags
from hilbert.splits import Labels


class LateMean(Baseline):
    """The mean of `audio-lr`'s and `text-lr`'s logits: the product rule of Kittler et al. 1998.

    Either has a temperature that is fitted on its inner out-of-fold logits. After ``fit``: ``parts_`` and
    ``temperatures_``, audio's and text's.
    """

    def __init__(self, seed: int = 0, folds: int = 3) -> None:
        self.seed = seed
        self.folds = folds

    def fit(self, X: Bags, y: Labels, groups: Labels | None = None) -> Self:
        """Fit on labelled documents; the seed decides the inner folds."""
        target = self._targets(X, y, groups, self.folds, self.seed).known
        self.parts_ = [kind(self.seed, self.folds).fit(X, y, groups=groups) for kind in (AudioLR, TextLR)]
        self.temperatures_ = [fit_temperature(part.out_of_fold_, target) for part in self.parts_]
        return self

    def _logits(self, X: Bags) -> Floats:
        pairs = zip(self.parts_, self.temperatures_, strict=True)
        mean: Floats = np.mean([part.raw_logits(X) / temperature for part, temperature in pairs], axis=0)
        return mean
