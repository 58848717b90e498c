"""`symile`: contrast of triples by their total correlation (Symile, arXiv 2411.01053)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.bases import make_base
from hilbert.baselines.method import Method, ProjectionHead, Shape, both_present, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import unit
from hilbert.training.data import Batch

MAX_SCALE = 100.0


def anchored(anchor: Tensor, first: Tensor, second: Tensor, scale: Tensor, order: Tensor, excluded: Tensor) -> Tensor:
    """−log softmax of s⟨x_i, y_i, z_i⟩ among itself and s⟨x_i, y_k, z_π(k)⟩, k ≠ i; mean of the anchors, in nats.

    ⟨x, y, z⟩ = Σ_d x_d y_d z_d; anchor, first, second: (docs, width) unit rows; order: the permutation π, which
    makes docs − 1 negatives out of docs² pairs; excluded: (docs, docs), True = the same group: a candidate that
    holds another document of the anchor's group does not count. Fewer than two rows give 0.
    """
    if len(anchor) < 2:
        return (anchor.sum() + first.sum() + second.sum()) * 0.0
    own = torch.eye(len(anchor), dtype=torch.bool, device=anchor.device)
    positive = (anchor * first * second).sum(dim=1, keepdim=True)
    logits = scale * torch.where(own, positive, anchor @ (first * second[order]).T)
    others = excluded & ~own
    logits = logits.masked_fill((others | others[:, order]) & ~own, -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(anchor), device=anchor.device))


class SymileMethod(Method):
    """⅓ Σ of the loss with audio, text and joint as anchor; with one of them constant the others' are CLIP's.

    The product of three unit rows is smaller than a cosine by about √width, so that the learnt scale starts at
    √width / τ and is held in 1 … 100 √width. Adaptation: the third modality is the joint embedding of
    ``SegmentBase``, which holds the other two.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.network = make_base(shape, options)
        self.heads = nn.ModuleList(ProjectionHead(options["width"], options["projection"]) for _ in range(3))
        self.log_root = 0.5 * math.log(options["projection"])
        self.log_scale = nn.Parameter(torch.tensor(self.log_root - math.log(options["temperature"])))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Over documents that have both modalities; other documents of a group are in no negative."""
        both, z = both_present(batch), self.network(batch.inputs)
        embedded = zip(self.heads, (z.audio, z.text, z.joint), strict=True)
        audio, text, joint = (unit(head(own)[both]) for head, own in embedded)
        scale, excluded = self.log_scale.exp(), same_group(batch)[both][:, both]
        triples = {"audio": (audio, text, joint), "text": (text, audio, joint), "joint": (joint, audio, text)}
        parts = {
            name: anchored(*rows, scale, torch.randperm(len(audio), device=audio.device), excluded)
            for name, rows in triples.items()
        }
        return {"total": (parts["audio"] + parts["text"] + parts["joint"]) / 3, **parts}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio, z_text and z_joint, before the projection heads."""
        z = self.network(batch.inputs)
        return {"audio": z.audio, "text": z.text, "joint": z.joint}

    def pair(self, batch: Batch) -> dict[str, Tensor]:
        """Each after its own head, where the loss compares them."""
        return {name: head(z) for head, (name, z) in zip(self.heads, self.embed(batch).items(), strict=True)}

    @torch.no_grad()
    def after_step(self) -> None:
        """Clamp the scale as CLIP does, but at √width times its bound."""
        self.log_scale.clamp_(0.0, math.log(MAX_SCALE) + self.log_root)


class Symile(NeuralBaseline):
    """Symile on frozen segment features; the heads see [z_audio; z_text; z_joint]."""

    method = SymileMethod
    defaults = {"projection": 64, "temperature": 0.1}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.05, 0.1, 0.2]}  # type: ignore[operator]
