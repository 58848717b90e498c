"""`clap-fusion`: CLIP with LAION-CLAP's feature fusion for long recordings (arXiv 2211.06687)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.clip import ClipMethod
from hilbert.baselines.method import Shape
from hilbert.baselines.neural import NeuralBaseline
from hilbert.nn.projection import Projection
from hilbert.nn.ragged import Ragged

CHUNKS = 3  # front, middle, back
REDUCTION = 4


def chunk_places(lengths: Tensor, size: int, random: bool) -> tuple[Tensor, Tensor]:
    """Places (docs, 3, size) of consecutive segments in each third of a document, and which of them count.

    lengths: (docs,) at least 1. A chunk lies anywhere in its third if ``random``, else in its middle; it is as
    short as its third. With fewer than three segments thirds overlap.
    """
    thirds = torch.arange(CHUNKS + 1, device=lengths.device) * lengths[:, None] // CHUNKS
    room = (thirds[:, 1:] - thirds[:, :-1]).clamp_min(1)
    taken = room.clamp_max(size)
    free = room - taken
    shift = (torch.rand(free.shape, device=lengths.device) * (free + 1)).long() if random else free // 2
    cells = torch.arange(size, device=lengths.device)
    inside = cells < taken[..., None]
    places = (thirds[:, :-1] + shift)[..., None] + cells
    return torch.where(inside, places, 0), inside


class AttentionalFusion(nn.Module):
    """w = σ(local(x + r) + global(x + r)); out = 2 x w + 2 r (1 − w) (Dai et al. 2021, arXiv 2009.14082).

    ``global`` sees the mean of the chunks. LayerNorm stands for the original's BatchNorm, which needs a batch.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_each, self.of_all = (self._gate(width, max(1, width // REDUCTION)) for _ in range(2))

    @staticmethod
    def _gate(width: int, inner: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(width, inner), nn.LayerNorm(inner), nn.ReLU(), nn.Linear(inner, width), nn.LayerNorm(width)
        )

    def forward(self, x: Tensor, r: Tensor) -> Tensor:
        """x (docs, 1, width), r (docs, chunks, width) → (docs, chunks, width)."""
        both = x + r
        weight = (self.of_each(both) + self.of_all(both.mean(dim=1, keepdim=True))).sigmoid()
        fused: Tensor = 2 * x * weight + 2 * r * (1 - weight)
        return fused


class FusionEncoder(nn.Module):
    """Fuse the mean of all segments with the mean of each of three chunks, and take the mean of the three.

    Adaptation: the original fuses spectrograms, a shrunk whole and three 10 s excerpts; here they are means of
    projected segments. Chunks are drawn in training, of the segments that the step has drawn, and stand in the middle
    of their thirds otherwise, so that they are a smaller part of a long document then.
    """

    def __init__(self, dim: int, width: int, dropout: float, chunk: int) -> None:
        super().__init__()
        self.chunk = chunk
        self.project = Projection(dim, width, dropout, time_encoding=False)
        self.fuse = AttentionalFusion(width)
        self.out = nn.Linear(width, width)

    def forward(self, segments: Ragged) -> Tensor:
        """→ (docs, width)."""
        hidden, mask = self.project(segments)  # padding is zero
        counts = mask.sum(dim=1)
        whole = hidden.sum(dim=1, keepdim=True) / counts[:, None, None]
        places, inside = chunk_places(counts, self.chunk, self.training)
        rows = torch.arange(len(counts), device=counts.device)[:, None, None]
        picked = hidden[rows, places] * inside[..., None]  # (docs, chunks, size, width)
        chunks = picked.sum(dim=2) / inside.sum(dim=2, keepdim=True)
        embedded: Tensor = self.out(self.fuse(whole, chunks).mean(dim=1))
        return embedded


class ClapFusionMethod(ClipMethod):
    """CLIP's loss, the audio encoder replaced."""

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.audio = FusionEncoder(shape.audio, options["width"], options["dropout"], options["chunk"])


class ClapFusion(NeuralBaseline):
    """LAION-CLAP on frozen segment features; the heads see [z_audio; z_text]."""

    method = ClapFusionMethod
    defaults = {"projection": 64, "temperature": 0.1, "chunk": 2}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.05, 0.1, 0.2], "chunk": [1, 2, 4]}  # type: ignore[operator]
