"""The loss against loops, and views that share no segment."""

import pytest
import torch

from hilbert.baselines.simclr import Simclr, random_split
from hilbert.losses.contrastive import unit


def test_views_share_no_segment_but_a_lone_one(segment_batch):
    audio = segment_batch(4, lengths=[[5, 1], [1, 1], [0, 1], [4, 1]]).inputs.audio
    first, second = random_split(audio)
    assert first.lengths.tolist() == [3, 1, 0, 2]
    assert second.lengths.tolist() == [2, 1, 0, 2]
    for left, right, every in zip(*(part.values.split(part.lengths.tolist()) for part in (first, second, audio)),
                                  strict=True):  # fmt: skip
        if len(every) > 1:
            both = torch.cat([left, right])
            assert sorted(both[:, 0].tolist()) == sorted(every[:, 0].tolist())


def test_the_loss_is_that_of_two_views(make_method, segment_batch, by_hand):
    method, batch = make_method(Simclr), segment_batch()
    torch.manual_seed(3)
    found = method.losses(batch, 0.0)["total"]
    torch.manual_seed(3)
    (a1, a2), (t1, t2) = random_split(batch.inputs.audio), random_split(batch.inputs.text)
    x, y = (unit(method.head(torch.cat([method.audio(a), method.text(t)], 1))) for a, t in ((a1, t1), (a2, t2)))
    assert float(found.detach()) == pytest.approx(by_hand.nt_xent(x, y, 5.0, batch.groups.tolist()), abs=1e-5)


def test_what_every_method_keeps(make_method, check_training, check_embedding):
    method = make_method(Simclr, dropout=0.2)
    check_training(Simclr, method)
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Simclr)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
