"""Stages: every parameter learns, labels stay out of the representation, held-out documents out of training."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from hilbert.nn.build import fit_inputs, make_network, start_network
from hilbert.nn.experts import make_head
from hilbert.nn.pooled import PooledBlocks
from hilbert.losses.total import RepresentationObjective
from hilbert.training import fit as fit_module
from hilbert.training.batches import Dataset, make_batch
from hilbert.training.fit import fit_network, make_dataset, prepare
from hilbert.training.tasks import HeadTask, JointTask, RepresentationTask, Rows, anchor_weights, class_counts


def joint_task(config, bags, target, groups, rows=None):
    torch.manual_seed(0)
    inputs, _ = fit_inputs(config, bags, 0)
    packed = inputs(bags)
    network = make_network(config.model, **inputs.widths)
    data = make_dataset(packed, PooledBlocks.fit(bags)(bags), target, groups)
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


@pytest.mark.parametrize("backbone", ["segments", "prototypes"])
def test_representation_never_reads_labels(small, numbers, backbone):
    """Of two stages, also with a contrast that would know labels."""
    bags, target, groups = numbers
    config = small(training__regime="two_stage", model__backbone=backbone, contrast__label_aware=True)
    rows = Rows(np.arange(30), np.arange(30, 40))
    fits = [
        fit_network(config, bags, labels, groups, rows, classes=3)
        for labels in (target, np.roll(target, 1), np.where(target == 2, 0, target))
    ]
    embeddings = [fit.representation.embed(bags) for fit in fits]
    assert np.array_equal(embeddings[0], embeddings[1])
    assert np.array_equal(embeddings[0], embeddings[2])
    assert not np.array_equal(*(fit.head_logits(z) for fit, z in zip(fits[:2], embeddings[:2], strict=True)))
    assert [fit.epochs["representation"] for fit in fits] == [fits[0].epochs["representation"]] * 3


def test_labels_shape_the_representation_of_one_stage(small, numbers):
    bags, target, groups = numbers
    rows = Rows(np.arange(30), np.arange(0))
    embeddings = [
        fit_network(small(), bags, labels, groups, rows, classes=3).representation.embed(bags)
        for labels in (target, np.roll(target, 1))
    ]
    assert not np.array_equal(*embeddings)


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


@pytest.mark.parametrize("held_out_labels", [False, True])
def test_shared_transforms_hand_over_no_label(small, numbers, held_out_labels):
    """Inner trainings share what is fitted on all documents; held-out labels change no training step."""
    bags, target, groups = numbers
    config, rows = small(training__patience=99), Rows(np.arange(30), np.arange(30, 40))
    other = target.copy()
    if held_out_labels:
        other[30:] = (target[30:] + 1) % 3
    fits = [
        fit_network(config, bags, labels, groups, rows, classes=3, prepared=prepare(
            config, bags, labels, groups, np.arange(40), 0,
        ))
        for labels in (target, other)
    ]  # fmt: skip
    for one, two in zip(*(fit.history for fit in fits), strict=True):
        for name, value in one.items():
            assert value == two[name] or (held_out_labels and name.startswith("held_out"))
    assert (fits[0].history[0]["held_out_label"] != fits[1].history[0]["held_out_label"]) == held_out_labels


def test_prepared_beforehand_is_prepared_within(small, numbers):
    bags, target, groups = numbers
    config, rows = small(), Rows(np.arange(30), np.arange(30, 40))
    ready = prepare(config, bags, target, groups, rows.train, 0)
    beforehand = fit_network(config, bags, target, groups, rows, classes=3, prepared=ready)
    within = fit_network(config, bags, target, groups, rows, classes=3)
    assert beforehand.history == within.history
    assert np.array_equal(beforehand.representation.embed(bags), within.representation.embed(bags))
    # what was transformed for training is what anybody gets who brings the documents again
    again = beforehand.representation.embed_dataset(ready.data)
    np.testing.assert_allclose(again, beforehand.representation.embed(bags), rtol=0, atol=1e-5)


@pytest.mark.parametrize("backbone", ["segments", "prototypes"])
def test_transforms_are_fitted_on_training_documents_alone(small, numbers, backbone):
    bags, target, groups = numbers
    config = small(model__backbone=backbone)
    fit = fit_network(config, bags, target, groups, Rows(np.arange(20), np.arange(0)), classes=3)
    expected, _ = fit_inputs(config, bags[:20], 0)
    found = fit.representation.inputs.arrays()
    assert found.keys() == expected.arrays().keys()
    assert all(np.array_equal(array, found[name]) for name, array in expected.arrays().items())


def test_a_class_that_the_training_rows_lack(small, numbers):
    """Counts are of all classes, also where the last one is not among the rows."""
    bags, target, groups = numbers
    rows = np.flatnonzero(target < 2)
    for imbalance in ("class_weight", "logit_adjustment"):
        for regime in ("two_stage", "joint"):
            config = small(head__imbalance=imbalance, training__regime=regime)
            known = np.where(target < 2, target, -1)
            fit = fit_network(config, bags, known, groups, Rows(rows[:20], rows[20:]), classes=3)
            logits = fit.head_logits(fit.representation.embed(bags))
            assert logits.shape == (40, 3)
            assert np.isfinite(logits).all()


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
    config = small(training__regime="two_stage")
    fit_network(config, bags, target, groups, Rows(np.arange(30), np.arange(30, 40)), classes=3)
    ((labels, rows),) = seen
    assert labels[rows.train].tolist() == [t for t in target[:30] if t >= 0]
    assert labels[rows.held_out].tolist() == [t for t in target[30:] if t >= 0]


def test_unlabelled_documents_never_change_the_label_loss(small, numbers):
    """Of one stage, where they are in the same batches: other features of theirs, or none of them at all."""
    bags, target, groups = numbers
    task = joint_task(small(training__batch_size=40), bags, target, groups)
    task.module.eval()
    with torch.no_grad():  # an output that starts at zero would hide everything
        for parameter in task.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    known, unknown = np.flatnonzero(target >= 0), np.flatnonzero(target < 0)
    changed = task.data.audio.values.clone()
    rows_of = np.repeat(np.arange(40), task.data.audio.lengths)
    changed[np.isin(rows_of, unknown)] *= -3.0
    other = Dataset(task.data.audio._replace(values=changed), *task.data[1:])
    found = []
    for data, rows in ((task.data, np.arange(40)), (other, np.arange(40)), (task.data, known)):
        task.module.zero_grad()
        parts = task.losses(make_batch(data, rows), 1.0)
        parts["label"].backward()
        gradient = torch.cat([p.grad.flatten() for p in task.network.text.parameters()])
        found.append((parts["label"].item(), gradient, parts["audio_joint"].item()))
    assert found[0][1].abs().max() > 1e-3
    for label, gradient, _ in found[1:]:
        assert label == pytest.approx(found[0][0], abs=1e-6)
        torch.testing.assert_close(gradient, found[0][1], rtol=0, atol=1e-6)
    assert len({contrast for _, _, contrast in found}) == 3  # which they do belong to


def test_anchors_weigh_as_classes_do():
    counts = torch.tensor([6, 3, 0])
    weights = anchor_weights(torch.tensor([0, 1, -1, 1]), counts)
    assert weights.tolist() == pytest.approx([9 / 18, 9 / 9, 1.0, 9 / 9])
    labelled = torch.repeat_interleave(torch.arange(2), counts[:2])
    assert float(anchor_weights(labelled, counts[:2]).mean()) == pytest.approx(1.0)


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
