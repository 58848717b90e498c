"""What a neural baseline has to give: a network with a loss and document embeddings; the rest is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor, nn

from hilbert.features.bags import Packed
from hilbert.nn.pooling import AttentivePooling
from hilbert.nn.projection import Projection
from hilbert.nn.ragged import Ragged
from hilbert.losses.classification import classification_loss
from hilbert.training.batches import Batch


class Shape(NamedTuple):
    """Widths of both modalities' inputs and of the part that needs both (backbone: prototypes; else 0), classes,

    and documents of each class (classes,).
    """

    audio: int
    text: int
    cross: int
    classes: int
    counts: Tensor


class Method(nn.Module, ABC):
    """One method on frozen segment features; ``options`` are its hyper-parameters, defaults included."""

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

    def start(self, audio: Packed, text: Packed) -> None:
        """Called before training with the training documents' inputs."""

    def after_step(self) -> None:
        """Called after each optimiser step, for instance to clamp a temperature."""

    def label_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy with balanced class weights, the same for all methods and for logistic regression."""
        return classification_loss(logits, batch.target, self.shape.counts, class_weights=True)


class Classifier(Method):
    """A supervised method that ends in dropout and a linear map of its representation, with the label loss alone."""

    supervised = True

    def __init__(self, shape: Shape, options: dict[str, Any], width: int) -> None:
        super().__init__(shape, options)
        self.dropout = nn.Dropout(options["dropout"])
        self.classify = nn.Linear(width, shape.classes)

    @abstractmethod
    def represent(self, batch: Batch) -> Tensor:
        """(docs, width): what the linear map sees."""

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Weighted cross-entropy."""
        label = self.label_loss(self.logits(batch), batch)
        return {"total": label, "label": label}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """The representation."""
        return {"joint": self.represent(batch)}

    def logits(self, batch: Batch) -> Tensor:
        """(docs, classes)."""
        logits: Tensor = self.classify(self.dropout(self.represent(batch)))
        return logits


class SegmentEncoder(nn.Module):
    """One modality by itself: project, pool attentively (mean and spread), map to ``width``.

    As HILBERT's segment network has it, but for time encoding and the last norm. Methods whose paper asks for no
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


def both_present(batch: Batch) -> Tensor:
    """(docs,) True where a document has both modalities."""
    return (batch.audio.lengths > 0) & (batch.text.lengths > 0)
