"""Batches of documents: which documents, which segments, which modality is dropped. All from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilbert.config import TrainingConfig
from hilbert.features.bags import Packed
from hilbert.model.ragged import Ragged
from hilbert.objectives.total import References

Ints = NDArray[np.int64]


class Segments(NamedTuple):
    """All transformed segments of one modality in memory: values (total, dim), lengths and offsets (docs,)."""

    values: Tensor
    times: Tensor
    lengths: Ints
    offsets: Ints

    @classmethod
    def of(cls, packed: Packed, values: NDArray[np.floating], dtype: torch.dtype, device: str) -> Segments:
        """``values`` replaces the packed values; times are kept."""
        return cls(
            torch.as_tensor(values, dtype=dtype, device=device),
            torch.as_tensor(np.array(packed.times), dtype=dtype, device=device),
            packed.lengths,
            packed.offsets[:-1],
        )

    def packed(self, rows: Ints) -> Packed:
        """Some documents, back in numpy."""
        values = self.values.cpu().numpy().astype(np.float64)
        return Packed(values, self.lengths, self.times.cpu().numpy()).take(rows)

    def ragged(self, rows: Ints, lengths: Ints, picks: Ints) -> Ragged:
        """The segments at absolute positions ``picks``, ``lengths`` of them for each row."""
        index = torch.as_tensor(picks, device=self.values.device)
        counts = torch.as_tensor(lengths, device=self.values.device)
        return Ragged(self.values[index], counts, self.times[index])


class Dataset(NamedTuple):
    """Everything that training reads: both modalities and, by document, references, groups and targets (−1: none)."""

    audio: Segments
    text: Segments
    references: References
    groups: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.audio.lengths)


class Batch(NamedTuple):
    """One step's documents."""

    audio: Ragged
    text: Ragged
    references: References
    groups: Tensor
    target: Tensor


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
    parts = {}
    both = (data.audio.lengths[rows] > 0) & (data.text.lengths[rows] > 0)
    dropped = both & (generator.random(len(rows)) < dropout)
    audio_drops = dropped & (generator.random(len(rows)) < 0.5)
    for name, segments, drops in (
        ("audio", data.audio, audio_drops),
        ("text", data.text, dropped & ~audio_drops),
    ):
        lengths, picks = pick(segments, rows, limit, generator)
        if drops.any():
            picks = picks[~np.repeat(drops, lengths)]
            lengths = np.where(drops, 0, lengths)
        parts[name] = segments.ragged(rows, lengths, picks)
    index = torch.as_tensor(rows, device=data.target.device)
    references = References(data.references.audio[index], data.references.text[index])
    return Batch(parts["audio"], parts["text"], references, data.groups[index], data.target[index])


def training_batches(data: Dataset, rows: Ints, config: TrainingConfig, seed: tuple[int, ...]) -> Iterator[Batch]:
    """One epoch: all rows in a random order, in equal batches of about ``batch_size``."""
    generator = np.random.default_rng(seed)
    count = max(1, round(len(rows) / config.batch_size))
    for part in np.array_split(generator.permutation(rows), count):
        yield make_batch(data, part, config.max_segments, config.modality_dropout, generator)


def plain_batches(data: Dataset, rows: Ints, size: int, limit: int | None = None) -> Iterator[Batch]:
    """All rows in order: with all their segments (embedding), or the same ``limit`` each time (validation)."""
    for start in range(0, len(rows), size):
        yield make_batch(data, rows[start : start + size], limit)
