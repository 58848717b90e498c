"""Whose joint embedding it is: what of it moves with the audio, the text, and what was made of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hilbert.nn.hilbert import HilbertNetwork
from hilbert.training.data import Dataset, Segments, VectorData, plain_batches
from hilbert.training.fit import EMBEDDING_BATCH, Fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def joint_of(fit: Fit, data: Dataset) -> Floats:
    """z_joint (docs, width) of documents as the network reads them."""
    return fit.embed(data)[:, -fit.network.width :].astype(np.float64)


def parts_of(fit: Fit) -> list[str]:
    """The parts of the network's input: audio, text and, for one on document vectors, cross, made of both."""
    return ["audio", "text"] if isinstance(fit.network, HilbertNetwork) else ["audio", "text", "cross"]


def joint_shares(fit: Fit, data: Dataset, rng: np.random.Generator) -> dict[str, float]:
    """The share of z_joint's variance that goes with each part of the network's input; they add up to 1.

    S_m = ½ E ‖z(x) − z(x with part m of another document)‖² is the total effect of m (Sobol 2001, in the form of
    Jansen 1999), divided by the sum over parts. Of a linear map with blocks W_m it is tr(W_m Cov(x_m) W_mᵀ); what
    parts do together counts for each of them. E is the mean over ``data``, documents that have both modalities, in one
    permutation, the same for every part. NaN for an embedding that nothing moves.
    """
    start, order = joint_of(fit, data), rng.permutation(len(data))
    moved = {part: float(((joint_of(fit, _exchange(data, part, order)) - start) ** 2).sum()) for part in parts_of(fit)}
    total = sum(moved.values())
    return {part: value / total if total else math.nan for part, value in moved.items()}


def audio_mass(fit: Fit, data: Dataset) -> float | None:
    """Mean over documents of the gate (``joint: gated``) or of the attention (``sequence``) on the audio.

    None where the network has neither. ``data``: documents that have both modalities.
    """
    network = fit.network
    if not isinstance(network, HilbertNetwork) or network.joint.form == "concat":
        return None
    network.eval()
    with torch.inference_mode():
        batches = plain_batches(data, np.arange(len(data)), EMBEDDING_BATCH)
        found = [network.audio_mass(batch.inputs) for batch in batches]
    return float(torch.cat([mass for mass in found if mass is not None]).double().mean())


def _exchange(data: Dataset, part: str, order: Ints) -> Dataset:
    """The documents with one part of the documents ``order``."""
    inputs = data.inputs
    if isinstance(inputs, VectorData):
        index = torch.as_tensor(order, device=inputs.audio.device)
        parts: dict[str, Any] = {part: getattr(inputs, part)[index]}
        return Dataset(inputs._replace(**parts), *data[1:])
    segments: Segments = getattr(inputs, part)
    reordered = segments._replace(lengths=segments.lengths[order], offsets=segments.offsets[order])
    return Dataset(inputs._replace(**{part: reordered}), *data[1:])
