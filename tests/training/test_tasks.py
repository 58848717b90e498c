"""Stages: every parameter learns, labels stay out of the representation, held-out documents out of training."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from hilbert.model.build import fit_inputs, make_network, start_network
from hilbert.model.experts import make_head
from hilbert.model.inputs import SegmentTransform
from hilbert.model.pooled import PooledBlocks
from hilbert.objectives.total import RepresentationObjective
from hilbert.training import fit as fit_module
from hilbert.training.fit import fit_network, make_dataset
from hilbert.training.tasks import HeadTask, JointTask, RepresentationTask, Rows, class_counts


def joint_task(config, bags, target, groups, rows=None):
    torch.manual_seed(0)
    inputs = fit_inputs(config, bags, 0)
    network = make_network(config.model, **inputs.widths)
    data = make_dataset(inputs, bags, PooledBlocks.fit(bags)(bags), target, groups)
    start_network(network, data.audio.packed(np.arange(len(bags))), data.text.packed(np.arange(len(bags))))
    head = make_head(config.model.width, 3, config.head)
    rows = rows or Rows(np.arange(len(bags)), np.arange(0))
    return JointTask(network, RepresentationObjective(config), head, data, rows, config, 3)


BASE = {"contrast__audio_text": 0.5, "contrast__learn_temperature": True, "training__batch_size": 40}
SEGMENTS = {"model__backbone": "segments"}
VARIANTS = [
    ("robust", {}),
    ("robust", SEGMENTS),
    ("paper", {}),
    ("robust", {"head__top_k": 2, "head__experts": 4}),
    ("robust", {"head__kind": "mlp"}),
    ("robust", SEGMENTS | {"head__kind": "linear", "model__unimodal_source": "post"}),
    ("robust", {"cka__kernel": "rbf", "balance__form": "squared", "head__imbalance": "logit_adjustment"}),
    *(
        ("robust", SEGMENTS | {"model__joint": joint, "model__pooling": pooling, "model__layers": 2})
        for joint, pooling in itertools.product(("gated", "sequence"), ("attention", "statistics"))
    ),
]


@pytest.mark.parametrize(("preset", "changes"), VARIANTS)
def test_every_parameter_has_a_gradient_within_three_steps(small, numbers, preset, changes):
    task = joint_task(small(preset, **BASE, **changes), *numbers)
    optimiser = torch.optim.AdamW(task.module.parameters(), lr=0.01)
    still = {name for name, _ in task.module.named_parameters()}
    task.module.train()
    for step in range(3):
        (batch,) = task.batches(step, (0, step))
        optimiser.zero_grad()
        task.losses(batch, 1.0)["total"].backward()
        still -= {n for n, p in task.module.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        optimiser.step()
        task.after_step()
    assert not still


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_losses_fall(small, numbers, preset):
    task = joint_task(small(preset, model__dropout=0.0, head__dropout=0.0, **BASE), *numbers)
    optimiser = torch.optim.AdamW(task.module.parameters(), lr=0.01)
    values = []
    for step in range(25):
        (batch,) = task.batches(step, (0, 0))
        optimiser.zero_grad()
        parts = task.losses(batch, 1.0)
        parts["total"].backward()
        optimiser.step()
        values.append({name: part.item() for name, part in parts.items()})
    for name in ("total", "label", "audio_joint", "text_joint"):
        assert values[-1][name] < 0.8 * values[0][name], name


def test_representation_never_reads_labels(small, numbers):
    bags, target, groups = numbers
    rows = Rows(np.arange(30), np.arange(30, 40))
    fits = [
        fit_network(small(), bags, labels, groups, rows, classes=3)
        for labels in (target, np.roll(target, 1), np.where(target == 2, 0, target))
    ]
    embeddings = [fit.representation.embed(bags) for fit in fits]
    assert np.array_equal(embeddings[0], embeddings[1])
    assert np.array_equal(embeddings[0], embeddings[2])
    assert not np.array_equal(fits[0].logits(bags), fits[1].logits(bags))
    assert [fit.epochs["representation"] for fit in fits] == [fits[0].epochs["representation"]] * 3


@pytest.mark.parametrize("regime", ["two_stage", "joint"])
def test_held_out_documents_only_choose_the_epoch(small, numbers, regime):
    """Other features and labels of held-out documents: the same curves on the training documents."""
    bags, target, groups = numbers
    config = small(training__regime=regime, training__patience=99)
    train, held_out = np.arange(30), np.arange(30, 40)
    start = int(bags.audio.offsets[30])
    values = np.concatenate([bags.audio.values[:start], 9 - 2 * bags.audio.values[start:] ** 2])
    other = replace(bags, audio=replace(bags.audio, values=values), text=bags.text.take(np.r_[train, held_out[::-1]]))
    changed = np.concatenate([target[:30], (target[30:] + 1) % 3])
    first = fit_network(config, bags, target, groups, Rows(train, held_out), classes=3)
    second = fit_network(config, other, changed, groups, Rows(train, held_out), classes=3)
    for one, two in zip(first.history, second.history, strict=True):
        if one["stage"] != "head":  # the second stage starts from the epoch that was chosen
            assert {k: v for k, v in one.items() if not k.startswith("held_out")} == {
                k: v for k, v in two.items() if not k.startswith("held_out")
            }
    assert first.history[0]["held_out_total"] != second.history[0]["held_out_total"]


def test_transforms_are_fitted_on_training_documents_alone(small, numbers):
    bags, target, groups = numbers
    fit = fit_network(small(), bags, target, groups, Rows(np.arange(20), np.arange(0)), classes=3)
    expected = SegmentTransform.fit(bags[:20].audio, 256)
    assert np.array_equal(fit.representation.audio.mean, expected.mean)
    assert np.array_equal(fit.representation.audio.axes, expected.axes)


def test_a_class_that_the_training_rows_lack(small, numbers):
    """Counts are of all classes, also where the last one is not among the rows."""
    bags, target, groups = numbers
    rows = np.flatnonzero(target < 2)
    for imbalance in ("class_weight", "logit_adjustment"):
        for regime in ("two_stage", "joint"):
            config = small(head__imbalance=imbalance, training__regime=regime)
            known = np.where(target < 2, target, -1)
            fit = fit_network(config, bags, known, groups, Rows(rows[:20], rows[20:]), classes=3)
            assert fit.logits(bags).shape == (40, 3)
            assert np.isfinite(fit.logits(bags)).all()


def test_head_sees_labelled_training_rows_only(small, numbers):
    _, target, _ = numbers
    z = torch.randn(40, 24, generator=torch.Generator().manual_seed(0))
    config = small()
    rows = Rows(np.flatnonzero(target >= 0)[:20], np.flatnonzero(target >= 0)[20:])
    task = HeadTask(make_head(8, 3, config.head), z, torch.as_tensor(target), rows, config, 3)
    seen = np.concatenate(list(task.batches(0, (0,))))
    assert sorted(seen) == rows.train.tolist()
    assert task.counts.tolist() == np.bincount(target[rows.train]).tolist()
    assert set(task.validate()) == {"total", "label", "load_balance", "router_z", "monitor"}


def test_unlabelled_documents_never_reach_the_head(small, numbers, monkeypatch):
    bags, target, groups = numbers
    seen = []

    def remembered(head, z, labels, rows, *rest):
        seen.append((labels.numpy(), rows))
        return HeadTask(head, z, labels, rows, *rest)

    monkeypatch.setattr(fit_module, "HeadTask", remembered)
    fit_network(small(), bags, target, groups, Rows(np.arange(30), np.arange(30, 40)), classes=3)
    ((labels, rows),) = seen
    assert labels[rows.train].tolist() == [t for t in target[:30] if t >= 0]
    assert labels[rows.held_out].tolist() == [t for t in target[30:] if t >= 0]


def test_validation_is_the_same_each_time_and_absent_without_documents(small, numbers):
    bags, target, groups = numbers
    config = small(training__max_segments=2)
    task = joint_task(config, bags, target, groups, Rows(np.arange(30), np.arange(30, 40)))
    plain = RepresentationTask(task.network, task.objective, task.data, task.rows, config)
    task.module.eval()
    for stage in (task, plain):
        assert stage.validate() == stage.validate()
    assert plain.validate()["monitor"] == plain.validate()["total"]
    assert task.validate()["monitor"] == task.validate()["label"]
    nobody = joint_task(config, bags, target, groups)
    assert nobody.validate() is None
    unlabelled = np.flatnonzero(target < 0)
    assert joint_task(config, bags, target, groups, Rows(np.arange(30), unlabelled)).validate() is None


def test_class_counts_leave_unlabelled_out():
    assert class_counts(torch.tensor([0, -1, 2, 2, -1]), 4).tolist() == [1, 0, 2, 0]
