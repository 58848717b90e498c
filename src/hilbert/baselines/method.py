"""What a neural baseline has to give: a network with a loss and document embeddings; the rest is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilbert.losses.classification import classification_loss
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.nn.ragged import Ragged
from hilbert.nn.vector_network import ResidualMap, VectorBatch
from hilbert.training.data import Batch

Floats = NDArray[np.float64]


class Shape(NamedTuple):
    """Widths of both modalities' inputs and of the part of document vectors that needs both (0 for segments), classes,

    and documents of each class (classes,).
    """

    audio: int
    text: int
    cross: int
    classes: int
    counts: Tensor


class Method(nn.Module, ABC):
    """One method on frozen segment features, or on document vectors where ``options["backbone"]`` says "vectors".

    ``options`` are its hyper-parameters, defaults included.
    """

    supervised = False

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__()
        self.shape, self.options = shape, options

    @abstractmethod
    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Named parts of the loss, with what is minimised as "total"; a supervised method also gives "label".

        ``batch.target`` is −1 for documents without a label; ``progress`` is the share of the epochs done.
        """

    @abstractmethod
    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Embeddings (docs, any width) by name, of which the heads see the concatenation, in this order.

        "audio" and "text" name those of one modality alone, from which retrieval is computed.
        """

    def pair(self, batch: Batch) -> dict[str, Tensor]:
        """Embeddings by name in the space where the loss compares them: "audio" and "text", as far as it has them.

        For methods with ``head_audio`` and ``head_text``, or without any head. Those that contrast a joint embedding,
        or share a head, say it themselves.
        """
        z = self.embed(batch)
        heads = [getattr(self, f"head_{name}", None) for name in ("audio", "text")]
        return {n: z[n] if h is None else h(z[n]) for n, h in zip(("audio", "text"), heads, strict=True) if n in z}

    def logits(self, batch: Batch) -> Tensor:
        """A supervised method's own logits (docs, classes)."""
        raise TypeError(f"{type(self).__name__} is not supervised: it has no logits of its own")

    def start(self, parts: Mapping[str, Floats]) -> None:
        """Called before training on document vectors, with those of the training documents: part → (docs, width)."""
        for module in self.modules():
            if isinstance(module, VectorEncoder):
                module.start(parts[module.part])

    def after_step(self) -> None:
        """Called after each optimiser step, for instance to clamp a temperature."""

    def label_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy with balanced class weights, the same for all methods and for logistic regression."""
        return classification_loss(logits, batch.target, self.shape.counts, class_weights=True)


class Classifier(Method):
    """A supervised method that ends in dropout and a linear map of its representation, with the label loss alone.

    On document vectors the linear map also sees the embedding of the part that needs both modalities, beside the
    representation, which is the method's own fusion of the two modalities' parts.
    """

    supervised = True

    def __init__(self, shape: Shape, options: dict[str, Any], width: int) -> None:
        super().__init__(shape, options)
        self.dropout = nn.Dropout(options["dropout"])
        self.cross = make_cross(shape, options)
        self.classify = nn.Linear(width + (0 if self.cross is None else options["width"]), shape.classes)

    @abstractmethod
    def represent(self, batch: Batch) -> Tensor:
        """(docs, width): what the method makes of both modalities."""

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Weighted cross-entropy."""
        label = self.label_loss(self.logits(batch), batch)
        return {"total": label, "label": label}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """What the linear map sees."""
        return {"joint": self.beside_cross(self.represent(batch), batch)}

    def logits(self, batch: Batch) -> Tensor:
        """(docs, classes)."""
        return self.classified(self.represent(batch), batch)

    def classified(self, represented: Tensor, batch: Batch) -> Tensor:
        """Representations (docs, width) of a batch → logits (docs, classes)."""
        logits: Tensor = self.classify(self.dropout(self.beside_cross(represented, batch)))
        return logits

    def beside_cross(self, represented: Tensor, batch: Batch) -> Tensor:
        """[representation; embedding of the part that needs both], the representation alone on segments."""
        if self.cross is None:
            return represented
        return torch.cat([represented, self.cross(batch.inputs.cross)], dim=1)


class SegmentEncoder(nn.Module):
    """One modality by itself: project, pool attentively (mean and spread), map to ``width``.

    Pooling starts as the plain mean. Methods whose paper asks for no
    encoder of its own share it, so that they differ by what they are named for.
    """

    def __init__(self, dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.project = Projection(dim, width, dropout, time_encoding=False)
        self.pool = AttentivePooling(width, width, "statistics", zero_scores=True)
        self.out = nn.Linear(self.pool.out_width(width), width)

    def forward(self, segments: Ragged) -> Tensor:
        """→ (docs, width)."""
        embedded: Tensor = self.out(self.pool(*self.project(segments)))
        return embedded


class VectorEncoder(nn.Module):
    """One part of the document vectors by itself: its principal components, and a residual that is learnt.

    A document that lacks the part, whose row is 0, gets a learnt null vector. ``part``: "audio", "text" or "cross".
    """

    def __init__(self, part: str, dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.part = part
        self.map = ResidualMap(dim, width, dropout)
        self.null = nn.Parameter(torch.randn(width) * 0.02)

    def start(self, rows: Floats) -> None:
        """Start at the principal components of training rows (docs, dim)."""
        self.map.start(rows)

    def forward(self, rows: Tensor) -> Tensor:
        """(docs, dim) → (docs, width)."""
        return torch.where(rows.any(dim=1, keepdim=True), self.map(rows), self.null)


def make_encoder(shape: Shape, options: Mapping[str, Any], part: str) -> Any:
    """A SegmentEncoder or a VectorEncoder, as the backbone asks: ``batch.inputs``' audio or text → (docs, width)."""
    dim, width, dropout = getattr(shape, part), options["width"], options["dropout"]
    if options["backbone"] == "segments":
        return SegmentEncoder(dim, width, dropout)
    return VectorEncoder(part, dim, width, dropout)


def make_cross(shape: Shape, options: Mapping[str, Any]) -> VectorEncoder | None:
    """The encoder of the part that needs both modalities; None on segments, which have no such part."""
    if options["backbone"] == "segments":
        return None
    return VectorEncoder("cross", shape.cross, options["width"], options["dropout"])


class ProjectionHead(nn.Module):
    """Two-layer map into the space of contrast, without batch statistics."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, out))

    def forward(self, z: Tensor) -> Tensor:
        """(docs, width) → (docs, out)."""
        projected: Tensor = self.layers(z)
        return projected


def same_group(batch: Batch) -> Tensor:
    """(docs, docs) True where two documents are of one group, and so no negatives of each other."""
    return batch.groups[:, None] == batch.groups[None, :]


def present(batch: Batch) -> tuple[Tensor, Tensor]:
    """(docs,) each, True where a document has audio, and text."""
    inputs = batch.inputs
    if isinstance(inputs, VectorBatch):
        return inputs.has_audio, inputs.has_text
    return inputs.audio.lengths > 0, inputs.text.lengths > 0


def both_present(batch: Batch) -> Tensor:
    """(docs,) True where a document has both modalities."""
    audio, text = present(batch)
    return audio & text
