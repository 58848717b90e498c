"""Whose joint embedding it is: what of it moves with the audio, the text, and what was made of both."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from hilbert.nn.document_network import PrototypeNetwork
from hilbert.nn.hilbert import HilbertNetwork
from hilbert.training.batches import Dataset, Segments, plain_batches
from hilbert.training.fit import EMBEDDING_BATCH, Representation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def joint_of(representation: Representation, data: Dataset) -> Floats:
    """z_joint (docs, width) of documents whose inputs are transformed already."""
    width = representation.network.width
    return representation.embed_dataset(data)[:, -width:].astype(np.float64)


def parts_of(representation: Representation) -> list[str]:
    """The parts of the network's input that have columns, of audio, text and cross."""
    return [part for part, width in representation.inputs.widths.items() if width]


def joint_shares(representation: Representation, data: Dataset, rng: np.random.Generator) -> dict[str, float]:
    """The share of z_joint's variance that goes with each part of the network's input; they add up to 1.

    S_m = ½ E ‖z(x) − z(x with part m of another document)‖² is the total effect of m (Sobol 2001, in the form of
    Jansen 1999), divided by the sum over parts. Of a linear map with blocks W_m it is tr(W_m Cov(x_m) W_mᵀ); what
    parts do together counts for each of them. Parts: "audio", "text" and, with prototypes, "cross", made of both.
    E is the mean over ``data``, documents that have both modalities, in one permutation, the same for every part.
    NaN for an embedding that nothing moves.
    """
    start, order = joint_of(representation, data), rng.permutation(len(data))
    moved = {
        part: float(((joint_of(representation, _exchange(representation, data, part, order)) - start) ** 2).sum())
        for part in parts_of(representation)
    }
    total = sum(moved.values())
    return {part: value / total if total else math.nan for part, value in moved.items()}


def audio_mass(representation: Representation, data: Dataset) -> float | None:
    """Mean over documents of the gate (``joint: gated``) or of the attention (``sequence``) on the audio.

    None where the network has neither. ``data``: documents that have both modalities.
    """
    network = representation.network
    if not isinstance(network, HilbertNetwork) or network.joint.form == "concat":
        return None
    network.eval()
    with torch.inference_mode():
        found = [
            network.audio_mass(batch.audio, batch.text)
            for batch in plain_batches(data, np.arange(len(data)), EMBEDDING_BATCH)
        ]
    return float(torch.cat([mass for mass in found if mass is not None]).double().mean())


def _exchange(representation: Representation, data: Dataset, part: str, order: Ints) -> Dataset:
    """The documents with one part of the documents ``order``."""
    network = representation.network
    if part == "text":
        return Dataset(data.audio, _reordered(data.text, order), *data[2:])
    if not isinstance(network, PrototypeNetwork):
        return Dataset(_reordered(data.audio, order), *data[1:])
    values, width = data.audio.values.clone(), network.parts["audio"]  # a row a document: audio, then cross
    columns = slice(0, width) if part == "audio" else slice(width, None)
    values[:, columns] = values[torch.as_tensor(order, device=values.device)][:, columns]
    return Dataset(data.audio._replace(values=values), *data[1:])


def _reordered(segments: Segments, order: Ints) -> Segments:
    return segments._replace(lengths=segments.lengths[order], offsets=segments.offsets[order])
