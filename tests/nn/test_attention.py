"""Cross-modal attention: masks, maps and the identity at the start."""

import pytest
import torch
from torch.nn import functional as F

from hilbert.nn.attention import BidirectionalLayer, CrossAttention


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(3, 4, 8, generator=generator, dtype=torch.float64)
    key = torch.randn(3, 5, 8, generator=generator, dtype=torch.float64)
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    return query, key, mask


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return CrossAttention(8, 2, 0.0, zero=False).double()


def test_weights_are_the_ones_that_forward_uses(layer, inputs):
    query, key, mask = inputs
    weights = layer.weights(query, key, mask).double()
    assert weights.shape == (3, 2, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 4).double(), rtol=0, atol=1e-6)
    assert (weights[~mask[:, None, None, :].expand_as(weights)] == 0).all()

    values = layer.value(layer.norm_key(key)).unflatten(2, (2, 4)).transpose(1, 2)  # (docs, heads, keys, 4)
    attended = (weights @ values).transpose(1, 2).flatten(2)
    after = query + layer.out(attended)
    after = after + layer.contract(F.gelu(layer.expand(layer.norm_feedforward(after))))
    torch.testing.assert_close(layer(query, key, mask), after, rtol=0, atol=1e-6)


def test_masked_keys_are_never_read(layer, inputs):
    query, key, mask = inputs
    other = torch.where(mask[..., None], key, torch.full_like(key, 1e6))
    torch.testing.assert_close(layer(query, other, mask), layer(query, key, mask), rtol=0, atol=0)


def test_zero_start_is_the_identity_and_still_learns(inputs):
    query, key, mask = inputs
    torch.manual_seed(0)
    layer = BidirectionalLayer(8, 2, 0.0, zero=True).double()
    full = torch.ones(3, 4, dtype=torch.bool)
    audio, text = layer(query, key, full, mask)
    assert torch.equal(audio, query)
    assert torch.equal(text, key)
    (audio.square().sum() + text.square().sum()).backward()
    for side in (layer.audio, layer.text):
        assert side.out.weight.grad.abs().max() > 0
        assert side.contract.weight.grad.abs().max() > 0


def test_both_directions_start_from_the_old_states(inputs):
    query, key, mask = inputs
    torch.manual_seed(0)
    layer = BidirectionalLayer(8, 2, 0.0, zero=False).double()
    full = torch.ones(3, 4, dtype=torch.bool)
    audio, text = layer(query, key, full, mask)
    assert torch.equal(audio, layer.audio(query, key, mask))
    assert torch.equal(text, layer.text(key, query, full))


def test_dropout_acts_in_training_only(inputs):
    query, key, mask = inputs
    torch.manual_seed(0)
    layer = CrossAttention(8, 2, 0.5, zero=False).double()
    assert not torch.equal(layer.train()(query, key, mask), layer(query, key, mask))
    assert torch.equal(layer.eval()(query, key, mask), layer(query, key, mask))
