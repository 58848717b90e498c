"""Sparse experts: the formula with its router losses, two experts a document, jitter in training alone."""

import numpy as np
import pytest
import torch

from hilbert.baselines.st_moe import StMoe, mean_and_spread


def by_loops(method, batch, by_hand):
    """Logits, gates, router probabilities and router logits of each document."""
    experts, found = method.experts, []
    for row in range(len(batch.target)):
        pooled = []
        for name, norm in (("audio", method.norm_audio), ("text", method.norm_text)):
            x = by_hand.documents(getattr(batch.inputs, name))[row][0].double().numpy()
            mean, spread = (x.mean(0), x.std(0)) if len(x) else np.zeros((2, x.shape[1]))
            pooled.append(by_hand.norm(norm, np.concatenate([mean, np.maximum(spread, 1e-3)])))
        x = by_hand.linear(method.mix, np.concatenate(pooled))
        blocks = zip(experts.norm.norms, np.split(x, 3), strict=True)
        x = np.concatenate([by_hand.norm(norm, part) for norm, part in blocks])
        router = by_hand.linear(experts.router, x)
        p = by_hand.softmax(router)
        gate = np.where(p >= np.sort(p)[-2], p, 0)
        gate = gate / gate.sum()
        h = 0.0
        for e in range(len(p)):
            w1, b1, w2, b2 = (getattr(experts, name)[e].detach().double().numpy() for name in ("w1", "b1", "w2", "b2"))
            h = h + gate[e] * (by_hand.gelu(x @ w1 + b1) @ w2 + b2)
        found.append((by_hand.linear(method.classify, by_hand.norm(method.norm, h)), gate, p, router))
    return [np.array(values) for values in zip(*found, strict=True)]


def test_loss_is_that_of_loops(make_method, segment_batch, by_hand):
    method, batch = make_method(StMoe, hidden=4, jitter=0.0), segment_batch()
    logits, gate, p, router = by_loops(method, batch, by_hand)
    label = by_hand.label_loss(method, logits, batch)
    balance = sum(len(p[0]) * (gate[:, e] > 0).mean() / 2 * p[:, e].mean() for e in range(len(p[0])))
    z = np.mean(np.log(np.exp(router).sum(1)) ** 2)
    expected = {"label": label, "load_balance": balance, "router_z": z, "total": label + 0.01 * balance + 0.001 * z}
    losses = {name: value.item() for name, value in method.losses(batch, 0.0).items()}
    assert losses == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-4)


def test_two_experts_for_every_document(make_method, segment_batch):
    method, batch = make_method(StMoe, experts=8), segment_batch(40)
    seen = []
    method.experts.router.register_forward_hook(lambda module, inputs, output: seen.append(output))
    assert method.logits(batch).shape == (40, 3)
    gate = method.experts.gate(seen[0])
    assert ((gate > 0).sum(1) == 2).all()
    torch.testing.assert_close(gate.sum(1), torch.ones(40))


def test_jitter_is_for_training_alone(make_method, segment_batch):
    method, batch = make_method(StMoe, jitter=0.5), segment_batch()
    assert not torch.equal(method.logits(batch), method.logits(batch))
    method.eval()
    assert torch.equal(method.logits(batch), method.logits(batch))
    method.experts.router.jitter = 0.0
    steady = method.logits(batch)
    method.train()
    torch.testing.assert_close(method.logits(batch), steady)


def test_a_lone_segment_has_no_spread(segment_batch):
    batch = segment_batch()
    pooled = mean_and_spread(batch.inputs.audio)
    assert not pooled[0, :6].any()
    torch.testing.assert_close(pooled[[0, 2], 6:], torch.full((2, 6), 1e-3))


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(StMoe))
    check_training(StMoe, make_method(StMoe, hidden=4))
    check_fit(StMoe, hidden=4)
