"""Tensor fusion: all products of both modalities."""

import numpy as np
import pytest
import torch

from hilbert.baselines.tfn import TensorFusion, Tfn


def test_loss_is_that_of_loops(make_method, segment_batch, by_hand):
    method, batch = make_method(Tfn, factor=3), segment_batch()
    logits = []
    for (audio, _), (text, _) in zip(
        by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True
    ):
        a, t = (
            [1.0, *by_hand.linear(side[2], by_hand.gelu(by_hand.encode(side[0], values)))]
            for side, values in ((method.audio, audio), (method.text, text))
        )
        product = np.array([x * y for x in a for y in t])
        logits.append(by_hand.linear(method.classify, by_hand.gelu(by_hand.linear(method.fusion.linear, product))))
    losses = method.losses(batch, 0.0)
    assert losses["total"].item() == pytest.approx(by_hand.label_loss(method, logits, batch), rel=1e-5)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-5)


def test_unimodal_and_bimodal_parts():
    torch.manual_seed(0)
    fusion, (a, t) = TensorFusion(3, 1, 0.0).double(), torch.randn(2, 7, 3, dtype=torch.float64)
    weight = fusion.linear.weight.detach().view(4, 4)
    expected = (
        fusion.linear.bias + weight[0, 0] + a @ weight[1:, 0] + t @ weight[0, 1:] + (a @ weight[1:, 1:] * t).sum(1)
    )
    torch.testing.assert_close(fusion(a, t)[:, 0], expected)


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(Tfn, factor=3))
    check_training(Tfn, make_method(Tfn, factor=3))
    check_fit(Tfn, factor=4)
