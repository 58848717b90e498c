"""Projection of one modality's segment features to the common width."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hilbert.nn.ragged import Ragged, pad, with_null_token

FREQUENCIES = 8


class Projection(nn.Module):
    """h = Dropout(LayerNorm(x W + b) + modality embedding + time encoding), on real segments only.

    Working on packed rows spares the padded share of the largest matrix product. A document without segments
    gets one learnt null token instead.
    """

    def __init__(self, dim: int, width: int, dropout: float, time_encoding: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, width)
        self.norm = nn.LayerNorm(width)
        self.modality = nn.Parameter(torch.randn(width) * 0.02)
        self.null = nn.Parameter(torch.randn(width) * 0.02)
        self.time = nn.Linear(2 * FREQUENCIES, width, bias=False) if time_encoding else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, segments: Ragged) -> tuple[Tensor, Tensor]:
        """Return padded (docs, segments, width) and its mask, True = valid."""
        hidden = self.norm(self.linear(segments.values)) + self.modality
        if self.time is not None:
            hidden = hidden + self.time(sinusoids(segments.times))
        padded, mask = pad(self.dropout(hidden), segments.lengths)
        return with_null_token(padded, mask, self.null)


def sinusoids(times: Tensor) -> Tensor:
    """Encode relative times (n,) in 0 to 1 as sines and cosines of 0.5, 1, 2, … periods: (n, 16)."""
    periods = 2.0 ** torch.arange(-1, FREQUENCIES - 1, device=times.device, dtype=times.dtype)
    angles = 2 * math.pi * times[:, None] * periods
    return torch.cat([angles.sin(), angles.cos()], dim=1)
