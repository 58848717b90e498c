"""The networks on which `gmc`, `hilbert-gmc` and `symile` put their losses: on segments, or on document vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Shape
from hilbert.config import VectorNetwork as VectorConfig
from hilbert.nn.attention import BidirectionalLayer
from hilbert.nn.experts import Embeddings
from hilbert.nn.hilbert import SegmentBatch
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.nn.vector_network import VectorNetwork

HEADS, PROJECTION = 4, 64


def make_base(shape: Shape, options: dict[str, Any]) -> SegmentBase | VectorNetwork:
    """The network of ``options["backbone"]``, at this method's width and dropout."""
    width, dropout = options["width"], options["dropout"]
    if options["backbone"] == "segments":
        return SegmentBase(shape.audio, shape.text, width, dropout)
    config = VectorConfig(width=width, dropout=dropout, projection=PROJECTION)
    return VectorNetwork(shape.audio, shape.text, shape.cross, config)


class JointBase(nn.Module):
    """MLP of both cross-attended sequences, each pooled attentively (mean and spread)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pool_audio, self.pool_text = (AttentivePooling(width, width, "statistics", True) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(4 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, audio: Tensor, text: Tensor, audio_mask: Tensor, text_mask: Tensor) -> Tensor:
        """Padded (docs, segments, width) and masks (docs, segments) of both modalities → (docs, width)."""
        pooled = self.pool_audio(audio, audio_mask), self.pool_text(text, text_mask)
        joint: Tensor = self.mlp(torch.cat(pooled, dim=1))
        return joint


class SegmentBase(nn.Module):
    """Project with time, cross-attend, pool to mean and spread: three embeddings of each document.

    z_audio and z_text are pooled before cross-attention, so that neither holds anything of the other modality;
    z_joint after it. Attention starts as the identity, pooling as the plain mean; each embedding ends in a LayerNorm.
    """

    def __init__(self, audio: int, text: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.project_audio, self.project_text = (
            Projection(dim, width, dropout, time_encoding=True) for dim in (audio, text)
        )
        self.attention = BidirectionalLayer(width, HEADS, dropout, zero=True)
        self.pool_audio, self.pool_text = (AttentivePooling(width, width, "statistics", True) for _ in range(2))
        self.head_audio, self.head_text = (nn.Linear(2 * width, width) for _ in range(2))
        self.joint = JointBase(width)
        self.norm_audio, self.norm_text, self.norm_joint = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, batch: SegmentBatch) -> Embeddings:
        """Embed a batch; a document may lack either modality (length 0)."""
        audio, audio_mask = self.project_audio(batch.audio)
        text, text_mask = self.project_text(batch.text)
        attended = self.attention(audio, text, audio_mask, text_mask)
        return Embeddings(
            self.norm_audio(self.head_audio(self.pool_audio(audio, audio_mask))),
            self.norm_text(self.head_text(self.pool_text(text, text_mask))),
            self.norm_joint(self.joint(*attended, audio_mask, text_mask)),
            batch.audio.lengths > 0,
            batch.text.lengths > 0,
        )
