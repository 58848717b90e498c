"""The network: segment features of two modalities in, three document embeddings out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hilbert.config import ModelConfig
from hilbert.model.attention import BidirectionalLayer
from hilbert.model.joint import Joint
from hilbert.model.pooling import AttentivePooling
from hilbert.model.projection import Projection
from hilbert.model.ragged import Ragged


class Embeddings(NamedTuple):
    """Three (docs, width) embeddings, and which documents have each modality (docs,), True = present."""

    audio: Tensor
    text: Tensor
    joint: Tensor
    has_audio: Tensor
    has_text: Tensor

    def concatenated(self) -> Tensor:
        """[z_audio; z_text; z_joint]: (docs, 3 width)."""
        return torch.cat([self.audio, self.text, self.joint], dim=1)


class HilbertNetwork(nn.Module):
    """Project, cross-attend, pool; z_audio and z_text come from before cross-attention by default.

    Otherwise the "modality-specific" embeddings would hold the other modality. Each embedding ends in a
    LayerNorm: the norm of a pooled vector falls with the number of segments and would reveal document length.
    """

    def __init__(self, audio_dim: int, text_dim: int, config: ModelConfig) -> None:
        super().__init__()
        self.source = config.unimodal_source
        self.width = width = config.width
        self.project_audio = Projection(audio_dim, width, config.dropout, config.time_encoding)
        self.project_text = Projection(text_dim, width, config.dropout, config.time_encoding)
        self.layers = nn.ModuleList(
            BidirectionalLayer(width, config.heads, config.dropout, config.zero_cross) for _ in range(config.layers)
        )

        def pooling() -> AttentivePooling:
            return AttentivePooling(width, config.pooling_hidden, config.pooling, config.zero_scores)

        self.pool_audio, self.pool_text = pooling(), pooling()
        pooled = self.pool_audio.out_width(width)
        self.head_audio, self.head_text = nn.Linear(pooled, width), nn.Linear(pooled, width)
        self.joint = Joint(config)
        self.norm_audio, self.norm_text, self.norm_joint = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, audio: Ragged, text: Ragged) -> Embeddings:
        """Embed a batch; a document may lack either modality (length 0)."""
        hidden_audio, audio_mask = self.project_audio(audio)
        hidden_text, text_mask = self.project_text(text)
        attended_audio, attended_text = self._attend(hidden_audio, hidden_text, audio_mask, text_mask)
        if self.source == "post":
            hidden_audio, hidden_text = attended_audio, attended_text
        return Embeddings(
            self.norm_audio(self.head_audio(self.pool_audio(hidden_audio, audio_mask))),
            self.norm_text(self.head_text(self.pool_text(hidden_text, text_mask))),
            self.norm_joint(self.joint(attended_audio, attended_text, audio_mask, text_mask)),
            audio.lengths > 0,
            text.lengths > 0,
        )

    def audio_mass(self, audio: Ragged, text: Ragged) -> Tensor | None:
        """(docs,) the part of the gate or of the attention that the joint embedding gives to the audio.

        None where it has neither (``joint: concat``).
        """
        hidden_audio, audio_mask = self.project_audio(audio)
        hidden_text, text_mask = self.project_text(text)
        attended = self._attend(hidden_audio, hidden_text, audio_mask, text_mask)
        return self.joint.audio_mass(*attended, audio_mask, text_mask)

    def _attend(self, audio: Tensor, text: Tensor, audio_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.layers:
            audio, text = layer(audio, text, audio_mask, text_mask)
        return audio, text
