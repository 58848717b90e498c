"""MMVAE: weights by hand, the bound below the likelihood of a quadrature, and DReG's gradient."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import laplace, norm
from torch.nn import functional as F

from hilbert.baselines.mmvae import CommonScale, Laplace, Mmvae, pooled


def slow_decode(decoder, z, by_hand):
    """Mean and σ of one sample (latent,), in float64."""
    mean = by_hand.linear(decoder.mean[2], by_hand.gelu(by_hand.linear(decoder.mean[0], z)))
    return mean, np.logaddexp(0, decoder.raw.detach().double().numpy()) + 0.05


def slow_expert(encoder, x, by_hand):
    """Mean and scale of one document's posterior, in float64."""
    hidden = by_hand.gelu(by_hand.linear(encoder.hidden[0], x))
    scale = by_hand.softmax(by_hand.linear(encoder.scale, hidden))
    return by_hand.linear(encoder.mean, hidden), scale * len(scale) + 1e-6


def slow_log_likelihood(method, x, z, present, by_hand):
    """log p(z) + Σ_d s_d log p(x_d | z) over the modalities there are."""
    total, smallest = laplace.logpdf(z).sum(), min(len(own) for own in x)
    for decoder, own, has in zip(method.decoders, x, present, strict=True):
        if has:
            mean, sigma = slow_decode(decoder, z, by_hand)
            total += smallest / len(own) * norm.logpdf(own, mean, sigma).sum()
    return total


def slow_bound(method, x, present, z, by_hand):
    """One document: x two vectors, present two flags, z (experts, samples, latent)."""
    here = [m for m in range(2) if present[m]]
    experts = {m: slow_expert(method.encoders[m], x[m], by_hand) for m in here}
    found = []
    for m in here:
        log_w = []
        for sample in z[m]:
            densities = [laplace.logpdf(sample, *experts[n]).sum() for n in here]
            log_q = logsumexp(densities) - math.log(len(here))
            log_w.append(slow_log_likelihood(method, x, sample, present, by_hand) - log_q)
        found.append(logsumexp(log_w) - math.log(len(log_w)))
    return np.mean(found)


def test_the_loss_by_hand(make_method, segment_batch, by_hand):
    method, batch = make_method(Mmvae, latent=4, samples=3), segment_batch()
    method.losses(batch, 0.0)  # for its moments
    method.eval()
    x, present = method.inputs(batch)
    torch.manual_seed(5)
    found = float(method.losses(batch, 0.0)["total"].detach())
    torch.manual_seed(5)
    z = [encode(own).draw(3).detach().double().numpy() for encode, own in zip(method.encoders, x, strict=True)]
    assert bool((~present).any(dim=0).any())
    slow = [
        slow_bound(
            method,
            [own[doc].double().numpy() for own in x],
            present[:, doc].tolist(),
            [samples[:, doc] for samples in z],
            by_hand,
        )
        for doc in range(12)
    ]
    assert found == pytest.approx(-np.mean(slow) / (12 + 10), rel=1e-4)


@pytest.fixture
def one_latent(make_method, segment_batch):
    """A method with one latent, where the likelihood is a number that can be computed; and inputs."""
    method = make_method(Mmvae, latent=1)
    batch = segment_batch(6, lengths=(3, 3))
    method.losses(batch, 0.0)
    method.eval()
    return method, *method.inputs(batch)


def quadrature(method, x, by_hand):
    """log ∫ p(z) Π p(x_d | z)^{s_d} dz of each document."""
    grid = np.linspace(-12, 12, 401)
    exact = []
    for doc in range(len(x[0])):
        own = [part[doc].double().numpy() for part in x]
        values = [slow_log_likelihood(method, own, np.array([z]), (True, True), by_hand) for z in grid]
        exact.append(logsumexp(values) + math.log(grid[1] - grid[0]))
    return np.array(exact)


def test_the_bound_rises_with_the_samples_and_stays_below_the_likelihood(one_latent, by_hand):
    method, x, present = one_latent
    exact = quadrature(method, x, by_hand)
    torch.manual_seed(0)
    with torch.no_grad():
        means = []
        for samples, repeats in ((1, 2000), (5, 400), (50, 60), (2000, 4)):
            bounds = method.bound([own.repeat(repeats, 1) for own in x], present.repeat(1, repeats), samples)
            means.append(bounds.double().numpy().reshape(repeats, -1).mean(axis=0))
        assert all((np.diff(means, axis=0) > -0.02).ravel())
        assert (means[-1] > means[0]).all()
        assert (means[-1] < exact + 0.02).all()
        # over the whole mixture, instead of each expert's logarithm, it comes to the likelihood itself
        experts = [encode(own) for encode, own in zip(method.encoders, x, strict=True)]
        z = torch.stack([q.draw(20000) for q in experts])
        tight = method.log_weights(z, x, experts, present).flatten(0, 1).logsumexp(0) - math.log(40000)
    np.testing.assert_allclose(tight, exact, atol=0.05)
    assert (means[-1] < tight.numpy() + 0.05).all()


