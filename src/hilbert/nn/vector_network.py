"""The network on document vectors: each embedding starts as principal components and learns a residual."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.config import VectorNetwork as VectorNetworkConfig
from hilbert.nn.experts import Embeddings
from hilbert.nn.inputs import principal_axes

Floats = NDArray[np.float64]


class VectorBatch(NamedTuple):
    """Parts of the vectors of a batch, (docs, any width) each, zeros where missing; has_*: (docs,), True = present."""

    audio: Tensor
    text: Tensor
    cross: Tensor
    has_audio: Tensor
    has_text: Tensor


class ResidualMap(nn.Module):
    """z = x W + MLP(x), x scaled to a mean squared norm of ``width``; W starts as PCA, the MLP at zero.

    So an untrained map already keeps what the largest principal components keep, and training departs from it.
    """

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.hidden, self.out = nn.Linear(inputs, width), nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def start(self, rows: Floats) -> None:
        """Set scale and W from training rows (docs, inputs)."""
        width = self.linear.out_features
        power = float((rows**2).sum(axis=1).mean())
        self.scale.fill_((width / power) ** 0.5 if power > 0 else 1.0)
        axes = principal_axes(rows - rows.mean(axis=0), width)
        self.linear.weight.zero_()
        self.linear.weight[: axes.shape[1]] = torch.as_tensor(axes.T, dtype=self.linear.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(docs, inputs) → (docs, width)."""
        x = x * self.scale
        hidden = self.dropout(F.gelu(self.hidden(self.dropout(x))))
        mapped: Tensor = self.linear(x) + self.out(hidden)
        return mapped


class VectorNetwork(nn.Module):
    """Document vectors in, three embeddings out; a missing modality is a learnt null vector.

    z_audio and z_text see their own modality's part alone, z_joint all parts.
    """

    def __init__(self, audio: int, text: int, cross: int, config: VectorNetworkConfig) -> None:
        super().__init__()
        self.width = width = config.width

        def path(inputs: int) -> ResidualMap:
            return ResidualMap(inputs, width, config.dropout)

        self.audio, self.text, self.joint = path(audio), path(text), path(audio + text + cross)
        self.null_audio, self.null_text = (nn.Parameter(torch.randn(width) * 0.02) for _ in range(2))

    def start(self, audio: Floats, text: Floats, cross: Floats) -> None:
        """Start from the principal components of training documents' vectors, (docs, width) each."""
        self.audio.start(audio)
        self.text.start(text)
        self.joint.start(np.hstack([audio, text, cross]))

    def forward(self, batch: VectorBatch) -> Embeddings:
        """Embed a batch of documents."""
        audio, text, cross, has_audio, has_text = batch
        return Embeddings(
            torch.where(has_audio[:, None], self.audio(audio), self.null_audio),
            torch.where(has_text[:, None], self.text(text), self.null_text),
            self.joint(torch.cat([audio, text, cross], dim=1)),
            has_audio,
            has_text,
        )
