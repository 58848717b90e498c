"""Contrastive MMVAE: pairs and loss by hand, a floor, groups, and what the contrast is for."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import laplace, norm

from hilbert.baselines.cmmvae import ContrastiveMmvae


def slow_pair(method, audio, text, z_audio, z_text, by_hand):
    """The looser bound of log p(a, t) of one pair; z_*: (samples, latent), drawn from either expert."""
    experts = []
    for encoder, own in zip(method.encoders, (audio, text), strict=True):
        hidden = by_hand.gelu(by_hand.linear(encoder.hidden[0], own))
        scale = by_hand.softmax(by_hand.linear(encoder.scale, hidden))
        experts.append((by_hand.linear(encoder.mean, hidden), scale * len(scale) + 1e-6))
    found = []
    for samples in (z_audio, z_text):
        log_w = []
        for z in samples:
            value = laplace.logpdf(z).sum()
            for decoder, own in zip(method.decoders, (audio, text), strict=True):
                mean = by_hand.linear(decoder.mean[2], by_hand.gelu(by_hand.linear(decoder.mean[0], z)))
                sigma = np.logaddexp(0, decoder.raw.detach().double().numpy()) + 0.05
                value += 10 / len(own) * norm.logpdf(own, mean, sigma).sum()
            log_w.append(value - np.logaddexp(*(laplace.logpdf(z, *q).sum() for q in experts)) + math.log(2))
        found.append(logsumexp(log_w) - math.log(len(log_w)))
    return np.mean(found)


@pytest.mark.parametrize("groups", [list(range(6)), [0, 1, 0, 2, 3, 3]])
def test_the_loss_by_hand(groups, make_method, segment_batch, by_hand):
    method = make_method(ContrastiveMmvae, latent=3, samples=2, negatives=3, gamma=1.7)
    batch = segment_batch(6, lengths=(3, 2))._replace(groups=torch.tensor(groups))
    method.losses(batch, 0.0)
    method.eval()
    x, _ = method.inputs(batch)
    torch.manual_seed(4)
    found = float(method.losses(batch, 0.0)["total"].detach())
    torch.manual_seed(4)
    shifts = (1 + torch.randperm(5)[:3]).tolist()
    z = [encode(own).draw(2).detach().double().numpy() for encode, own in zip(method.encoders, x, strict=True)]
    audio, text = (own.double().numpy() for own in x)

    def pair(i, j):
        return slow_pair(method, audio[i], text[j], z[0][:, i], z[1][:, j], by_hand)

    losses = []
    for i in range(6):
        own = pair(i, i)
        texts = [pair(i, (i + s) % 6) for s in shifts if groups[(i + s) % 6] != groups[i]]
        audios = [pair((i - s) % 6, i) for s in shifts if groups[(i - s) % 6] != groups[i]]
        losses.append(-1.7 * own + 0.5 * (logsumexp([own, *texts]) + logsumexp([own, *audios])))
    assert found == pytest.approx(np.mean(losses) / 22, rel=1e-4)


def test_own_pairs_are_the_bound_of_mmvae(make_method, segment_batch):
    method, batch = make_method(ContrastiveMmvae).eval(), segment_batch(6, lengths=(3, 2))
    x, present = method.inputs(batch)
    with torch.no_grad():
        torch.manual_seed(1)
        pairs = method.pairs(x, torch.tensor([0, 2]), 10)
        torch.manual_seed(1)
        torch.testing.assert_close(pairs[0], method.bound(x, present, 10))


def test_one_group_or_one_document_has_no_contrast(make_method, segment_batch):
    method, batch = make_method(ContrastiveMmvae), segment_batch(6, lengths=(3, 2))
    for one in (batch._replace(groups=torch.zeros(6, dtype=torch.int64)), segment_batch(1, lengths=(3, 2))):
        assert float(method.losses(one, 0.0)["contrast"].detach()) == pytest.approx(0.0, abs=1e-4)
    assert float(method.losses(batch, 0.0)["contrast"].detach()) > 0
    assert float(method.losses(segment_batch(3, lengths=(3, 0)), 0.0)["total"]) == 0.0


def test_it_learns_to_tell_pairs_from_strangers(make_method, segment_batch):
    """Audio and text of a document share a class that strangers, all of other classes, do not."""
    method = make_method(ContrastiveMmvae, latent=4)
    batch = segment_batch(30, signal=3.0, lengths=(3, 3))
    batch = batch._replace(groups=torch.arange(30) % 3)
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-2)
    torch.manual_seed(0)
    contrasts = []
    for _ in range(120):
        parts = method.losses(batch, 0.0)
        optimiser.zero_grad()
        parts["total"].backward()
        optimiser.step()
        contrasts.append(float(parts["contrast"].detach()))
    assert np.mean(contrasts[-10:]) < 0.2 * np.mean(contrasts[:10])
    assert min(contrasts) >= -1e-4


def test_what_every_method_keeps(make_method, check_training, check_embedding):
    method = make_method(ContrastiveMmvae, dropout=0.2)
    check_training(ContrastiveMmvae, method)
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(ContrastiveMmvae, latent=8)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
