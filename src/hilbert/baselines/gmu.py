"""`gmu`: gated multimodal unit (Arevalo et al. 2017, arXiv 1702.01992)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Classifier, Shape, make_encoder
from hilbert.baselines.neural import NeuralBaseline
from hilbert.training.data import Batch


class GmuMethod(Classifier):
    """h_m = tanh(W_m z_m), g = σ(W [z_audio; z_text]), h = g ⊙ h_audio + (1 − g) ⊙ h_text, logits = W_c h.

    Adaptations: z_m (docs, width) comes from attentively pooled segments; the maps have biases, and a linear
    classifier stands in for the maxout network.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width = options["width"]
        super().__init__(shape, options, width)
        self.audio, self.text = (make_encoder(shape, options, part) for part in ("audio", "text"))
        self.from_audio, self.from_text = (nn.Linear(width, width) for _ in range(2))
        self.gate = nn.Linear(2 * width, width)

    def represent(self, batch: Batch) -> Tensor:
        """The gated sum h (docs, width)."""
        audio, text = self.audio(batch.inputs.audio), self.text(batch.inputs.text)
        gate = self.gate(torch.cat([audio, text], dim=1)).sigmoid()
        fused: Tensor = gate * self.from_audio(audio).tanh() + (1 - gate) * self.from_text(text).tanh()
        return fused


class Gmu(NeuralBaseline):
    """Gated fusion of both modalities, trained end to end."""

    method = GmuMethod


class GmuOnVectors(Gmu):
    """`gmu-vectors`: gated fusion of HILBERT's document vectors."""

    defaults = Gmu.defaults | {"backbone": "vectors"}  # type: ignore[operator]