def test_the_gradient_is_that_of_dreg(one_latent):
    """Decoders: w̃ ∂log w; encoders: w̃² ∂log w / ∂z ∂z / ∂φ, posteriors constant in log q."""
    method, x, present = one_latent
    torch.manual_seed(2)
    method.bound(x, present, 7).sum().backward()
    found = {name: p.grad.clone() for name, p in method.named_parameters()}
    method.zero_grad()
    torch.manual_seed(2)
    experts = [encode(own) for encode, own in zip(method.encoders, x, strict=True)]
    z = torch.stack([q.draw(7) for q in experts])
    still = z.detach().requires_grad_()
    log_w = method.log_weights(still, x, [q.constant() for q in experts], present)
    slope = torch.autograd.grad(log_w.sum(), still, retain_graph=True)[0]
    weight = log_w.detach().softmax(dim=1)
    (0.5 * weight * log_w).sum().backward()
    (0.5 * weight[..., None].square() * slope * z).sum().backward()
    for name, p in method.named_parameters():
        torch.testing.assert_close(found[name], p.grad, atol=1e-5, rtol=1e-3)


def test_dreg_and_the_plain_gradient_agree_on_average(one_latent):
    """Where there is one expert, both estimate the same."""
    method, x, _ = one_latent
    own = x[0][:1].expand(40000, -1)
    only, samples = torch.tensor([[True], [False]]).expand(2, 40000), 4
    inputs, encode = [own, x[1][:1].expand(40000, -1)], method.encoders[0]
    bias = encode.mean.bias
    torch.manual_seed(0)
    dreg = torch.autograd.grad(method.bound(inputs, only, samples).mean(), bias)[0]
    q = encode(own)
    log_w = method.log_weights(q.draw(samples), inputs, [q, q], only)
    plain = torch.autograd.grad(log_w.logsumexp(0).mean(), bias)[0]
    assert float(dreg) == pytest.approx(float(plain), rel=0.1)


def test_a_missing_modality_has_no_part(make_method, segment_batch):
    method, batch = make_method(Mmvae), segment_batch(6, lengths=(3, 0))
    method.losses(batch, 0.0)["total"].backward()
    for name, part in (("encoders", method.encoders), ("decoders", method.decoders)):
        assert all(p.grad.any() for p in part[0].parameters()), name
        assert all(p.grad is None or not p.grad.any() for p in part[1].parameters()), name
    z = method.eval().embed(batch)
    assert z["text"].shape == (6, 32)
    assert not z["text"].any()
    assert z["audio"].any()


def test_both_modalities_weigh_alike(make_method):
    method = make_method(Mmvae)
    assert [s * dim for s, dim in zip(method.powers, (12, 10), strict=True)] == pytest.approx([10, 10])


def test_laplace_draws_and_densities():
    torch.manual_seed(0)
    q = Laplace(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0]))
    z = q.draw(200000)
    np.testing.assert_allclose(z.mean(0), [1, -2], atol=0.03)
    np.testing.assert_allclose(z.std(0), np.sqrt(2) * np.array([0.5, 2.0]), rtol=0.02)
    expected = laplace.logpdf(z[:50].double(), [1, -2], [0.5, 2.0]).sum(1)
    np.testing.assert_allclose(q.log_density(z[:50]), expected, rtol=1e-5)


def test_pooled_is_mean_and_spread(segment_batch, by_hand):
    batch = segment_batch()
    for row, (values, _) in zip(pooled(batch.inputs.audio), by_hand.documents(batch.inputs.audio), strict=True):
        x = values.double().numpy() if len(values) else np.zeros((1, 6))
        np.testing.assert_allclose(row, np.concatenate([x.mean(0), np.maximum(x.std(0), 1e-3)]), atol=1e-5)


def test_moments_are_those_of_all_rows_seen_and_the_spectrum_stays():
    torch.manual_seed(0)
    layer, rows = CommonScale(3), 5 + torch.tensor([2.0, 1.0, 0.1]) * torch.randn(60, 3)
    for part in rows.split([1, 20, 0, 39]):
        layer(part, torch.ones(len(part), dtype=torch.bool))
    layer(100 * torch.ones(4, 3), torch.zeros(4, dtype=torch.bool))  # rows that there are not
    layer.eval()
    x = torch.randn(4, 3)
    deviation = ((60 * rows.var(0, correction=0).mean() + 0.01) / 60.01).sqrt()
    torch.testing.assert_close(layer(x, torch.ones(4, dtype=torch.bool)), (x - rows.mean(0)) / deviation)
    assert float(layer.count) == 60
    fresh = CommonScale(3).eval()
    assert torch.equal(fresh(x, torch.ones(4, dtype=torch.bool)), x)


def test_sigma_starts_at_one(make_method):
    raw = make_method(Mmvae).decoders[0].raw
    torch.testing.assert_close(F.softplus(raw.detach()) + 0.05, torch.ones(12))


def test_what_every_method_keeps(make_method, check_training, check_embedding):
    method = make_method(Mmvae, dropout=0.2)
    check_training(Mmvae, method)
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Mmvae, latent=8)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
