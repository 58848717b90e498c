"""`comm`: contrast of masked with complete fusion (CoMM, Dufumier et al. 2024, arXiv 2409.07402)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.method import Method, ProjectionHead, Shape, present, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import nt_xent, unit
from hilbert.nn.attention import CrossAttention
from hilbert.nn.hilbert import SegmentBatch
from hilbert.nn.joint import count_bias
from hilbert.nn.projection import Projection
from hilbert.nn.ragged import Ragged
from hilbert.training.data import Batch


def augment(segments: Ragged, drop: float, noise: float) -> Ragged:
    """Each document loses a share of its segments, drawn from 0 … ``drop``, but never all; Gaussian noise is added.

    Random numbers come from torch's generator, which the training loop seeds.
    """
    docs, device = len(segments.lengths), segments.values.device
    owner = torch.repeat_interleave(torch.arange(docs, device=device), segments.lengths)
    draw = torch.rand(len(owner), device=device)
    highest = torch.zeros(docs, device=device).scatter_reduce(0, owner, draw, "amax")
    keep = draw >= torch.minimum(drop * torch.rand(docs, device=device), highest)[owner]
    values = segments.values[keep]
    lengths = torch.bincount(owner[keep], minlength=docs)
    return Ragged(values + noise * torch.randn_like(values), lengths, segments.times[keep])


class CommMethod(Method):
    """Z = LN F([cls; audio segments; text segments])_cls, Z_audio and Z_text with the other modality masked.

    L = mean over i in {audio, text, joint} of ½ [NT(Z_i', Z_joint'') + NT(Z_i'', Z_joint')], where ' and '' are two
    augmentations and NT compares projected vectors at τ. Adaptations: augmentations are segment dropout and noise
    on frozen features; LayerNorm in place of batch statistics; keys carry −log n_m, so that the number of segments,
    of which training draws a few, does not decide the mass; a document is left out of a modality that it lacks.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        width, dropout = options["width"], options["dropout"]
        self.audio, self.text = (Projection(dim, width, dropout, time_encoding=False) for dim in shape[:2])
        self.cls = nn.Parameter(0.02 * torch.randn(width))
        self.layers = nn.ModuleList(
            CrossAttention(width, options["heads"], dropout, zero=False) for _ in range(options["layers"])
        )
        self.norm = nn.LayerNorm(width)
        self.head = ProjectionHead(width, options["projection"])

    def fuse(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """tokens (docs, n, width), bias (docs, n), −∞ = masked, which attention adds to its scores → (docs, width)."""
        sequence = torch.cat([self.cls.expand(len(tokens), 1, -1), tokens], dim=1)
        bias = F.pad(bias, (1, 0))
        for layer in self.layers[:-1]:
            sequence = layer(sequence, sequence, bias)
        fused: Tensor = self.norm(self.layers[-1](sequence[:, :1], sequence, bias).squeeze(1))  # only cls is read
        return fused

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Z_audio, Z_text and Z_joint (docs, width), before the projection head."""
        (audio, audio_mask), (text, text_mask) = self.audio(batch.inputs.audio), self.text(batch.inputs.text)
        mask = torch.cat([audio_mask, text_mask], dim=1)
        bias = count_bias(audio_mask, text_mask).masked_fill(~mask, -torch.inf)
        split = audio.shape[1]  # masking a modality everywhere is leaving it out
        return {
            "audio": self.fuse(audio, bias[:, :split]),
            "text": self.fuse(text, bias[:, split:]),
            "joint": self.fuse(torch.cat([audio, text], dim=1), bias),
        }

    def pair(self, batch: Batch) -> dict[str, Tensor]:
        """All three after the head that they share, where the loss compares them."""
        return {name: self.head(z) for name, z in self.embed(batch).items()}

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Each of the three against the complete fusion of the other augmentation."""
        docs, (drop, noise) = len(batch.target), (self.options["drop"], self.options["noise"])
        audio, text = (
            Ragged(*map(torch.cat, zip(*(augment(segments, drop, noise) for _ in range(2)), strict=True)))
            for segments in (batch.inputs.audio, batch.inputs.text)
        )
        augmented = SegmentBatch(audio, text)  # the two augmentations, one below the other
        both = self.embed(batch._replace(inputs=augmented))
        projected = {name: unit(self.head(z)).split(docs) for name, z in both.items()}
        has_audio, has_text = present(batch)
        has = {"audio": has_audio, "text": has_text, "joint": has_audio | has_text}
        excluded, scale = same_group(batch), 1 / self.options["temperature"]
        parts = {}
        for name, keep in has.items():
            one, other = (
                nt_xent(projected[name][i][keep], projected["joint"][1 - i][keep], scale, excluded[keep][:, keep])
                for i in range(2)
            )
            parts[name] = 0.5 * (one + other)
        return {"total": torch.stack(list(parts.values())).mean(), **parts}


class Comm(NeuralBaseline):
    """CoMM on frozen segment features; the heads see [Z_audio; Z_text; Z_joint]."""

    method = CommMethod
    defaults = {  # noqa: RUF012
        "heads": 4, "layers": 1, "projection": 64, "temperature": 0.1, "drop": 0.8, "noise": 0.1,
    }  # fmt: skip
    space = NeuralBaseline.space | {  # type: ignore[operator]
        "temperature": [0.05, 0.1, 0.2],
        "drop": [0.4, 0.8],
        "layers": [1, 2],
    }
