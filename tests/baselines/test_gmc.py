"""GMC: one base network, one head, and NT-Xent of each modality with the joint embedding."""

import math

import pytest
import torch

from hilbert.baselines.bases import SegmentBase
from hilbert.baselines.gmc import Gmc
from hilbert.losses.contrastive import unit


@pytest.mark.parametrize("groups", [list(range(8)), [0, 0, 1, 2, 3, 4, 4, 5]])
def test_the_slow_definition(make_method, segment_batch, by_hand, groups):
    batch = segment_batch(8)._replace(groups=torch.tensor(groups))
    method = make_method(Gmc)
    z = method.network(batch.inputs)
    expected = {}
    for name, own, has in (("audio", z.audio, z.has_audio), ("text", z.text, z.has_text)):
        rows = has.nonzero().squeeze(1).tolist()
        projected = [unit(method.head(x[rows])).detach() for x in (own, z.joint)]
        expected[name] = by_hand.nt_xent(*projected, 1 / 0.3, [groups[row] for row in rows])
    parts = method.losses(batch, 0.0)
    for name, value in (expected | {"total": sum(expected.values())}).items():
        assert float(parts[name].detach()) == pytest.approx(value, abs=1e-5)


def test_the_head_is_shared(make_method, segment_batch):
    method = make_method(Gmc, dropout=0.3)
    assert isinstance(method.network, SegmentBase)
    assert method.network.width == 8
    assert method.network.project_audio.dropout.p == 0.3
    named = [name for name, _ in method.named_children()]
    assert named == ["network", "head"]
    assert list(method.embed(segment_batch())) == ["audio", "text", "joint"]


def test_equal_projections_give_the_logarithm_of_the_candidates(make_method, segment_batch):
    method = make_method(Gmc)
    torch.nn.init.zeros_(method.head.layers[-1].weight)
    batch = segment_batch(10, lengths=(3, 2))
    parts = method.losses(batch._replace(groups=torch.arange(10)), 0.0)
    assert float(parts["total"].detach()) == pytest.approx(2 * math.log(19), abs=1e-5)


def test_what_every_method_keeps(make_method, check_training, check_embedding):
    method = make_method(Gmc, dropout=0.2)
    check_training(Gmc, method)
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Gmc)
    assert model.transform(make_bags(5)[0]).shape == (5, 24)
