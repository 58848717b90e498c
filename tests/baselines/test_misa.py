"""MISA: every term by hand, and the moment discrepancy's edges."""

import numpy as np
import pytest
import torch

from hilbert.baselines.misa import Misa, correlation, moment_discrepancy


def slow_discrepancy(x, y):
    x, y = (np.asarray(z, dtype=np.float64) for z in (x, y))
    total = np.sqrt(sum((x[:, i].mean() - y[:, i].mean()) ** 2 for i in range(x.shape[1])))
    for k in (2, 3, 4, 5):
        squares = 0.0
        for i in range(x.shape[1]):
            moments = [sum((v - z[:, i].mean()) ** k for v in z[:, i]) / len(z) for z in (x, y)]
            squares += (moments[0] - moments[1]) ** 2
        total += np.sqrt(squares)
    return total


def slow_correlation(x, y):
    x, y = (z - z.mean(0) for z in (x, y))
    x, y = (z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-6) for z in (x, y))
    pairs = [(i, j) for i in range(x.shape[1]) for j in range(y.shape[1])]
    return sum(sum(x[n, i] * y[n, j] for n in range(len(x))) ** 2 for i, j in pairs) / len(pairs)


def test_losses_are_those_of_loops(make_method, segment_batch, by_hand):
    method, batch = make_method(Misa), segment_batch()
    found = {"audio": [], "text": []}
    logits = []
    for row in range(12):
        tokens = []
        for name in ("audio", "text"):
            encoder, norm = getattr(method, name)
            u = by_hand.norm(norm, by_hand.encode(encoder, by_hand.documents(getattr(batch.inputs, name))[row][0]))
            p = by_hand.sigmoid(by_hand.linear(getattr(method, f"private_{name}"), u))
            s = by_hand.sigmoid(by_hand.linear(method.shared, u))
            found[name].append((u, p, s))
            tokens.append((p, s))
        sequence = np.array([tokens[0][0], tokens[1][0], tokens[0][1], tokens[1][1]])
        h = by_hand.linear(method.fuse[0], by_hand.attend(method.attention, sequence, sequence).ravel())
        logits.append(by_hand.linear(method.classify, by_hand.gelu(h)))
    reconstruction = 0.0
    for name, without in (("audio", 0), ("text", 1)):
        decode = getattr(method, f"decode_{name}")
        errors = [np.mean((u - by_hand.linear(decode, p + s)) ** 2) for u, p, s in found[name]]
        reconstruction += 0.5 * np.mean(np.delete(errors, without))
    (pa, sa), (pt, st) = (np.array([(p, s) for _, p, s in found[name][2:]]).swapaxes(0, 1) for name in found)
    expected = {
        "label": by_hand.label_loss(method, logits, batch),
        "similarity": slow_discrepancy(sa, st),
        "difference": slow_correlation(pa, sa) + slow_correlation(pt, st) + slow_correlation(pa, pt),
        "reconstruction": reconstruction,
    }
    expected["total"] = (
        expected["label"] + expected["similarity"] + 0.3 * expected["difference"] + expected["reconstruction"]
    )
    losses = {name: value.item() for name, value in method.losses(batch, 0.0).items()}
    assert losses == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(method.logits(batch).detach(), logits, atol=1e-4)


def test_discrepancy_against_loops():
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 5)), rng.beta(2, 3, (41, 5))
    assert float(moment_discrepancy(torch.tensor(x), torch.tensor(y))) == pytest.approx(
        slow_discrepancy(x, y), rel=1e-9
    )


def test_discrepancy_of_equal_samples_is_zero_with_a_finite_gradient():
    x = torch.rand(9, 4, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    value = moment_discrepancy(x, y)
    assert value.item() == 0.0
    value.backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(y.grad).all()


def test_discrepancy_sees_each_moment():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(400, 3, generator=generator, dtype=torch.float64)
    shifted, narrower = x + 0.1, 0.5 + 0.5 * (x - 0.5)
    assert float(moment_discrepancy(x, shifted)) == pytest.approx(0.1 * 3**0.5, rel=1e-6)
    assert float(moment_discrepancy(x, x.mean(0) + 0.5 * (x - x.mean(0)))) > 0.05
    assert float(moment_discrepancy(x, narrower)) < float(moment_discrepancy(x, narrower + 0.3))


def test_correlation_is_zero_for_orthogonal_and_keeps_its_size_over_widths():
    torch.manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64)
    assert float(correlation(x, x)) > 0
    # Cauchy–Schwarz: no entry is above the number of documents
    assert float(correlation(x, x)) <= len(x) ** 2
    assert float(correlation(x.repeat(1, 2), x.repeat(1, 2))) == pytest.approx(float(correlation(x, x)) / 4)
    y = torch.randn(20, 3, dtype=torch.float64)
    assert float(correlation(3 * x + 1, y)) == pytest.approx(float(correlation(x, y)))
    two = (
        torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]]),
        torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]),
    )
    assert float(correlation(*two)) == pytest.approx(0.0)


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(Misa))
    check_training(Misa, make_method(Misa))
    check_fit(Misa, heads=2)
