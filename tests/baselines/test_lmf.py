"""Low-rank fusion is tensor fusion with a factorised weight."""

import numpy as np
import pytest
import torch

from hilbert.baselines.lmf import Lmf, LowRankFusion
from hilbert.baselines.tfn import TensorFusion

FACTOR, OUT = 4, 6


def test_loss_is_that_of_loops(make_method, segment_batch, by_hand):
    method, batch = make_method(Lmf, factor=3, rank=2), segment_batch()
    left, right, bias = (
        p.detach().double().numpy() for p in (method.fusion.audio, method.fusion.text, method.fusion.bias)
    )
    logits = []
    for (audio, _), (text, _) in zip(
        by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True
    ):
        a, t = (
            np.array([1.0, *by_hand.linear(side[2], by_hand.gelu(by_hand.encode(side[0], values)))])
            for side, values in ((method.audio, audio), (method.text, text))
        )
        h = bias + sum((a @ left[r]) * (t @ right[r]) for r in range(2))
        logits.append(by_hand.linear(method.classify, by_hand.gelu(h)))
    losses = method.losses(batch, 0.0)
    assert losses["total"].item() == pytest.approx(by_hand.label_loss(method, logits, batch), rel=1e-5)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("rank", [1, 4])
def test_is_tensor_fusion_with_the_product_of_its_factors(rank):
    torch.manual_seed(0)
    low, full = LowRankFusion(FACTOR, OUT, rank).double(), TensorFusion(FACTOR, OUT, 0.0).double()
    full.linear.weight.copy_(torch.einsum("rio,rjo->oij", low.audio, low.text).flatten(1))
    full.linear.bias.copy_(low.bias)
    a, t = torch.randn(2, 9, FACTOR, dtype=torch.float64)
    torch.testing.assert_close(low(a, t), full(a, t))


@torch.no_grad()
def test_with_enough_rank_is_any_tensor_fusion():
    torch.manual_seed(1)
    full, low = TensorFusion(FACTOR, OUT, 0.0).double(), LowRankFusion(FACTOR, OUT, 1 + FACTOR).double()
    weight = full.linear.weight.view(OUT, 1 + FACTOR, 1 + FACTOR)
    low.audio.copy_(torch.eye(1 + FACTOR, dtype=torch.float64)[..., None].expand_as(low.audio))
    low.text.copy_(weight.permute(1, 2, 0))
    low.bias.copy_(full.linear.bias)
    a, t = torch.randn(2, 9, FACTOR, dtype=torch.float64)
    torch.testing.assert_close(low(a, t), full(a, t))


@torch.no_grad()
def test_starts_at_unit_variance_whatever_the_rank():
    torch.manual_seed(2)
    for rank in (1, 8):
        a, t = torch.randn(2, 400, 32)
        assert 0.6 < float(LowRankFusion(32, 64, rank)(a, t).var()) < 1.6


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(Lmf, factor=3))
    check_training(Lmf, make_method(Lmf, factor=3))
    check_fit(Lmf, factor=4)
