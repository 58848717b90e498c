"""Attention pooling: the formula, and modalities that are not read."""

import numpy as np
import pytest
import torch

from hilbert.baselines.abmil import Abmil, AbmilAudio, AbmilText

KINDS = (AbmilAudio, AbmilText, Abmil)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pooling", ["attention", "statistics"])
def test_loss_is_that_of_loops(kind, pooling, make_method, segment_batch, by_hand):
    method, batch = make_method(kind, pooling=pooling), segment_batch()
    logits = []
    for row in range(12):
        pooled = [
            by_hand.pool(
                method.pool[m], by_hand.project(method.project[m], by_hand.documents(getattr(batch.inputs, m))[row][0])
            )
            for m in method.modalities
        ]
        hidden = by_hand.gelu(by_hand.linear(method.hidden[1], np.concatenate(pooled)))
        logits.append(by_hand.linear(method.classify, hidden))
    losses = method.losses(batch, 0.0)
    assert losses["total"] is losses["label"]
    assert losses["label"].item() == pytest.approx(by_hand.label_loss(method, logits, batch), rel=1e-5)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_embedding_and_training(kind, make_method, check_embedding, check_training):
    check_embedding(make_method(kind))
    check_training(kind, make_method(kind))


@pytest.mark.parametrize(("kind", "read", "unread"), [(AbmilAudio, "audio", "text"), (AbmilText, "text", "audio")])
def test_the_other_modality_is_never_read(kind, read, unread, make_method, segment_batch):
    method, batch = make_method(kind), segment_batch()
    blind = batch._replace(inputs=batch.inputs._replace(**{unread: None}))
    assert torch.equal(method.logits(blind), method.logits(batch))
    assert torch.equal(method.losses(blind, 0.0)["total"], method.losses(batch, 0.0)["total"])
    assert list(method.embed(blind)) == [read]
    assert all(unread not in name for name, _ in method.named_parameters())


@pytest.mark.parametrize(("kind", "unread"), [(AbmilAudio, "text"), (AbmilText, "audio"), (Abmil, None)])
def test_fit(kind, unread, check_fit, make_bags):
    model = check_fit(kind)
    if unread:
        bags, _, _ = make_bags(48, signal=3.0, groups=24)
        np.testing.assert_array_equal(model.transform(bags.without(unread)), model.transform(bags))
