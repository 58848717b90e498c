"""What only HILBERT's own network can be asked: whose joint embedding it is, and where its gradient goes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from hilbert.config import HilbertConfig
from hilbert.losses.cka import MIN_DOCS
from hilbert.losses.total import RepresentationObjective
from hilbert.monitors.gradients import gradient_shares
from hilbert.monitors.shares import audio_mass, joint_shares, parts_of
from hilbert.training.data import Dataset, Inputs, Rows, SegmentData, Segments, make_batch
from hilbert.training.fit import Fit
from hilbert.training.tasks import JointTask, RepresentationTask, max_segments

Ints = NDArray[np.int64]


def embedding_shares(fit: Fit, test: Dataset, rng: np.random.Generator) -> dict[str, float]:
    """Shares of z_joint by part of the input, and the gate or attention on the audio where there is one.

    On the documents that have both modalities; NaN with fewer than 4.
    """
    rows = _with_both(test)
    if len(rows) < MIN_DOCS:
        return {f"share_{part}": math.nan for part in parts_of(fit)}
    data = _taken(test, rows)
    found = {f"share_{part}": share for part, share in joint_shares(fit, data, rng).items()}
    mass = audio_mass(fit, data)
    return found if mass is None else found | {"mass_audio": mass}


def batch_gradients(fit: Fit, config: HilbertConfig, train: Dataset, rng: np.random.Generator) -> dict[str, float]:
    """Shares of the gradient's norm, for one batch of training documents that have both modalities.

    Nothing for a model read from a file, which does not hold what else the loss had learnt, nor for a network that was
    not trained. NaN with fewer than 4.
    """
    if fit.objective is None or not fit.epochs:
        return {}
    rows = rng.permutation(_with_both(train))[: config.training.batch_size]
    if len(rows) < MIN_DOCS:
        return {f"gradient_{part}": math.nan for part in parts_of(fit)}
    batch = make_batch(train, rows, max_segments(config), generator=rng)
    shares = gradient_shares(trained_task(fit, fit.objective, config, train), batch)
    return {f"gradient_{part}": share for part, share in shares.items()}


def trained_task(
    fit: Fit, objective: RepresentationObjective, config: HilbertConfig, train: Dataset
) -> RepresentationTask:
    """The stage that trained the network of ``fit`` on the documents ``train``, with what the loss had learnt."""
    network, rows = fit.network, Rows(np.arange(len(train)), np.arange(0))
    if fit.head is not None and config.training.regime == "joint":
        return JointTask(network, objective, fit.head, train, rows, config, int(train.target.max()) + 1)
    return RepresentationTask(network, objective, train, rows, config)


def _with_both(data: Dataset) -> Ints:
    has_audio, has_text = data.inputs.has
    return np.flatnonzero(has_audio & has_text)


def _taken(data: Dataset, rows: Ints) -> Dataset:
    """Some of the documents."""
    index = torch.as_tensor(rows, device=data.target.device)
    inputs: Inputs
    if isinstance(data.inputs, SegmentData):
        inputs = SegmentData(*(_segments(part, rows) for part in data.inputs))
    else:
        audio, text, cross, has_audio, has_text = data.inputs
        inputs = data.inputs._replace(
            audio=audio[index], text=text[index], cross=cross[index], has_audio=has_audio[rows], has_text=has_text[rows]
        )
    references = type(data.references)(*(part[index] for part in data.references))
    return Dataset(inputs, references, data.groups[index], data.target[index])


def _segments(part: Segments, rows: Ints) -> Segments:
    return part._replace(lengths=part.lengths[rows], offsets=part.offsets[rows])
