"""Symile against loops; with a constant third vector it is CLIP."""

import math

import pytest
import torch

from hilbert.baselines.symile import Symile, anchored
from hilbert.losses.contrastive import info_nce, unit


def slow_anchored(x, y, z, scale, order, groups):
    """One anchor, one candidate, one coordinate after the other, in float64."""
    x, y, z = (rows.double().tolist() for rows in (x, y, z))
    total = 0.0
    for i in range(len(x)):
        terms = {}
        for k, other in enumerate(order):
            if k == i:
                terms[k] = sum(a * b * c for a, b, c in zip(x[i], y[i], z[i], strict=True))
            elif all(j == i or groups[j] != groups[i] for j in (k, other)):
                terms[k] = sum(a * b * c for a, b, c in zip(x[i], y[k], z[other], strict=True))
        total -= math.log(math.exp(scale * terms[i]) / sum(math.exp(scale * term) for term in terms.values()))
    return total / len(x)


@pytest.mark.parametrize("groups", [list(range(7)), [0, 1, 0, 2, 3, 2, 4]])
def test_the_slow_definition(groups):
    torch.manual_seed(0)
    x, y, z = (unit(torch.randn(7, 4)) for _ in range(3))
    numbers = torch.tensor(groups)
    for _ in range(3):
        order = torch.randperm(7)
        fast = anchored(x, y, z, torch.tensor(9.0), order, numbers[:, None] == numbers)
        assert float(fast) == pytest.approx(slow_anchored(x, y, z, 9.0, order.tolist(), groups), abs=1e-5)


def test_the_loss_is_the_mean_of_three_anchors(make_method, segment_batch):
    method, batch = make_method(Symile), segment_batch(9, lengths=(3, 2))
    torch.manual_seed(1)
    parts = method.losses(batch, 0.0)
    torch.manual_seed(1)
    orders = [torch.randperm(9).tolist() for _ in range(3)]
    z = method.network(batch.inputs)
    a, t, j = (unit(head(own)).detach() for head, own in zip(method.heads, (z.audio, z.text, z.joint), strict=True))
    scale, groups = float(method.log_scale.exp().detach()), batch.groups.tolist()
    slow = [
        slow_anchored(*rows, scale, order, groups)
        for rows, order in zip(((a, t, j), (t, a, j), (j, a, t)), orders, strict=True)
    ]
    assert [float(parts[name].detach()) for name in ("audio", "text", "joint")] == pytest.approx(slow, abs=1e-4)
    assert float(parts["total"].detach()) == pytest.approx(sum(slow) / 3, abs=1e-4)


def test_with_a_constant_third_it_is_clip():
    """⟨x, y, 1⟩ is the inner product: both other anchors together are the symmetric InfoNCE."""
    torch.manual_seed(0)
    x, y = (unit(torch.randn(9, 5)) for _ in range(2))
    one, scale, none = torch.ones(9, 5), torch.tensor(7.0), torch.eye(9, dtype=torch.bool)
    order = torch.randperm(9)
    both = 0.5 * (anchored(x, y, one, scale, order, none) + anchored(y, x, one, scale, order, none))
    torch.testing.assert_close(both, info_nce(x, y, scale))


def test_with_two_constant_ones_nothing_is_told_apart():
    one, scale, none = torch.ones(9, 5), torch.tensor(7.0), torch.eye(9, dtype=torch.bool)
    value = anchored(unit(torch.randn(9, 5)), one, one, scale, torch.randperm(9), none)
    assert float(value) == pytest.approx(math.log(9), abs=1e-5)


def test_the_scale_may_exceed_that_of_clip(make_method):
    method = make_method(Symile)
    assert float(method.log_scale.exp().detach()) == pytest.approx(8 / 0.1, rel=1e-5)  # 64 wide
    with torch.no_grad():
        method.log_scale.fill_(99.0)
    method.after_step()
    assert float(method.log_scale.exp().detach()) == pytest.approx(800.0, rel=1e-4)


def test_what_every_method_keeps(make_method, check_training, check_embedding, constant_null):
    method = make_method(Symile, dropout=0.2)
    check_training(Symile, constant_null(method))
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Symile)
    assert model.transform(make_bags(5)[0]).shape == (5, 24)
