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
    for audio, text in zip(by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True):
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
    padded, mask = pad(batch.inputs.audio.values, batch.inputs.audio.lengths)
    ends = batch.inputs.audio.lengths.cumsum(0) - 1
    full = batch.inputs.audio.lengths > 0
    assert torch.equal(last_step(padded[full], mask[full]), batch.inputs.audio.values[ends[full]])


@torch.no_grad()
def test_nothing_is_causal_and_time_tells_the_order(make_method, segment_batch):
    method, batch = make_method(Mult, pooling="last"), segment_batch(4, lengths=(4, 4))
    audio = batch.inputs.audio

    def embedded(**changes):
        inputs = batch.inputs._replace(audio=audio._replace(**changes))
        return method.embed(batch._replace(inputs=inputs))["joint"]

    values = audio.values.clone()
    values[::4] += 1.0  # the first segment of each document
    assert (embedded(values=values) != embedded()).any(1).all()
    method = make_method(Mult)
    order = torch.arange(16).view(4, 4).flip(1).flatten()
    turned = embedded(values=audio.values[order], times=audio.times[order])
    torch.testing.assert_close(turned, embedded(), atol=1e-5, rtol=1e-5)
    assert (embedded(values=audio.values[order]) - embedded()).abs().max() > 1e-3


def test_fit(check_fit):
    check_fit(Mult, heads=2)
