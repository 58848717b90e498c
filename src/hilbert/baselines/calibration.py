"""Scores into probabilities: one temperature, fitted on scores of documents that their model has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOUNDS = (1e-4, 1e3)  # logits of a strongly penalised fit are tiny


def fit_temperature(scores: Floats, target: Ints) -> float:
    """T for which softmax(scores / T) has the smallest negative log-likelihood on out-of-fold scores.

    ``scores``: (docs, classes), -∞ for a class that a fold's training documents lacked, NaN for a document that
    no fold tested; ``target``: (docs,) class numbers. Documents whose own class has no finite score are left out;
    with none left, T is 1. T leaves the order of a document's scores as it is.

    Guo et al. 2017, "On calibration of modern neural networks", with two changes: every class weighs the same, as
    in the class-weighted fits that are calibrated; and a document of a class with n documents belongs to it with
    probability (n + 1)/(n + 2) only (Platt 1999), so that T stays above 0 where the classes are separated.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    known = np.isfinite(scores[np.arange(len(target)), target])
    if not known.any():
        return 1.0
    x, own = scores[known], target[known]
    finite = np.isfinite(x)
    count = np.bincount(own)[own]
    others = finite.sum(axis=1) - 1
    doubt = np.where(others > 0, 1.0 / (count + 2.0), 0.0)
    belief = finite * (doubt / np.maximum(others, 1))[:, None]
    belief[np.arange(len(own)), own] = 1.0 - doubt
    expected = (belief * np.where(finite, x, 0.0)).sum(axis=1)

    def loss(log_t: float) -> float:
        sharpness = float(np.exp(-log_t))
        return float(np.average(logsumexp(x * sharpness, axis=1) - expected * sharpness, weights=1.0 / count))

    found = minimize_scalar(loss, bounds=np.log(BOUNDS), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
