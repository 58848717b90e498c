"""`clip`: direct audio ↔ text contrast of whole documents (CLIP, arXiv 2103.00020; MS-CLAP, arXiv 2206.04769)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Method, ProjectionHead, Shape, both_present, make_cross, make_encoder, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import info_nce, unit
from hilbert.training.data import Batch


class ClipMethod(Method):
    """½ [CE(s v_a v_tᵀ) + CE(s v_t v_aᵀ)] with a learnt scale s = 1 / τ, held in 1 … 100.

    On document vectors each modality's embedding is of its own part, since a part that both hold would be matched
    without either; of the part that needs both, the heads see the principal components, as they are.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.audio, self.text = (make_encoder(shape, options, part) for part in ("audio", "text"))
        self.head_audio, self.head_text = (ProjectionHead(options["width"], options["projection"]) for _ in range(2))
        self.cross = make_cross(shape, options)
        if self.cross is not None:
            self.cross.requires_grad_(False)  # the loss does not reach it
        self.log_scale = nn.Parameter(torch.tensor(-math.log(options["temperature"])))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """InfoNCE over documents that have both modalities; documents of one group are no negatives."""
        both = both_present(batch)
        audio = unit(self.head_audio(self.audio(batch.inputs.audio))[both])
        text = unit(self.head_text(self.text(batch.inputs.text))[both])
        return {"total": info_nce(audio, text, self.log_scale.exp(), same_group(batch)[both][:, both])}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio and z_text, before the projection heads; on document vectors "cross" as well."""
        z = {"audio": self.audio(batch.inputs.audio), "text": self.text(batch.inputs.text)}
        return z if self.cross is None else z | {"cross": self.cross(batch.inputs.cross)}

    @torch.no_grad()
    def after_step(self) -> None:
        """Clamp the scale as CLIP does."""
        self.log_scale.clamp_(0.0, math.log(100.0))


class Clip(NeuralBaseline):
    """CLIP on frozen segment features; the heads see [z_audio; z_text]."""

    method = ClipMethod
    defaults = {"projection": 64, "temperature": 0.1}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.05, 0.1, 0.2]}  # type: ignore[operator]


class ClipOnVectors(Clip):
    """`clip-vectors`: CLIP on HILBERT's document vectors; the heads see [z_audio; z_text; z_cross]."""

    defaults = Clip.defaults | {"backbone": "vectors"}
