"""Seeded blocks: the same numbers each time, and the caller's go on as if nothing had been."""

import pytest
import torch
from torch import nn

from hilbert.training.loop import seeded


def test_numbers_follow_from_the_seed_and_the_callers_go_on():
    torch.manual_seed(7)
    expected = torch.rand(3), torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(3), expected[0])
    drawn = []
    for seed, place in ((5, "cpu"), (5, nn.Linear(2, 2)), (6, "cpu")):
        if isinstance(place, nn.Module):
            torch.manual_seed(7)  # the layer drew, too
            torch.rand(3)
        with seeded(seed, place):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.rand(3), expected[1])
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), drawn[0])


def test_the_callers_numbers_go_on_after_an_error():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with pytest.raises(ValueError, match="in the block"), seeded(5):
        raise ValueError("in the block")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.gpu
@pytest.mark.parametrize("place", ["cpu", "cuda"])
def test_a_card_goes_on_as_well(place):
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    torch.cuda.manual_seed(7)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(7)
    with seeded(5, place):
        torch.rand(3, device=place)
    assert torch.equal(torch.rand(3, device="cuda"), expected)
