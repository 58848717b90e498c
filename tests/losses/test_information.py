"""Gaussian mutual information, its null, and the balance of two amounts."""

import math

import pytest
import torch

from hilbert.losses.information import (
    balance,
    gaussian_information,
    infonce_information,
    leading_directions,
)


def rows(docs, width, seed=0):
    return torch.randn(docs, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_closed_form_of_correlated_gaussians(rho):
    x, noise = rows(20000, 4, 1), rows(20000, 4, 2)
    z = rho * x + math.sqrt(1 - rho**2) * noise
    three_errors = 3 * 2 * rho / math.sqrt(20000)  # ρ / √n a dimension, four of them
    expected = -2 * math.log(1 - rho**2)
    assert gaussian_information(x, z).item() == pytest.approx(expected, abs=three_errors + 0.01)


@pytest.mark.parametrize(
    ("docs", "p", "q", "uncorrected"), [(64, 8, 8, 0.586), (200, 16, 16, 0.701), (64, 4, 8, 0.285)]
)
def test_independent_data_give_about_zero(docs, p, q, uncorrected):
    values = torch.stack([gaussian_information(rows(docs, p, 2 * s), rows(docs, q, 2 * s + 1)) for s in range(120)])
    error = values.std().item() / math.sqrt(len(values))
    assert abs(values.mean().item()) < 3 * error + 0.005
    bias = p * q / (2 * (docs - (p + q + 3) / 2))
    assert values.mean().item() + bias == pytest.approx(uncorrected, abs=0.03)


def test_invariant_to_scale_offset_and_rotation_of_either_side():
    x = rows(200, 4, 1)
    z = x @ rows(4, 4, 2) + rows(200, 4, 3)
    turn = torch.linalg.qr(rows(4, 4, 4))[0]
    value = gaussian_information(x, z, ridge=1e-9).item()
    assert value > 0.5
    for other_x, other_z in ((100 * x - 7, z), (x, 1e-3 * z + 2), (x @ turn, z), (x, z @ turn)):
        assert gaussian_information(other_x, other_z, ridge=1e-9).item() == pytest.approx(value, abs=1e-5)
        assert gaussian_information(other_x, other_z).item() == pytest.approx(value, abs=0.05)  # the ridge
    assert gaussian_information(z, x).item() == pytest.approx(gaussian_information(x, z).item(), abs=1e-9)


@pytest.mark.parametrize("docs", [1, 2, 6, 20])
def test_degenerate_data_are_finite(docs):
    for x in (torch.zeros(docs, 3), torch.ones(docs, 3), rows(docs, 3).float()):
        z = x.clone().requires_grad_()
        value = gaussian_information(x, z)
        value.backward()
        assert value.isfinite()
        assert z.grad.isfinite().all()


def test_infonce_bound():
    assert infonce_information(torch.tensor(0.5), 8).item() == pytest.approx(math.log(8) - 0.5)
    assert infonce_information(torch.tensor(0.0), 0).item() == 0


def test_leading_directions_are_the_principal_ones_and_held_constant():
    z = (rows(50, 5, 1) * torch.tensor([5.0, 3.0, 1.0, 0.1, 0.01])).requires_grad_()
    projected = leading_directions(z, 2)
    centred = z.detach() - z.detach().mean(0)
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    expected = (left * values)[:, :2].flip(1).abs()
    torch.testing.assert_close(projected.detach().abs(), expected, rtol=0, atol=1e-9)
    directions = torch.linalg.eigh(centred.T @ centred)[1][:, -2:]
    weight = rows(50, 2, 2)
    (projected * weight).sum().backward()
    slope = weight @ directions.T
    torch.testing.assert_close(z.grad.abs(), (slope - slope.mean(0)).abs(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", ["squared", "level_up"])
def test_balance_value_and_equality(form):
    assert balance(torch.tensor(2.0), torch.tensor(0.5), form).item() == pytest.approx(2.25)
    assert balance(torch.tensor(0.5), torch.tensor(2.0), form).item() == pytest.approx(2.25)
    audio, text = torch.tensor(1.5, requires_grad=True), torch.tensor(1.5, requires_grad=True)
    value = balance(audio, text, form)
    value.backward()
    assert value.item() == audio.grad.item() == text.grad.item() == 0


@pytest.mark.parametrize("stronger", ["audio", "text"])
def test_level_up_moves_the_weaker_side_only_and_upwards(stronger):
    sides = {name: torch.tensor(2.0 if name == stronger else 0.5, requires_grad=True) for name in ("audio", "text")}
    balance(sides["audio"], sides["text"], "level_up").backward()
    weaker = {"audio": "text", "text": "audio"}[stronger]
    assert sides[stronger].grad is None or sides[stronger].grad.item() == 0
    assert sides[weaker].grad.item() == pytest.approx(-3.0)
    sides = {name: torch.tensor(2.0 if name == stronger else 0.5, requires_grad=True) for name in ("audio", "text")}
    balance(sides["audio"], sides["text"], "squared").backward()
    assert sides[stronger].grad.item() == pytest.approx(3.0)  # which also levels down
