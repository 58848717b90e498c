"""The network on segments, as the paper's abstract has it: project → cross_attend → pool → embed."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from hilbert.config import SegmentNetwork
from hilbert.nn.attention import BidirectionalLayer
from hilbert.nn.experts import Embeddings
from hilbert.nn.joint import Joint
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.nn.ragged import Ragged


class SegmentBatch(NamedTuple):
    """Segments of both modalities of the same documents; a document may lack either (length 0)."""

    audio: Ragged
    text: Ragged


class Sequences(NamedTuple):
    """Hidden states of both modalities, (docs, segments, width), and their masks (docs, segments), True = valid."""

    audio: Tensor
    text: Tensor
    audio_mask: Tensor
    text_mask: Tensor


class HilbertNetwork(nn.Module):
    """Both modalities' segments in, three document embeddings out.

    With ``unimodal_source: post`` z_audio and z_text are pooled after cross-attention, as the abstract reads; with
    "pre" before, so that neither holds anything of the other modality. Each embedding ends in a LayerNorm: the norm of
    a pooled vector falls with the number of segments and would reveal document length.
    """

    def __init__(self, audio_dim: int, text_dim: int, config: SegmentNetwork) -> None:
        super().__init__()
        self.source, self.width = config.unimodal_source, config.width
        width = config.width
        self.project_audio = Projection(audio_dim, width, config.dropout)
        self.project_text = Projection(text_dim, width, config.dropout)
        self.layers = nn.ModuleList(
            BidirectionalLayer(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.pool_audio, self.pool_text = AttentivePooling(width, width), AttentivePooling(width, width)
        self.head_audio, self.head_text = nn.Linear(width, width), nn.Linear(width, width)
        self.joint = Joint(width, config.joint)
        self.norm_audio, self.norm_text, self.norm_joint = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, batch: SegmentBatch) -> Embeddings:
        """Embed a batch of documents."""
        projected = self.project(batch)
        attended = self.cross_attend(projected)
        audio, text, joint = self.pool(projected, attended)
        return self.embed(audio, text, joint, batch)

    def project(self, batch: SegmentBatch) -> Sequences:
        """Segment features of any width → hidden states of the common width."""
        audio, audio_mask = self.project_audio(batch.audio)
        text, text_mask = self.project_text(batch.text)
        return Sequences(audio, text, audio_mask, text_mask)

    def cross_attend(self, hidden: Sequences) -> Sequences:
        """Each modality's segments look at the other's."""
        audio, text, *masks = hidden
        for layer in self.layers:
            audio, text = layer(audio, text, *masks)
        return Sequences(audio, text, *masks)

    def pool(self, projected: Sequences, attended: Sequences) -> tuple[Tensor, Tensor, Tensor]:
        """One vector a document for the audio, the text and both together, (docs, width) each."""
        source = attended if self.source == "post" else projected
        audio, text = self.pool_audio(source.audio, source.audio_mask), self.pool_text(source.text, source.text_mask)
        return audio, text, self.joint(*attended)

    def embed(self, audio: Tensor, text: Tensor, joint: Tensor, batch: SegmentBatch) -> Embeddings:
        """Maps and norms of the pooled vectors."""
        return Embeddings(
            self.norm_audio(self.head_audio(audio)),
            self.norm_text(self.head_text(text)),
            self.norm_joint(joint),
            batch.audio.lengths > 0,
            batch.text.lengths > 0,
        )

    def audio_mass(self, batch: SegmentBatch) -> Tensor | None:
        """(docs,) the part of the gate or of the attention that the joint embedding gives to the audio.

        None where it has neither (``joint: concat``).
        """
        return self.joint.audio_mass(*self.cross_attend(self.project(batch)))
