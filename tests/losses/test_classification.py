"""Cross-entropy with and without class weights."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from hilbert.losses.classification import classification_loss

TARGET = torch.tensor([0, 0, 0, 0, 0, 1, 1, 2])
COUNTS = torch.bincount(TARGET)


@pytest.fixture
def logits():
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def each(logits, target):
    return F.cross_entropy(logits, target, reduction="none").numpy()


def test_class_weights_are_the_balanced_ones_of_scikit_learn(logits):
    weights = compute_class_weight("balanced", classes=np.arange(3), y=TARGET.numpy())
    expected = (weights[TARGET.numpy()] * each(logits, TARGET)).mean()
    assert classification_loss(logits, TARGET, COUNTS, True).item() == pytest.approx(expected)


def test_class_weights_of_a_batch_average_to_those_of_the_fold(logits):
    """Whatever shares a batch has: the mean over equal batches is the loss of all."""
    parts = [classification_loss(logits[i], TARGET[i], COUNTS, True) for i in ([0, 5, 7, 1], [2, 3, 4, 6])]
    whole = classification_loss(logits, TARGET, COUNTS, True).item()
    assert torch.stack(parts).mean().item() == pytest.approx(whole)


@pytest.mark.parametrize("weighted", [False, True])
def test_unlabelled_documents_are_ignored(logits, weighted):
    target = torch.cat([TARGET, torch.tensor([-1, -1])])
    more = torch.cat([logits, torch.full((2, 3), 9.0, dtype=torch.float64)]).requires_grad_()
    loss = classification_loss(more, target, COUNTS, weighted)
    assert loss.item() == pytest.approx(classification_loss(logits, TARGET, COUNTS, weighted).item())
    loss.backward()
    assert (more.grad[8:] == 0).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("docs", [0, 3])
def test_nothing_labelled_gives_zero(weighted, docs):
    logits = torch.randn(docs, 3, requires_grad=True)
    loss = classification_loss(logits, torch.full((docs,), -1), COUNTS, weighted)
    assert loss.item() == 0
    loss.backward()
    assert (logits.grad == 0).all()


def test_plain_is_cross_entropy_in_nats():
    assert classification_loss(torch.zeros(5, 4), torch.arange(5) % 4, torch.ones(4), False).item() == pytest.approx(
        np.log(4)
    )


def test_a_class_without_documents_weighs_nothing_out_of_bounds(logits):
    """Counted as one document, so that a label that training lacks has a finite weight."""
    weights = np.array([9 / 15, 9 / 9, 9 / 3])[TARGET.numpy()]
    loss = classification_loss(logits, TARGET, torch.tensor([5, 3, 0]), True)
    assert loss.item() == pytest.approx((weights * each(logits, TARGET)).mean())


def test_the_gradient_of_uninformative_logits_is_flat():
    """Every class weighs the same, so constant logits are already the best constant ones."""
    logits = torch.zeros(8, 3, dtype=torch.float64, requires_grad=True)
    classification_loss(logits, TARGET, COUNTS, True).backward()
    assert logits.grad.sum(0).abs().max().item() == pytest.approx(0, abs=1e-12)
