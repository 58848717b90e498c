"""What a training reads: transformed documents in memory, and batches of them. All random numbers from one seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilbert.features.bags import Packed
from hilbert.losses.total import References
from hilbert.nn.documents import DocumentVectors
from hilbert.nn.hilbert import SegmentBatch
from hilbert.nn.ragged import Ragged
from hilbert.nn.vector_network import VectorBatch

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Rows(NamedTuple):
    """Documents to train on and to hold out (possibly none)."""

    train: Ints
    held_out: Ints


class Segments(NamedTuple):
    """All segments of one modality: values (total, dim), times (total,), lengths and offsets (docs,)."""

    values: Tensor
    times: Tensor
    lengths: Ints
    offsets: Ints

    @classmethod
    def of(cls, packed: Packed, device: str) -> Segments:
        """From numpy, in float32."""
        return cls(
            torch.as_tensor(packed.values, dtype=torch.float32, device=device),
            torch.as_tensor(np.array(packed.times), dtype=torch.float32, device=device),
            packed.lengths,
            packed.offsets[:-1],
        )

    def ragged(self, rows: Ints, drop: Mask, limit: int | None, generator: np.random.Generator) -> Ragged:
        """At most ``limit`` random segments of each row, in their order; none of those to ``drop``."""
        lengths, picks = pick(self, rows, limit, generator)
        picks, lengths = picks[~np.repeat(drop, lengths)], np.where(drop, 0, lengths)
        index = torch.as_tensor(picks, device=self.values.device)
        return Ragged(self.values[index], torch.as_tensor(lengths, device=self.values.device), self.times[index])


class SegmentData(NamedTuple):
    """Segments of both modalities of the same documents."""

    audio: Segments
    text: Segments

    @classmethod
    def of(cls, packed: tuple[Packed, Packed], device: str = "cpu") -> SegmentData:
        """Transformed audio and text."""
        return cls(*(Segments.of(part, device) for part in packed))

    @property
    def has(self) -> tuple[Mask, Mask]:
        """(docs,) each: which documents have audio, and text."""
        return self.audio.lengths > 0, self.text.lengths > 0

    def batch(
        self, rows: Ints, drops: tuple[Mask, Mask], limit: int | None, generator: np.random.Generator
    ) -> SegmentBatch:
        """Some documents, with the modalities in ``drops`` left out."""
        audio, text = (part.ragged(rows, drop, limit, generator) for part, drop in zip(self, drops, strict=True))
        return SegmentBatch(audio, text)


class VectorData(NamedTuple):
    """Parts of document vectors, (docs, width) each, and which documents have each modality, (docs,)."""

    audio: Tensor
    text: Tensor
    cross: Tensor
    has_audio: Mask
    has_text: Mask

    @classmethod
    def of(cls, vectors: DocumentVectors, device: str = "cpu") -> VectorData:
        """From numpy, in float32."""
        audio, text, cross = (
            torch.as_tensor(part, dtype=torch.float32, device=device)
            for part in (vectors.audio, vectors.text, vectors.cross)
        )
        return cls(audio, text, cross, vectors.has_audio, vectors.has_text)

    @property
    def has(self) -> tuple[Mask, Mask]:
        """(docs,) each: which documents have audio, and text."""
        return self.has_audio, self.has_text

    def batch(
        self, rows: Ints, drops: tuple[Mask, Mask], limit: int | None, generator: np.random.Generator
    ) -> VectorBatch:
        """Some documents, with the modalities in ``drops`` left out; ``limit`` is about segments."""
        device = self.audio.device
        index = torch.as_tensor(rows, device=device)
        audio, text = (
            torch.as_tensor(has[rows] & ~drop, device=device) for has, drop in zip(self.has, drops, strict=True)
        )
        return VectorBatch(
            self.audio[index] * audio[:, None],
            self.text[index] * text[:, None],
            self.cross[index] * (audio & text)[:, None],
            audio,
            text,
        )


Inputs = SegmentData | VectorData


class Dataset(NamedTuple):
    """All documents as a network reads them, with references, groups and targets (−1: none), (docs, …) each."""

    inputs: Inputs
    references: References
    groups: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.target)


class Batch(NamedTuple):
    """One step's documents."""

    inputs: Any
    references: References
    groups: Tensor
    target: Tensor


def make_dataset(
    inputs: Inputs,
    references: Sequence[NDArray[np.float64]] | None = None,
    target: Ints | None = None,
    groups: Ints | None = None,
) -> Dataset:
    """Inputs with what a loss asks for; ``references`` are (docs, width) of each modality."""
    docs = len(inputs.has[0])
    device = (inputs.audio.values if isinstance(inputs, SegmentData) else inputs.audio).device
    frozen = [np.zeros((docs, 1))] * 2 if references is None else references
    return Dataset(
        inputs,
        References(*(torch.as_tensor(x, dtype=torch.float32, device=device) for x in frozen)),
        torch.as_tensor(np.arange(docs) if groups is None else groups, device=device),
        torch.as_tensor(np.full(docs, -1) if target is None else target, device=device),
    )


def pick(segments: Segments, rows: Ints, limit: int | None, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Lengths and absolute positions of at most ``limit`` random segments of each row, in their order."""
    lengths = segments.lengths[rows]
    starts = np.repeat(segments.offsets[rows], lengths)
    owner = np.repeat(np.arange(len(rows)), lengths)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    if limit is None or lengths.max(initial=0) <= limit:
        return lengths, starts + within
    order = np.lexsort((generator.random(len(owner)), owner))
    keep = np.sort(order[within < limit])  # `within` counts 0, 1, … inside each owner in sorted order too
    return np.minimum(lengths, limit), (starts + within)[keep]


def make_batch(
    data: Dataset,
    rows: Ints,
    limit: int | None = None,
    dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Batch:
    """Documents ``rows``; with a generator, at most ``limit`` segments each and modality dropout.

    A dropped document loses one modality, drawn at random, and only if it has both.
    """
    generator = generator or np.random.default_rng(0)
    has_audio, has_text = (has[rows] for has in data.inputs.has)
    dropped = has_audio & has_text & (generator.random(len(rows)) < dropout)
    audio = dropped & (generator.random(len(rows)) < 0.5)
    inputs = data.inputs.batch(rows, (audio, dropped & ~audio), limit, generator)
    index = torch.as_tensor(rows, device=data.target.device)
    references = References(data.references.audio[index], data.references.text[index])
    return Batch(inputs, references, data.groups[index], data.target[index])


def training_batches(
    data: Dataset, rows: Ints, size: int, limit: int | None, dropout: float, seed: tuple[int, ...]
) -> Iterator[Batch]:
    """One epoch: all rows in a random order, in equal batches of about ``size``."""
    generator = np.random.default_rng(seed)
    for part in np.array_split(generator.permutation(rows), max(1, round(len(rows) / size))):
        yield make_batch(data, part, limit, dropout, generator)


def plain_batches(data: Dataset, rows: Ints, size: int, limit: int | None = None) -> Iterator[Batch]:
    """All rows in order: with all their segments (embedding), or the same ``limit`` each time (validation)."""
    for start in range(0, len(rows), size):
        yield make_batch(data, rows[start : start + size], limit)
