"""Gradient shares against finite differences of the same loss."""

import copy

import numpy as np
import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.monitors.gradients import gradient_shares
from hilbert.monitors.network import batch_gradients, trained_task
from hilbert.nn.hilbert import SegmentBatch
from hilbert.training.data import make_batch
from hilbert.training.tasks import JointTask

STEP = 1e-6


def task_and_batch(model):
    """The loss of a fitted model in float64 on five training documents that have both modalities."""
    data, fit = model.data_, copy.copy(model.fit_)
    has_audio, has_text = data.inputs.has
    batch = make_batch(data, np.flatnonzero(has_audio & has_text)[:5])
    if isinstance(batch.inputs, SegmentBatch):
        parts = (part._replace(values=part.values.double(), times=part.times.double()) for part in batch.inputs)
        inputs = SegmentBatch(*parts)
    else:
        numbers = {name: getattr(batch.inputs, name).double() for name in ("audio", "text", "cross")}
        inputs = batch.inputs._replace(**numbers)
    references = type(batch.references)(*(part.double() for part in batch.references))
    fit.network, objective, fit.head = (copy.deepcopy(m).double() for m in (fit.network, fit.objective, fit.head))
    task = trained_task(fit, objective, model.config_, data)
    return task, batch._replace(inputs=inputs, references=references)


def slopes(loss, values):
    """Central differences of a loss in every entry of ``values``, which it reads in place."""
    found = torch.zeros_like(values)
    with torch.no_grad():
        for place in np.ndindex(*values.shape):
            start = float(values[place])
            sides = []
            for sign in (1, -1):
                values[place] = start + sign * STEP
                sides.append(float(loss()))
            values[place] = start
            found[place] = (sides[0] - sides[1]) / (2 * STEP)
    return found


def test_parts_of_document_vectors(robust):
    task, batch = task_and_batch(robust)
    assert isinstance(task, JointTask)  # labels shape its embeddings
    found = gradient_shares(task, batch)

    def loss():
        return task.losses(batch, 1.0)["total"]

    norms = [float(slopes(loss, getattr(batch.inputs, name)).norm()) for name in ("audio", "text", "cross")]
    assert list(found) == ["audio", "text", "cross"]
    assert list(found.values()) == pytest.approx(np.array(norms) / sum(norms), rel=1e-4)


def test_projected_segments(paper):
    task, batch = task_and_batch(paper)
    assert not isinstance(task, JointTask)
    found = gradient_shares(task, batch)
    network, norms = task.network, []
    for name in ("project_audio", "project_text"):
        kept = {}

        def hook(module, arguments, output, kept=kept):
            if "h" not in kept:
                kept["h"] = output[0].clone()
            return kept["h"], output[1]

        handle = getattr(network, name).register_forward_hook(hook)
        with torch.no_grad():
            task.losses(batch, 1.0)
        norms.append(float(slopes(lambda: task.losses(batch, 1.0)["total"], kept["h"]).norm()))
        handle.remove()
    assert list(found) == ["audio", "text"]
    assert list(found.values()) == pytest.approx(np.array(norms) / sum(norms), rel=1e-4)


def test_nothing_is_left_behind(robust, paper):
    for model in (robust, paper):
        task, batch = task_and_batch(model)
        first = gradient_shares(task, batch)
        assert gradient_shares(task, batch) == first
        assert all(p.grad is None for p in task.module.parameters())
        values = (getattr(batch.inputs, name) for name in ("audio", "text"))
        assert not any((v.values if model is paper else v).requires_grad for v in values)
    assert not task.network.project_audio._forward_hooks


def test_a_network_that_was_not_trained_or_was_read_from_a_file_has_none(robust, tiny):
    config = HilbertConfig.load("robust", tiny)

    def gradients(**changes):
        fit = copy.copy(robust.fit_)
        for name, value in changes.items():
            setattr(fit, name, value)
        return batch_gradients(fit, config, robust.data_, np.random.default_rng(0))

    assert sum(gradients().values()) == pytest.approx(1)
    assert gradients(epochs={}) == gradients(objective=None) == {}
