"""`tfn`: tensor fusion (Zadeh et al. 2017, arXiv 1707.07250)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.method import Classifier, Shape, make_encoder
from hilbert.baselines.neural import NeuralBaseline
from hilbert.training.data import Batch


def with_one(z: Tensor) -> Tensor:
    """[1; z]: (docs, width) → (docs, 1 + width)."""
    return F.pad(z, (1, 0), value=1.0)


class TensorFusion(nn.Module):
    """W vec([1; a] ⊗ [1; t]) + b: a map that is linear in a, in t and in all products of the two."""

    def __init__(self, factor: int, out: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear((1 + factor) ** 2, out)

    def forward(self, audio: Tensor, text: Tensor) -> Tensor:
        """(docs, factor) twice → (docs, out)."""
        product = torch.einsum("bi,bj->bij", with_one(audio), with_one(text)).flatten(1)
        fused: Tensor = self.linear(self.dropout(product))
        return fused


class TfnMethod(Classifier):
    """h = GELU(fusion(a, t)), logits = W h, with m = W_m GELU(z_m) of ``factor`` numbers (32 in the paper's text).

    Adaptations: z_m comes from attentively pooled segments; one hidden layer follows the product, not two.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width = options["width"]
        super().__init__(shape, options, width)
        self.audio, self.text = (
            nn.Sequential(make_encoder(shape, options, part), nn.GELU(), nn.Linear(width, options["factor"]))
            for part in ("audio", "text")
        )
        self.fusion = self.make_fusion()

    def make_fusion(self) -> nn.Module:
        """The map of both vectors to (docs, width); low-rank fusion differs in this alone."""
        return TensorFusion(self.options["factor"], self.options["width"], self.options["dropout"])

    def represent(self, batch: Batch) -> Tensor:
        """h (docs, width)."""
        return F.gelu(self.fusion(self.audio(batch.inputs.audio), self.text(batch.inputs.text)))


class Tfn(NeuralBaseline):
    """Tensor fusion of both modalities, trained end to end."""

    method = TfnMethod
    defaults = {"factor": 32}  # noqa: RUF012
    space = NeuralBaseline.space | {"factor": [16, 32]}  # type: ignore[operator]
