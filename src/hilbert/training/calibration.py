"""Logits made fit for decisions on unseen documents: one scale, and an offset a class, from inner folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Calibration(NamedTuple):
    """logits → scale · logits + offsets; ``offsets``: (classes,)."""

    scale: float
    offsets: Floats

    def __call__(self, logits: Floats) -> Floats:
        """(docs, classes), as given."""
        return self.scale * logits + self.offsets

    def written(self) -> dict[str, Any]:
        """As JSON can hold it, exactly."""
        return {"scale": self.scale, "offsets": self.offsets.tolist()}

    @classmethod
    def read(cls, stored: Mapping[str, Any], classes: int) -> Calibration:
        """What ``written`` wrote. Raises ValueError where it is not of so many classes."""
        found = cls(float(stored["scale"]), np.array(stored["offsets"], dtype=np.float64))
        if found.offsets.shape != (classes,) or not np.isfinite([found.scale, *found.offsets]).all():
            raise ValueError(f"calibration: expected a scale and {classes} offsets, found {dict(stored)}")
        return found


def fit_calibration(logits: Floats, target: Ints) -> Calibration:
    """Scale and offsets of the smallest negative log-likelihood, every class weighing the same.

    ``logits``: (docs, classes) of documents that their model has not seen, −∞ for a class that a fold's training
    documents lacked, NaN for a document that no fold tested; ``target``: (docs,) class numbers. Documents whose own
    class has no finite logit are left out; with none left nothing changes.

    Embeddings know the classes of the documents that shaped them, so a readout of these separates them, whatever
    its class weights (Byrd & Lipton 2019, arXiv 1812.03372): on others it then says the frequent classes, too surely.
    Guo et al. 2017 (arXiv 1706.04599), "vector scaling" with one scale; offsets and the logarithm of the scale have a
    standard normal prior, so that they stay small where few documents speak, and finite where classes are separated.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    count = logits.shape[1]
    known = np.isfinite(logits[np.arange(len(target)), target])
    x, own = logits[known], target[known]
    rows = np.arange(len(own))
    frequency = np.bincount(own, minlength=count)
    present = frequency > 0
    if not present.any():
        return Calibration(1.0, np.zeros(count))
    weight = len(own) / present.sum() / frequency[own]

    def loss(values: Floats) -> tuple[float, Floats]:
        scale = np.exp(values[0])
        scaled = scale * x + values[1:]
        log_p = scaled - logsumexp(scaled, axis=1, keepdims=True)
        slope = weight[:, None] * np.exp(log_p)
        slope[rows, own] -= weight
        finite = np.where(np.isfinite(x), x, 0.0)
        gradient = np.concatenate([[scale * (slope * finite).sum()], slope.sum(axis=0)]) + values
        return float(-(weight * log_p[rows, own]).sum() + 0.5 * (values @ values)), gradient

    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B")
    return Calibration(float(np.exp(found.x[0])), np.asarray(found.x[1:], dtype=np.float64))
