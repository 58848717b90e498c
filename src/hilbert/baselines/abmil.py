"""`abmil-audio`, `abmil-text`, `abmil`: gated attention over segments (Ilse et al. 2018, arXiv 1802.04712)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Classifier, Shape
from hilbert.baselines.neural import NeuralBaseline
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.training.data import Batch


class AbmilMethod(Classifier):
    """p_m = Σ_k w_k h_k with w_k ∝ exp(uᵀ(tanh V h_k ⊙ σ(U h_k))), then an MLP of [p_m] of the modalities it reads.

    Adaptations: a segment is an instance and h_k its projected frozen features; attention starts as the plain mean;
    a document without a modality has one learnt null instance; "statistics" pools the attended spread as well.
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio", "text")

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width, dropout = options["width"], options["dropout"]
        super().__init__(shape, options, width)
        self.project = nn.ModuleDict(
            {name: Projection(getattr(shape, name), width, dropout, time_encoding=False) for name in self.modalities}
        )
        pools = {name: AttentivePooling(width, width, options["pooling"], zero_scores=True) for name in self.modalities}
        self.pool = nn.ModuleDict(pools)
        pooled = sum(pool.out_width(width) for pool in pools.values())
        self.hidden = nn.Sequential(nn.Dropout(dropout), nn.Linear(pooled, width), nn.GELU())

    def represent(self, batch: Batch) -> Tensor:
        """The MLP's hidden layer (docs, width)."""
        pooled = [self.pool[name](*self.project[name](getattr(batch.inputs, name))) for name in self.modalities]
        hidden: Tensor = self.hidden(torch.cat(pooled, dim=1))
        return hidden

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """The hidden layer, by the name of the one modality it comes from, else as "joint"."""
        return {self.modalities[0] if len(self.modalities) == 1 else "joint": self.represent(batch)}


class AbmilAudioMethod(AbmilMethod):
    """Never reads text."""

    modalities = ("audio",)


class AbmilTextMethod(AbmilMethod):
    """Never reads audio."""

    modalities = ("text",)


class Abmil(NeuralBaseline):
    """Attention pooling of both modalities, side by side."""

    method = AbmilMethod
    defaults = {"pooling": "attention"}  # noqa: RUF012
    space = NeuralBaseline.space | {"pooling": ["attention", "statistics"]}  # type: ignore[operator]


class AbmilAudio(Abmil):
    """Attention pooling of audio alone."""

    method = AbmilAudioMethod


class AbmilText(Abmil):
    """Attention pooling of text alone."""

    method = AbmilTextMethod
