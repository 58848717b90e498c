"""`simclr`: NT-Xent between two disjoint random halves of each document (SimCLR, arXiv 2002.05709)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hilbert.baselines.method import Method, ProjectionHead, SegmentEncoder, Shape, random_split, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.model.ragged import Ragged
from hilbert.objectives.contrastive import unit
from hilbert.training.batches import Batch


def nt_xent(x: Tensor, y: Tensor, scale: Tensor | float, excluded: Tensor | None = None) -> Tensor:
    """−log softmax of the partner among the 2B − 1 other rows, mean of all 2B anchors, in nats (2002.05709, eq. 1).

    x, y: (docs, width) unit rows, row i of one is the partner of row i of the other; scale: 1 / temperature;
    excluded: (docs, docs), True = no negatives of each other. Partners always count. Fewer than two rows give 0.
    """
    docs = len(x)
    if docs < 2:
        return (x.sum() + y.sum()) * 0.0
    rows = torch.cat([x, y])
    anchors = torch.arange(2 * docs, device=x.device)
    partners = anchors.roll(docs)
    left_out = torch.eye(2 * docs, dtype=torch.bool, device=x.device)
    if excluded is not None:
        left_out |= excluded.repeat(2, 2)
        left_out[anchors, partners] = False
    return F.cross_entropy((scale * rows @ rows.T).masked_fill(left_out, -torch.inf), partners)


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
