"""`mult`: cross-modal transformers (MulT, Tsai et al. 2019, arXiv 1906.00295)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Classifier, Shape
from hilbert.baselines.neural import NeuralBaseline
from hilbert.nn.attention import CrossAttention
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.training.data import Batch


def last_step(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last valid step of each document: (docs, steps, width) and a mask without gaps → (docs, width)."""
    rows = torch.arange(len(hidden), device=hidden.device)
    return hidden[rows, mask.sum(dim=1) - 1]


class Stream(nn.Module):
    """One target modality: cross-modal layers, self-attention over what they give, and one step or a pool of it."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float, pooling: str) -> None:
        super().__init__()
        self.cross, self.memory = (
            nn.ModuleList(CrossAttention(width, heads, dropout, zero=False) for _ in range(layers)) for _ in range(2)
        )
        attentive = pooling == "attention"
        self.pool = AttentivePooling(width, width, "attention", zero_scores=True) if attentive else None

    def forward(self, target: Tensor, mask: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """target (docs, n, width) and source (docs, k, width) with masks, True = valid → (docs, width)."""
        for layer in self.cross:
            target = layer(
                target, source, source_mask
            )  # each layer reads the source as it entered, as the paper has it
        for layer in self.memory:
            target = layer(target, target, mask)
        pooled: Tensor = self.pool(target, mask) if self.pool is not None else last_step(target, mask)
        return pooled


class MultMethod(Classifier):
    """p_audio = Stream(text → audio), p_text = Stream(audio → text), h = p + MLP(p) with p = [p_audio; p_text].

    A layer is q' = q + MHA(LN q, LN k, LN k), q'' = q' + FFN(LN q'). Adaptations: h enters normed; positions are
    sinusoids of relative time, so that both modalities share a clock; no causal mask; keys are masked everywhere;
    the sequence is pooled attentively, or by its last segment ("last"), never by a padded one; no norm closes a stack.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width, dropout = options["width"], options["dropout"]
        super().__init__(shape, options, 2 * width)
        self.audio, self.text = (Projection(dim, width, dropout, time_encoding=True) for dim in shape[:2])
        self.to_audio, self.to_text = (
            Stream(width, options["heads"], options["layers"], dropout, options["pooling"]) for _ in range(2)
        )
        self.residual = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, 2 * width)
        )

    def represent(self, batch: Batch) -> Tensor:
        """h (docs, 2 width)."""
        audio, text = self.audio(batch.inputs.audio), self.text(batch.inputs.text)
        pooled = torch.cat([self.to_audio(*audio, *text), self.to_text(*text, *audio)], dim=1)
        hidden: Tensor = pooled + self.residual(pooled)
        return hidden


class Mult(NeuralBaseline):
    """Cross-modal transformers over the segments of both modalities, trained end to end."""

    method = MultMethod
    defaults = {"heads": 4, "layers": 1, "pooling": "attention"}  # noqa: RUF012
    space = NeuralBaseline.space | {"layers": [1, 2], "pooling": ["attention", "last"]}  # type: ignore[operator]
