"""A document: one recording, its transcript, and the manifest's columns for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Cue:
    """A piece of transcript; ``start`` and ``end`` in seconds, or None where the transcript has no times."""

    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Document:
    """One row of a manifest.

    ``audio`` and ``transcript`` are absolute paths; ``text`` is inline text. A missing modality is None.
    ``columns`` holds every other column of the manifest as text, "" where empty.
    """

    id: str
    audio: Path | None = None
    transcript: Path | None = None
    text: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def cues(self) -> tuple[Cue, ...]:
        """Read the transcript (or split the inline text into sentences); () when there is neither.

        Raises TranscriptError when the file cannot be read.
        """
        from hilbert.corpus.transcripts import read_transcript, split_sentences

        if self.transcript is not None:
            return read_transcript(self.transcript)
        return tuple(Cue(sentence) for sentence in split_sentences(self.text or ""))
