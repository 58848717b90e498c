"""Cross-modal transformers: the formula a document at a time, positions, and the last real segment."""

import numpy as np
import pytest
import torch

from hilbert.baselines.mult import Mult, last_step
from hilbert.nn.ragged import pad

VARIANTS = [{"layers": 1, "pooling": "attention"}, {"layers": 2, "pooling": "last"}]


@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_is_that_of_loops(variant, make_method, segment_batch, by_hand):
    method, batch = make_method(Mult, **variant), segment_batch()
    logits = []
    for audio, text in zip(by_hand.documents(batch.audio), by_hand.documents(batch.text), strict=True):
        a, t = by_hand.project(method.audio, *audio), by_hand.project(method.text, *text)
        pooled = []
        for stream, x, source in ((method.to_audio, a, t), (method.to_text, t, a)):
            for layer in stream.cross:
                x = by_hand.attend(layer, x, source)
            for layer in stream.memory:
                x = by_hand.attend(layer, x, x)
            pooled.append(x[-1] if variant["pooling"] == "last" else by_hand.pool(stream.pool, x))
        p = np.concatenate(pooled)
        h = p + by_hand.linear(method.residual[3], np.maximum(by_hand.linear(method.residual[0], p), 0))
        logits.append(by_hand.linear(method.classify, h))
    losses = method.losses(batch, 0.0)
    assert losses["total"].item() == pytest.approx(by_hand.label_loss(method, logits, batch), rel=1e-4)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_embedding_and_training(variant, make_method, check_embedding, check_training):
    check_embedding(make_method(Mult, **variant))
    check_training(Mult, make_method(Mult, **variant))


def test_the_last_step_is_no_padding(segment_batch):
    batch = segment_batch()
    padded, mask = pad(batch.audio.values, batch.audio.lengths)
    ends = batch.audio.lengths.cumsum(0) - 1
    full = batch.audio.lengths > 0
    assert torch.equal(last_step(padded[full], mask[full]), batch.audio.values[ends[full]])


@torch.no_grad()
def test_nothing_is_causal_and_time_tells_the_order(make_method, segment_batch):
    method, batch = make_method(Mult, pooling="last"), segment_batch(4, lengths=(4, 4))
    z = method.embed(batch)["joint"]
    values = batch.audio.values.clone()
    values[::4] += 1.0  # the first segment of each document
    assert (method.embed(batch._replace(audio=batch.audio._replace(values=values)))["joint"] != z).any(1).all()
    method = make_method(Mult)
    order = torch.arange(16).view(4, 4).flip(1).flatten()
    turned = batch.audio._replace(values=batch.audio.values[order], times=batch.audio.times[order])
    z = method.embed(batch)["joint"]
    torch.testing.assert_close(method.embed(batch._replace(audio=turned))["joint"], z, atol=1e-5, rtol=1e-5)
    reversed_in_time = batch.audio._replace(values=batch.audio.values[order])
    assert (method.embed(batch._replace(audio=reversed_in_time))["joint"] - z).abs().max() > 1e-3


def test_fit(check_fit):
    check_fit(Mult, heads=2)
