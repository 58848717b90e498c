"""NT-Xent against loops, and views that share no segment."""

import math

import pytest
import torch

from hilbert.baselines.method import random_split
from hilbert.baselines.simclr import Simclr, nt_xent
from hilbert.objectives.contrastive import unit


def slow_nt_xent(x, y, scale, groups):
    """Anchor by anchor, candidate by candidate, in float64."""
    rows = [*x.detach().double(), *y.detach().double()]
    docs, losses = len(x), []
    for anchor in range(2 * docs):
        partner = (anchor + docs) % (2 * docs)
        similar = {}
        for other in range(2 * docs):
            same = groups[other % docs] == groups[anchor % docs]
            if other == partner or (other != anchor and not same):
                similar[other] = math.exp(scale * float(rows[anchor] @ rows[other]))
        losses.append(-math.log(similar[partner] / sum(similar.values())))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 1, 0, 2, 2]])
def test_the_slow_definition(groups):
    torch.manual_seed(0)
    x, y = (unit(torch.randn(5, 3)) for _ in range(2))
    numbers = torch.tensor(groups)
    fast = nt_xent(x, y, 4.0, numbers[:, None] == numbers)
    assert float(fast) == pytest.approx(slow_nt_xent(x, y, 4.0, groups), abs=1e-5)
    if len(set(groups)) == 5:
        assert float(nt_xent(x, y, 4.0)) == pytest.approx(float(fast))


def test_constant_rows_give_the_logarithm_of_the_candidates():
    x = unit(torch.ones(8, 4))
    assert float(nt_xent(x, x, 5.0)) == pytest.approx(math.log(15))
    assert float(nt_xent(x[:1], x[:1], 5.0)) == 0.0


def test_one_group_has_no_negatives():
    x, y = (unit(torch.randn(4, 3)) for _ in range(2))
    assert float(nt_xent(x, y, 5.0, torch.ones(4, 4, dtype=torch.bool))) == 0.0


def test_views_share_no_segment_but_a_lone_one(segment_batch):
    audio = segment_batch(4, lengths=[[5, 1], [1, 1], [0, 1], [4, 1]]).audio
    first, second = random_split(audio)
    assert first.lengths.tolist() == [3, 1, 0, 2]
    assert second.lengths.tolist() == [2, 1, 0, 2]
    for left, right, every in zip(*(part.values.split(part.lengths.tolist()) for part in (first, second, audio)),
                                  strict=True):  # fmt: skip
        if len(every) > 1:
            both = torch.cat([left, right])
            assert sorted(both[:, 0].tolist()) == sorted(every[:, 0].tolist())


def test_the_loss_is_that_of_two_views(make_method, segment_batch):
    method, batch = make_method(Simclr), segment_batch()
    torch.manual_seed(3)
    found = method.losses(batch, 0.0)["total"]
    torch.manual_seed(3)
    (a1, a2), (t1, t2) = random_split(batch.audio), random_split(batch.text)
    x, y = (unit(method.head(torch.cat([method.audio(a), method.text(t)], 1))) for a, t in ((a1, t1), (a2, t2)))
    assert float(found.detach()) == pytest.approx(slow_nt_xent(x, y, 5.0, batch.groups.tolist()), abs=1e-5)


def test_what_every_method_keeps(make_method, check_training, check_embedding):
    method = make_method(Simclr, dropout=0.2)
    check_training(Simclr, method)
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Simclr)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
