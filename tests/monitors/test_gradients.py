"""Gradient shares against finite differences of the same loss."""

import copy

import numpy as np
import pytest
import torch

from hilbert.features.bags import Bags
from hilbert.monitors.gradients import gradient_shares
from hilbert.splits import encode_groups, encode_labels
from hilbert.training.batches import make_batch
from hilbert.training.fit import make_dataset
from hilbert.training.tasks import JointTask, RepresentationTask, Rows

STEP = 1e-6


def task_and_batch(model, corpus):
    """The loss of a fitted model in float64 on eight documents that have both modalities."""
    bags, y, groups = corpus
    bags = Bags(bags.ids, bags.audio, bags.text, bags.duration)
    fit = model.fit_
    data = make_dataset(
        fit.representation.inputs(bags), [np.random.default_rng(0).normal(size=(40, 5)) for _ in range(2)],
        encode_labels(y)[1], encode_groups(groups, 40),
    )  # fmt: skip
    rows = np.flatnonzero((bags.audio.lengths > 0) & (bags.text.lengths > 0))[:8]
    batch = make_batch(data, rows)
    doubled = [part._replace(values=part.values.double(), times=part.times.double()) for part in batch[:2]]
    batch = batch._replace(
        audio=doubled[0], text=doubled[1], references=type(batch.references)(*(r.double() for r in batch.references))
    )
    network, objective, head = (
        copy.deepcopy(m).double() for m in (fit.representation.network, fit.objective, fit.head)
    )
    parts = (data, Rows(np.arange(40), rows[:0]), model.config_)
    if model.config_.training.regime == "joint":
        return JointTask(network, objective, head, *parts, 3), batch
    return RepresentationTask(network, objective, *parts), batch


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


def test_vectors_of_prototypes(robust, corpus):
    task, batch = task_and_batch(robust, corpus)
    found = gradient_shares(task, batch)

    def loss():
        return task.losses(batch, 1.0)["total"]

    audio, text = (slopes(loss, part.values) for part in (batch.audio, batch.text))
    width = task.network.parts["audio"]
    norms = [float(g.norm()) for g in (audio[:, :width], text, audio[:, width:])]
    assert list(found) == ["audio", "text", "cross"]
    assert list(found.values()) == pytest.approx(np.array(norms) / sum(norms), rel=1e-4)


def test_projected_segments(paper, corpus):
    task, batch = task_and_batch(paper, corpus)
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


def test_nothing_is_left_behind(paper, corpus):
    task, batch = task_and_batch(paper, corpus)
    first = gradient_shares(task, batch)
    assert gradient_shares(task, batch) == first
    assert not task.network.project_audio._forward_hooks
    assert not batch.audio.values.requires_grad
    assert all(p.grad is None for p in task.module.parameters())
