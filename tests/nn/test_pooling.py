"""Attentive pooling and the joint embedding's attention mass."""

import pytest
import torch

from hilbert.nn.joint import Joint, count_bias
from hilbert.nn.pooling import AttentivePooling


def pooling(kind, zero=False, seed=0):
    torch.manual_seed(seed)
    return AttentivePooling(8, 4, kind, zero).double()


@pytest.fixture
def hidden():
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(6) < torch.tensor([6, 3, 1])[:, None]
    return torch.randn(3, 6, 8, generator=generator, dtype=torch.float64), mask


@pytest.mark.parametrize("kind", ["attention", "statistics"])
def test_forward_is_the_attended_mean_and_spread_of_its_weights(hidden, kind):
    values, mask = hidden
    layer = pooling(kind)
    weights = layer.weights(values, mask)
    torch.testing.assert_close(weights.sum(1), torch.ones(3).double(), rtol=0, atol=1e-12)
    assert (weights[~mask] == 0).all()
    mean = torch.einsum("ds,dsw->dw", weights, values)
    spread = (torch.einsum("ds,dsw->dw", weights, values**2) - mean**2).clamp_min(1e-6).sqrt()
    expected = mean if kind == "attention" else torch.cat([mean, spread], 1)
    torch.testing.assert_close(layer(values, mask), expected, rtol=0, atol=1e-8)
    assert layer.out_width(8) == expected.shape[1]


def test_one_segment_is_itself_with_a_constant_spread_and_finite_slope(hidden):
    values, mask = hidden
    values = values.clone().requires_grad_()
    out = pooling("statistics")(values, mask)[2]
    torch.testing.assert_close(out[:8], values[2, 0], rtol=0, atol=1e-12)
    torch.testing.assert_close(out[8:], torch.full((8,), 1e-3, dtype=torch.float64), rtol=0, atol=1e-12)
    out.sum().backward()
    assert values.grad.isfinite().all()
    torch.testing.assert_close(values.grad[2, 0], torch.ones(8).double(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["attention", "statistics"])
def test_zero_scores_are_mean_pooling(hidden, kind):
    values, mask = hidden
    out = pooling(kind, zero=True)(values, mask)
    for row, count in enumerate((6, 3, 1)):
        real = values[row, :count]
        torch.testing.assert_close(out[row, :8], real.mean(0), rtol=0, atol=1e-14)
        if kind == "statistics" and count > 1:
            torch.testing.assert_close(out[row, 8:], real.std(0, unbiased=False), rtol=0, atol=1e-12)


def test_large_offset_keeps_the_spread_in_single_precision(hidden):
    values, mask = hidden
    layer = AttentivePooling(8, 4, "statistics", True)
    spread = layer((values + 1000).float(), mask)[0, 8:]
    torch.testing.assert_close(spread.double(), values[0].std(0, unbiased=False), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("audio", "text"), [(50, 5), (5, 50), (1, 500), (7, 7)])
def test_sequence_pooling_starts_with_half_its_mass_on_either_modality(audio, text):
    values = torch.randn(2, audio + text, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    masks = [torch.ones(2, n, dtype=torch.bool) for n in (audio, text)]
    layer = pooling("attention", zero=True)
    mask = torch.cat(masks, 1)
    mass = layer.weights(values, mask, count_bias(*masks))[:, :audio].sum(1)
    torch.testing.assert_close(mass, torch.full((2,), 0.5).double(), rtol=0, atol=1e-6)
    without = layer.weights(values, mask)[:, :audio].sum(1)
    torch.testing.assert_close(
        without, torch.full((2,), audio / (audio + text), dtype=torch.float64), rtol=0, atol=1e-9
    )


def test_gated_joint_lies_between_its_two_sides(hidden):
    values, mask = hidden
    torch.manual_seed(0)
    joint = Joint(8, "gated").double()
    with torch.no_grad():
        joint.gate.bias.fill_(50.0)  # audio alone
        alone = joint(values, values, mask, mask)
        torch.testing.assert_close(joint(values, values + 3, mask, mask), alone, rtol=0, atol=1e-10)
        joint.gate.bias.fill_(-50.0)  # text alone
        alone = joint(values, values, mask, mask)
        torch.testing.assert_close(joint(values + 3, values, mask, mask), alone, rtol=0, atol=1e-10)
