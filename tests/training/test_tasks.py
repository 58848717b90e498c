"""Stages: every parameter learns, labels stay out of the representation, held-out documents out of training."""

import numpy as np
import pytest
import torch

from hilbert.losses.total import RepresentationObjective
from hilbert.nn.experts import make_head
from hilbert.training import fit as fit_module
from hilbert.training.data import Dataset, Rows, VectorData, make_batch
from hilbert.training.fit import fit_network, start_network
from hilbert.training.tasks import (
    HeadTask,
    JointTask,
    RepresentationTask,
    anchor_weights,
    class_counts,
    max_segments,
)

NOBODY = np.arange(0)
SPLIT = Rows(np.arange(30), np.arange(30, 40))
WHOLE = {"training__batch_size": 40}
SEGMENTS = {"network__kind": "segments"}


@pytest.fixture
def joint_task(dataset):
    def make(config, bags, target, groups, rows=None):
        torch.manual_seed(0)
        data, rows = dataset(config, bags, target, groups), rows or Rows(np.arange(len(bags)), NOBODY)
        network = start_network(config, data, rows.train)
        head = make_head(config.network.width, 3, config.head)
        return JointTask(network, RepresentationObjective(config), head, data, rows, config, 3)

    return make


VARIANTS = [
    ("robust", {}),
    ("robust", SEGMENTS),
    ("paper", {}),
    ("paper", {"cka__debiased": False, "head__top_k": 1}),
    ("robust", {"head__kind": "mlp", "contrast__label_aware": False}),
    ("robust", {"cka__target": "embedding", "cka__hinge": None, "balance__form": "squared"}),
    ("paper", {"head__kind": "linear", "head__top_k": None, "head__load_balance": 0.0, "head__class_weights": True}),
    *(("paper", {"network__joint": joint, "network__layers": 2}) for joint in ("gated", "sequence", "sequence_plain")),
]


@pytest.mark.parametrize(("preset", "changes"), VARIANTS)
def test_every_parameter_has_a_gradient_within_three_steps(small, numbers, joint_task, preset, changes):
    task = joint_task(small(preset, **WHOLE, **changes), *numbers)
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
def test_losses_fall(small, numbers, joint_task, preset):
    task = joint_task(small(preset, network__dropout=0.0, head__dropout=0.0, **WHOLE), *numbers)
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


@pytest.mark.parametrize("kind", ["vectors", "segments"])
def test_representation_never_reads_labels(small, numbers, dataset, kind):
    """Of two stages, also with a contrast that would know labels."""
    bags, target, groups = numbers
    config = small(training__regime="two_stage", network__kind=kind, contrast__label_aware=True)
    fits, embeddings = [], []
    for labels in (target, np.roll(target, 1), np.where(target == 2, 0, target)):
        data = dataset(config, bags, labels, groups)
        fits.append(fit_network(config, data, SPLIT, classes=3))
        embeddings.append(fits[-1].embed(data))
    assert np.array_equal(embeddings[0], embeddings[1])
    assert np.array_equal(embeddings[0], embeddings[2])
    assert not np.array_equal(*(fit.head_logits(z) for fit, z in zip(fits[:2], embeddings[:2], strict=True)))
    assert [fit.epochs["representation"] for fit in fits] == [fits[0].epochs["representation"]] * 3


def test_labels_shape_the_representation_of_one_stage(small, numbers, dataset):
    bags, target, groups = numbers
    embeddings = []
    for labels in (target, np.roll(target, 1)):
        data = dataset(small(), bags, labels, groups)
        embeddings.append(fit_network(small(), data, Rows(np.arange(30), NOBODY), classes=3).embed(data))
    assert not np.array_equal(*embeddings)


@pytest.mark.parametrize("regime", ["two_stage", "joint"])
@pytest.mark.parametrize("changed", ["labels", "features"])
def test_held_out_documents_only_choose_the_epoch(small, numbers, dataset, regime, changed):
    """Other features or labels of held-out documents: the same curves on the training documents."""
    bags, target, groups = numbers
    config = small(training__regime=regime, training__patience=99)
    data = dataset(config, bags, target, groups)
    later = torch.arange(40) >= 30
    if changed == "labels":
        moved = torch.where(later & (data.target >= 0), (data.target + 1) % 3, data.target)
        other = Dataset(data.inputs, data.references, data.groups, moved)
    else:
        parts = {name: getattr(data.inputs, name) for name in ("audio", "text", "cross")}
        moved = {name: torch.where(later[:, None], 3 * part.flip(1), part) for name, part in parts.items()}
        other = Dataset(data.inputs._replace(**moved), data.references, data.groups, data.target)
    first, second = (fit_network(config, d, SPLIT, classes=3) for d in (data, other))
    for one, two in zip(first.history, second.history, strict=True):
        if one["stage"] != "head":  # the second stage starts from the epoch that was chosen
            assert {k: v for k, v in one.items() if not k.startswith("held_out")} == {
                k: v for k, v in two.items() if not k.startswith("held_out")
            }
    shown = [tuple(v for row in fit.history for k, v in row.items() if "held_out" in k) for fit in (first, second)]
    assert shown[0] != shown[1]


