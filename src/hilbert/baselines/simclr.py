"""`simclr`: NT-Xent between two disjoint random halves of each document (SimCLR, arXiv 2002.05709)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hilbert.baselines.method import Method, ProjectionHead, SegmentEncoder, Shape, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import nt_xent, unit
from hilbert.nn.ragged import Ragged
from hilbert.training.data import Batch


def random_split(segments: Ragged) -> tuple[Ragged, Ragged]:
    """Two disjoint random halves of each document's segments; a lone segment is in both.

    Random numbers come from torch's generator, which the training loop seeds.
    """
    docs = len(segments.lengths)
    device = segments.values.device
    owner = torch.repeat_interleave(torch.arange(docs, device=device), segments.lengths)
    keys = torch.rand(len(owner), device=device, dtype=torch.float64)
    order = torch.argsort(owner.to(torch.float64) + keys)  # shuffled inside each document
    first = torch.cumsum(segments.lengths, 0) - segments.lengths
    place = torch.empty_like(order)
    place[order] = torch.arange(len(owner), device=device) - first[owner[order]]
    half = (segments.lengths + 1) // 2
    lone = (segments.lengths == 1)[owner]

    def part(keep: Tensor) -> Ragged:
        lengths = torch.bincount(owner[keep], minlength=docs)
        return Ragged(segments.values[keep], lengths, segments.times[keep])

    return part((place < half[owner]) | lone), part((place >= half[owner]) | lone)


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
        known = batch.inputs.audio.lengths + batch.inputs.text.lengths > 0
        halves = zip(random_split(batch.inputs.audio), random_split(batch.inputs.text), strict=True)
        x, y = (unit(self._project(audio, text)[known]) for audio, text in halves)
        excluded = same_group(batch)[known][:, known]
        return {"total": nt_xent(x, y, 1.0 / self.options["temperature"], excluded)}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio and z_text of all segments, before the projection head."""
        return {"audio": self.audio(batch.inputs.audio), "text": self.text(batch.inputs.text)}

    def _project(self, audio: Ragged, text: Ragged) -> Tensor:
        projected: Tensor = self.head(torch.cat([self.audio(audio), self.text(text)], dim=1))
        return projected


class Simclr(NeuralBaseline):
    """SimCLR on frozen segment features; the heads see [z_audio; z_text]."""

    method = SimclrMethod
    defaults = {"projection": 64, "temperature": 0.2}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.1, 0.2, 0.5]}  # type: ignore[operator]
