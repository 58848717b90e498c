"""`clip`: direct audio ↔ text contrast of whole documents (CLIP, arXiv 2103.00020; MS-CLAP, arXiv 2206.04769)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Method, ProjectionHead, SegmentEncoder, Shape, both_present, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import info_nce, unit
from hilbert.training.batches import Batch


class ClipMethod(Method):
    """½ [CE(s v_a v_tᵀ) + CE(s v_t v_aᵀ)] with a learnt scale s = 1 / τ, held in 1 … 100."""

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        width, dropout = options["width"], options["dropout"]
        self.audio, self.text = (SegmentEncoder(dim, width, dropout) for dim in (shape.audio, shape.text))
        self.head_audio, self.head_text = (ProjectionHead(width, options["projection"]) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(-math.log(options["temperature"])))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """InfoNCE over documents that have both modalities; documents of one group are no negatives."""
        both = both_present(batch)
        audio = unit(self.head_audio(self.audio(batch.audio))[both])
        text = unit(self.head_text(self.text(batch.text))[both])
        return {"total": info_nce(audio, text, self.log_scale.exp(), same_group(batch)[both][:, both])}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio and z_text, before the projection heads."""
        return {"audio": self.audio(batch.audio), "text": self.text(batch.text)}

    @torch.no_grad()
    def after_step(self) -> None:
        """Clamp the scale as CLIP does."""
        self.log_scale.clamp_(0.0, math.log(100.0))


class Clip(NeuralBaseline):
    """CLIP on frozen segment features; the heads see [z_audio; z_text]."""

    method = ClipMethod
    defaults = {"projection": 64, "temperature": 0.1}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.05, 0.1, 0.2]}  # type: ignore[operator]