def test_a_class_that_the_training_rows_lack(small, numbers, dataset):
    """Counts are of all classes, also where the last one is not among the rows."""
    bags, target, groups = numbers
    rows = np.flatnonzero(target < 2)
    for regime in ("two_stage", "joint"):
        config = small(training__regime=regime)
        data = dataset(config, bags, np.where(target < 2, target, -1), groups)
        fit = fit_network(config, data, Rows(rows[:20], rows[20:]), classes=3)
        logits = fit.head_logits(fit.embed(data))
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


@pytest.mark.parametrize("top_k", [None, 2])
def test_losses_of_the_head_are_weighted_and_balanced_only_where_experts_are_left_out(small, numbers, top_k):
    _, target, _ = numbers
    z = torch.randn(40, 24, generator=torch.Generator().manual_seed(0))
    config = small(head__top_k=top_k, head__load_balance=0.3 if top_k else 0.0, head__router_z=0.2, head__dropout=0.0)
    task = HeadTask(make_head(8, 3, config.head), z, torch.as_tensor(target), Rows(np.arange(40), NOBODY), config, 3)
    parts = {name: value.item() for name, value in task.losses(np.arange(40), 1.0).items()}
    expected = parts["label"] + 0.2 * parts["router_z"] + (0.3 * parts["load_balance"] if top_k else 0.0)
    assert parts["total"] == pytest.approx(expected, rel=1e-6)


def test_unlabelled_documents_never_reach_the_head(small, numbers, dataset, monkeypatch):
    bags, target, groups = numbers
    seen = []

    def remembered(head, z, labels, rows, *rest):
        seen.append((labels.numpy(), rows))
        return HeadTask(head, z, labels, rows, *rest)

    monkeypatch.setattr(fit_module, "HeadTask", remembered)
    config = small(training__regime="two_stage")
    fit_network(config, dataset(config, bags, target, groups), SPLIT, classes=3)
    ((labels, rows),) = seen
    assert labels[rows.train].tolist() == [t for t in target[:30] if t >= 0]
    assert labels[rows.held_out].tolist() == [t for t in target[30:] if t >= 0]


def test_unlabelled_documents_never_change_the_label_loss(small, numbers, joint_task):
    """Of one stage, where they are in the same batches: other features of theirs, or none of them at all."""
    _, target, _ = numbers
    task = joint_task(small(**WHOLE), *numbers)
    task.module.eval()
    with torch.no_grad():  # an output that starts at zero would hide everything
        for parameter in task.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    known, unknown = np.flatnonzero(target >= 0), torch.as_tensor(target < 0)[:, None]
    inputs: VectorData = task.data.inputs
    moved = {name: torch.where(unknown, -3.0, 1.0) * getattr(inputs, name) for name in ("audio", "text", "cross")}
    other = Dataset(inputs._replace(**moved), task.data.references, task.data.groups, task.data.target)
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


def test_validation_is_the_same_each_time_and_absent_without_documents(small, numbers, joint_task):
    config = small(network__kind="segments", network__max_segments=2)
    task = joint_task(config, *numbers, SPLIT)
    plain = RepresentationTask(task.network, task.objective, task.data, task.rows, config)
    task.module.eval()
    for stage in (task, plain):
        assert stage.validate() == stage.validate()
    assert plain.validate()["monitor"] == plain.validate()["total"]
    assert task.validate()["monitor"] == task.validate()["label"]
    assert joint_task(config, *numbers).validate() is None
    unlabelled = np.flatnonzero(numbers[1] < 0)
    assert joint_task(config, *numbers, Rows(np.arange(30), unlabelled)).validate() is None


def test_class_counts_leave_unlabelled_out():
    assert class_counts(torch.tensor([0, -1, 2, 2, -1]), 4).tolist() == [1, 0, 2, 0]


def test_segments_are_drawn_where_there_are_segments(small):
    assert max_segments(small()) is None
    assert max_segments(small("paper")) == 16
    assert max_segments(small("paper", network__max_segments=None)) is None
