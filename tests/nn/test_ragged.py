"""Packed rows, padded rows and null tokens."""

import torch

from hilbert.nn.projection import FREQUENCIES, sinusoids
from hilbert.nn.ragged import pad, with_null_token


def test_pad_puts_every_row_in_its_place():
    values = torch.arange(12.0).reshape(6, 2)
    padded, mask = pad(values, torch.tensor([2, 0, 3, 1]))
    assert padded.shape == (4, 3, 2)
    assert mask.tolist() == [[True, True, False], [False] * 3, [True] * 3, [True, False, False]]
    assert torch.equal(padded[mask], values)
    assert (padded[~mask] == 0).all()


def test_a_batch_without_segments_keeps_a_place_for_null_tokens():
    padded, mask = pad(torch.zeros(0, 2), torch.tensor([0, 0]))
    assert padded.shape == (2, 1, 2)
    token = torch.tensor([1.0, 2.0])
    filled, valid = with_null_token(padded, mask, token)
    assert valid.all()
    assert torch.equal(filled[:, 0], token.expand(2, 2))


def test_null_token_goes_to_empty_documents_only():
    padded, mask = pad(torch.ones(3, 2), torch.tensor([1, 0, 2]))
    filled, valid = with_null_token(padded, mask, torch.tensor([5.0, 5.0]))
    assert valid.tolist() == [[True, False], [True, False], [True, True]]
    assert filled[1, 0].tolist() == [5.0, 5.0]
    assert (filled == 5).sum() == 2


def test_sinusoids_by_formula():
    times = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
    code = sinusoids(times)
    assert code.shape == (3, 2 * FREQUENCIES)
    for column, periods in enumerate([0.5, 1, 2, 4, 8, 16, 32, 64]):
        angle = 2 * torch.pi * periods * times
        torch.testing.assert_close(code[:, column], angle.sin(), rtol=0, atol=1e-12)
        torch.testing.assert_close(code[:, FREQUENCIES + column], angle.cos(), rtol=0, atol=1e-12)
