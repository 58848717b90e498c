"""Gated fusion: the formula, and a gate that can choose."""

import numpy as np
import pytest
import torch

from hilbert.baselines.gmu import Gmu


def test_loss_is_that_of_loops(make_method, segment_batch, by_hand):
    method, batch = make_method(Gmu), segment_batch()
    logits = []
    for (audio, _), (text, _) in zip(
        by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True
    ):
        a, t = by_hand.encode(method.audio, audio), by_hand.encode(method.text, text)
        g = by_hand.sigmoid(by_hand.linear(method.gate, np.concatenate([a, t])))
        h = g * np.tanh(by_hand.linear(method.from_audio, a)) + (1 - g) * np.tanh(by_hand.linear(method.from_text, t))
        logits.append(by_hand.linear(method.classify, h))
    losses = method.losses(batch, 0.0)
    assert losses["total"].item() == pytest.approx(by_hand.label_loss(method, logits, batch), rel=1e-5)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-5)


@torch.no_grad()
def test_the_gate_chooses_between_modalities(make_method, segment_batch):
    method, batch = make_method(Gmu), segment_batch()
    ends = [
        getattr(method, f"from_{m}")(getattr(method, m)(getattr(batch.inputs, m))).tanh() for m in ("audio", "text")
    ]
    h = method.represent(batch)
    assert (h >= torch.minimum(*ends) - 1e-6).all()
    assert (h <= torch.maximum(*ends) + 1e-6).all()
    for bias, chosen in ((50.0, ends[0]), (-50.0, ends[1])):
        method.gate.bias.fill_(bias)
        torch.testing.assert_close(method.represent(batch), chosen)


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(Gmu))
    check_training(Gmu, make_method(Gmu))
    check_fit(Gmu)
