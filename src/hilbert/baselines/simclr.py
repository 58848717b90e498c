"""`simclr`: NT-Xent between two disjoint random halves of each document (SimCLR, arXiv 2002.05709)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hilbert.baselines.method import Method, ProjectionHead, SegmentEncoder, Shape, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.nn.ragged import Ragged
from hilbert.losses.contrastive import nt_xent, unit
from hilbert.training.batches import Batch
from hilbert.training.views import random_split


class SimclrMethod(Method):
    """NT-Xent of g([z_audio; z_text]) of both halves, the temperature fixed as in the paper.

    Adaptation: SimCLR crops and recolours images; of frozen segment features a view is a random half of the
    segments of either modality, and the other half is the other view. A modality that lacks is its null token.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        width, dropout = options["width"], options["dropout"]
        self.audio, self.text = (SegmentEncoder(dim, width, dropout) for dim in (shape.audio, shape.text))
        self.head = ProjectionHead(2 * width, options["projection"])

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """NT-Xent over documents that have any segment; documents of one group are no negatives."""
        known = batch.audio.lengths + batch.text.lengths > 0
        halves = zip(random_split(batch.audio), random_split(batch.text), strict=True)
        x, y = (unit(self._project(audio, text)[known]) for audio, text in halves)
        excluded = same_group(batch)[known][:, known]
        return {"total": nt_xent(x, y, 1.0 / self.options["temperature"], excluded)}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio and z_text of all segments, before the projection head."""
        return {"audio": self.audio(batch.audio), "text": self.text(batch.text)}

    def _project(self, audio: Ragged, text: Ragged) -> Tensor:
        projected: Tensor = self.head(torch.cat([self.audio(audio), self.text(text)], dim=1))
        return projected


class Simclr(NeuralBaseline):
    """SimCLR on frozen segment features; the heads see [z_audio; z_text]."""

    method = SimclrMethod
    defaults = {"projection": 64, "temperature": 0.2}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.1, 0.2, 0.5]}  # type: ignore[operator]
