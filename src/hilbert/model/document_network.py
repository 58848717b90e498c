"""The network on document vectors: each embedding starts as principal components and learns a residual."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.config import ModelConfig
from hilbert.model.hilbert import Embeddings
from hilbert.model.inputs import principal_axes
from hilbert.model.ragged import Ragged

Floats = NDArray[np.float64]


class ResidualMap(nn.Module):
    """z = x W + MLP(x), x scaled to a mean squared norm of ``width``; W starts as PCA, the MLP at zero.

    So an untrained map already keeps what the largest principal components keep, and training departs from it.
    """

    def __init__(self, inputs: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.hidden, self.out = nn.Linear(inputs, hidden), nn.Linear(hidden, width)
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


class PrototypeNetwork(nn.Module):
    """Document vectors of two modalities in, three embeddings out; a missing modality is a learnt null vector.

    The vectors come as one "segment" a document: the audio row holds the audio part and, after it, the part
    that needs both modalities. z_audio and z_text see their own modality alone, z_joint all parts.
    """

    def __init__(self, audio: int, text: int, cross: int, config: ModelConfig) -> None:
        super().__init__()
        self.parts = {"audio": audio, "text": text, "cross": cross}
        self.width = width = config.width

        def path(inputs: int) -> ResidualMap:
            return ResidualMap(inputs, width, config.hidden, config.dropout)

        self.audio, self.text, self.joint = path(audio), path(text), path(audio + text + cross)
        self.null_audio, self.null_text = (nn.Parameter(torch.randn(width) * 0.02) for _ in range(2))

    def start(self, audio: Floats, text: Floats, cross: Floats) -> None:
        """Start from the principal components of training documents' vectors, (docs, width) each."""
        self.audio.start(audio)
        self.text.start(text)
        self.joint.start(np.hstack([audio, text, cross]))

    def forward(self, audio: Ragged, text: Ragged) -> Embeddings:
        """Embed a batch; lengths are 1, or 0 for a missing modality."""
        has_audio, has_text = audio.lengths > 0, text.lengths > 0
        own, cross = _rows(audio, has_audio).split([self.parts["audio"], self.parts["cross"]], dim=1)
        words = _rows(text, has_text)
        cross = cross * has_text[:, None]
        return Embeddings(
            torch.where(has_audio[:, None], self.audio(own), self.null_audio),
            torch.where(has_text[:, None], self.text(words), self.null_text),
            self.joint(torch.cat([own, words, cross], dim=1)),
            has_audio,
            has_text,
        )


def _rows(segments: Ragged, present: Tensor) -> Tensor:
    """(docs, width): the one row of each document, zeros where it has none."""
    place = (torch.cumsum(segments.lengths, 0) - 1).clamp_min(0)
    if not len(segments.values):
        return segments.values.new_zeros(len(present), segments.values.shape[1])
    return segments.values[place] * present[:, None]
