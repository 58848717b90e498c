"""Bags of segment features: one variable-length sequence of each modality for each document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilbert.errors import InputError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packed:
    """The segments of one modality of all documents, one after another.

    ``values``: (total_segments, dim), NaN where a value is missing; ``lengths``: (docs,), 0 where a document
    lacks the modality; ``times``: (total_segments,), midpoint of each segment relative to its document, 0 to 1.
    """

    values: Floats
    lengths: Ints
    times: Floats

    def __post_init__(self) -> None:
        total = int(self.lengths.sum())
        if self.values.ndim != 2 or len(self.values) != total or self.times.shape != (total,):
            raise InputError(
                f"packed features: lengths add up to {total} segments, values have shape {self.values.shape} "
                f"and times {self.times.shape}"
            )

    @property
    def dim(self) -> int:
        """Width of a segment's vector."""
        return int(self.values.shape[1])

    @property
    def offsets(self) -> Ints:
        """(docs + 1,) where each document's segments start."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    def document(self, row: int) -> Floats:
        """(segments, dim) of one document."""
        start = int(self.lengths[:row].sum())
        return self.values[start : start + int(self.lengths[row])]

    def take(self, rows: Ints) -> Packed:
        """The documents at ``rows``, in that order."""
        lengths = self.lengths[rows]
        starts = self.offsets[:-1][rows]
        first = np.cumsum(lengths) - lengths
        index = np.repeat(starts - first, lengths) + np.arange(int(lengths.sum()))
        return Packed(self.values[index], lengths, self.times[index])

    @classmethod
    def from_documents(
        cls, documents: list[Floats], dim: int | None = None, times: list[Floats] | None = None
    ) -> Packed:
        """Pack a list of (segments, dim) arrays; evenly spaced times where none are given."""
        if dim is None:
            dim = documents[0].shape[1] if documents else 1
        lengths = np.array([len(d) for d in documents], dtype=np.int64)
        if times is None:
            times = [(np.arange(n) + 0.5) / max(n, 1) for n in lengths]
        values = np.concatenate([np.reshape(d, (-1, dim)) for d in documents]) if documents else np.zeros((0, dim))
        return cls(values, lengths, np.concatenate([*times, np.zeros(0)]).astype(values.dtype))


@dataclass(frozen=True, eq=False)
class Bags:
    """Features of many documents; slices as scikit-learn slices (``bags[rows]``, ``bags[rows, ...]``).

    ``duration``: (docs,) seconds of audio, NaN where unknown. ``source`` says how the features were made
    (encoders, segmentation), so that a saved model can encode new recordings the same way; ``notes`` what was
    missing or out of the ordinary when they were made, for every result that rests on them. ``origins``: (docs,)
    content keys of what each document's features were made from, None where that is unknown.
    """

    ids: NDArray[np.str_]
    audio: Packed
    text: Packed
    duration: Floats
    source: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origins: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.ids), len(self.audio.lengths), len(self.text.lengths), len(self.duration)}
        if len(sizes) != 1:
            raise InputError(
                f"bags: {len(self.ids)} ids, {len(self.audio.lengths)} audio and {len(self.text.lengths)} text "
                f"lengths, {len(self.duration)} durations; expected one of each a document"
            )
        if self.origins is not None and len(self.origins) != len(self.ids):
            raise InputError(f"bags: {len(self.origins)} origins of {len(self.ids)} documents; expected one of each")

    @property
    def shape(self) -> tuple[int]:
        """(docs,), the shape scikit-learn sees."""
        return (len(self.ids),)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: ArrayLike | slice | tuple[Any, ...]) -> Bags:
        if isinstance(key, tuple):
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError("bags have one axis: use bags[rows] or bags[rows, ...]")
            key = key[0]
        index: Any = key  # an empty list is an index, too, which np.asarray would make floating
        rows = np.atleast_1d(np.arange(len(self))[index])
        return Bags(
            self.ids[rows], self.audio.take(rows), self.text.take(rows), self.duration[rows], self.source, self.notes,
            None if self.origins is None else self.origins[rows],
        )  # fmt: skip

    def without(self, modality: str) -> Bags:
        """The same documents with one modality ("audio" or "text") missing everywhere."""
        if modality not in ("audio", "text"):
            raise InputError(f"a modality is 'audio' or 'text', not {modality!r}")
        kept = {"audio": self.audio, "text": self.text}
        shape = (0, kept[modality].dim)
        empty = Packed(np.zeros(shape, self.audio.values.dtype), np.zeros(len(self), np.int64), np.zeros(0))
        kept[modality] = empty
        return Bags(self.ids, kept["audio"], kept["text"], self.duration, self.source, self.notes)

    def recombine(self, audio: Ints, text: Ints) -> Bags:
        """These documents with the audio of the documents ``audio`` and the text of ``text``, (docs,) rows each.

        A missing modality is taken over as missing, and the seconds go with the audio.
        """
        taken = self.audio.take(audio), self.text.take(text)
        return Bags(self.ids, *taken, self.duration[audio], self.source, self.notes)

    def fingerprints(self) -> list[str]:
        """A hash of each document's features, by which a document is known again under another id."""
        found = []
        for row in range(len(self)):
            digest = hashlib.sha256()
            for packed in (self.audio, self.text):
                digest.update(np.ascontiguousarray(packed.document(row), dtype="<f4").tobytes() + b"|")
            found.append(digest.hexdigest()[:16])
        return found

    def contents(self) -> list[str]:
        """What each document's features were made from and how many segments of it there are, for keys of results.

        Two machines extract the same features but for the last bits, which change ``fingerprints`` and not this.
        It is ``fingerprints`` where the origin is unknown.
        """
        if self.origins is None:
            return self.fingerprints()
        counts = zip(self.origins.tolist(), self.audio.lengths.tolist(), self.text.lengths.tolist(), strict=True)
        return [f"{origin} {audio} {text}" for origin, audio, text in counts]
