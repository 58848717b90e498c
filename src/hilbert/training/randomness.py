"""Random numbers of PyTorch that follow from a seed, for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def seeded(seed: int, place: str | torch.device | nn.Module = "cpu") -> Iterator[None]:
    """Numbers drawn on the CPU and on one device follow from ``seed``; afterwards the caller's go on as if undisturbed.

    place: the device, or a module that lies on it. ``torch.manual_seed`` would seed every card there is, restored or
    not. The numbers of ``mps`` are seeded and not restored.
    """
    device = next(place.parameters()).device if isinstance(place, nn.Module) else torch.device(place)
    card = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if card else []):
        torch.default_generator.manual_seed(seed)
        if card:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield
