"""Several models' logits into one: a weight a model and an offset a class, fitted on documents that none had seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RIDGE_WEIGHTS, RIDGE_OFFSETS, RIDGE_TOTAL = 10.0, 1.0, 0.1
LEAST = 1e-3  # of a weight: a model alone must go on ranking, whatever a few documents say of it
FAR = 5.0  # spreads: a recording unlike all others may get a logit of any size, and must not decide the mixture


class Mixture(NamedTuple):
    """logits = Σ_m w_m x_m + offsets, x_m = (l_m − mean over classes) / s_m held within ±5: mixed and calibrated.

    ``scales``, ``weights``: (models,), w_m > 0 and s_m the spread of a model's logits on documents it had not seen:
    half the distance of their 16th and 84th percentiles, which is the standard deviation of a normal distribution and
    takes no notice of one extreme document. ``offsets``: (classes,). One model alone is calibrated by it.
    """

    scales: Floats
    weights: Floats
    offsets: Floats

    def __call__(self, logits: Sequence[Floats]) -> Floats:
        """(docs, classes) of each model → (docs, classes); −∞ for a class that a model did not know."""
        x = [_scaled(one, s) for one, s in zip(logits, self.scales, strict=True)]
        unknown = np.any([np.isneginf(one) for one in x], axis=0)  # also of a model that hardly counts
        mixed = sum(w * np.where(unknown, 0.0, one) for one, w in zip(x, self.weights, strict=True))
        return np.where(unknown, -np.inf, np.asarray(mixed) + self.offsets)

    @property
    def shares(self) -> Floats:
        """(models,) weights that add up to 1: whose logits, brought to one spread, count how much."""
        total = self.weights.sum()
        return self.weights / total if total > 0 else np.full_like(self.weights, 1 / len(self.weights))

    def written(self) -> dict[str, Any]:
        """As JSON can hold it, exactly."""
        return {name: values.tolist() for name, values in self._asdict().items()}

    @classmethod
    def read(cls, stored: Mapping[str, Any], models: int, classes: int) -> Mixture:
        """What ``written`` wrote. Raises ValueError where it is not of so many models and classes."""
        found = cls(*(np.array(stored[name], dtype=np.float64) for name in cls._fields))
        shapes = [part.shape for part in found]
        if shapes != [(models,), (models,), (classes,)] or not all(np.isfinite(part).all() for part in found):
            raise ValueError(f"mixture: expected {models} scales and weights, {classes} offsets, found {dict(stored)}")
        return found

    @classmethod
    def fit(cls, logits: Sequence[Floats], target: Ints) -> Mixture:
        """The smallest negative log-likelihood of ``target``, (docs,) class numbers.

        ``logits``: of each model, (docs, classes), of documents that it had not seen: −∞ for a class that a fold's
        training documents lacked, NaN for a document that no fold tested. A ridge of 10 draws the weights towards
        their mean and one of 1 the offsets towards the logarithm of the classes' shares, so that few documents give
        equal weights and ordinary shares; one of .1 draws the sum of the weights towards 0, so that it stays finite
        where all are told apart. Documents whose own class has no finite logit are left out.

        Stacking with positive weights: Breiman 1996, "Stacked regressions"; Ting and Witten 1999. With one model
        it is vector scaling with one scale (Guo et al. 2017, arXiv 1706.04599).
        """
        from scipy.optimize import minimize

        rows = np.arange(len(target))
        known = np.all([np.isfinite(one[rows, target]) for one in logits], axis=0)
        own = target[known]
        scales = np.array([_spread(one[known]) for one in logits])
        x = np.stack([_scaled(one[known], scale) for one, scale in zip(logits, scales, strict=True)])
        models, _, classes = x.shape
        prior = np.log((np.bincount(own, minlength=classes) + 0.5) / (len(own) + 0.5 * classes))
        finite = np.isfinite(x).all(axis=0)
        filled = np.where(finite, x, 0.0)
        hit = np.zeros((len(own), classes))
        hit[np.arange(len(own)), own] = 1.0

        def loss(values: Floats) -> tuple[float, Floats]:
            weights, offsets = values[:models], values[models:]
            mixed = np.where(finite, np.tensordot(weights, filled, 1) + offsets, -np.inf)
            top = mixed.max(axis=1, keepdims=True)
            log_p = mixed - top - np.log(np.exp(mixed - top).sum(axis=1, keepdims=True))
            slope = np.exp(log_p) - hit
            away, moved = weights - weights.mean(), offsets - prior
            ridge = RIDGE_WEIGHTS * away @ away + RIDGE_OFFSETS * moved @ moved + RIDGE_TOTAL * weights.sum() ** 2
            value = 0.5 * ridge - log_p[hit > 0].sum()
            by_weight = np.einsum("mdc,dc->m", filled, slope) + RIDGE_WEIGHTS * away + RIDGE_TOTAL * weights.sum()
            return float(value), np.concatenate([by_weight, slope.sum(axis=0) + RIDGE_OFFSETS * moved])

        start = np.concatenate([np.full(models, 1 / models), prior])
        bounds = [(LEAST, None)] * models + [(None, None)] * classes
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(scales, np.asarray(found.x[:models]), np.asarray(found.x[models:]))


def _centred(logits: Floats) -> Floats:
    """Each document's logits less their mean over the classes that it can be of."""
    finite = np.isfinite(logits)
    count = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    centred: Floats = logits - np.where(finite, logits, 0.0).sum(axis=1, keepdims=True) / count
    return centred


def _scaled(logits: Floats, scale: float) -> Floats:
    """Centred, in spreads, and held within ``FAR`` of them; −∞ stays."""
    x = _centred(logits) / scale
    return np.where(np.isneginf(x), x, np.clip(x, -FAR, FAR))


def _spread(logits: Floats) -> float:
    """Half the distance of the 16th and 84th percentiles; 1 where nothing varies."""
    centred = _centred(logits)
    values = centred[np.isfinite(centred)]
    low, high = np.quantile(values, (0.16, 0.84)) if len(values) else (0.0, 0.0)
    spread = float(high - low) / 2
    return spread if spread > 1e-12 else 1.0
