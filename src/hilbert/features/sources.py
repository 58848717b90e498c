"""Where one modality's features of a document come from: its recording, or its transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hilbert.corpus.document import Cue, Document
from hilbert.corpus.recording import probe
from hilbert.encoders.protocol import SpeechEncoder, TextEncoder
from hilbert.encoders.spans import SpanCounts, encode_spans
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import AudioError, InputError
from hilbert.features.keys import audio_key, file_hash, text_key
from hilbert.features.store import FeatureStore
from hilbert.segments.audio import read_blocks
from hilbert.segments.segmentation import Segmentation, audio_spans, text_segments, timed

CUES = "documents whose audio is cut by cues"
WINDOWS = "documents whose audio is cut into windows"
NEAREST = "audio segments shorter than a frame"
BEYOND = "audio segments that end beyond their recording"
NO_LENGTH = "documents whose recording cannot be read, timed by their last cue"
PIECES = "texts longer than the encoder's limit, encoded in pieces"


class Found(NamedTuple):
    """A row of the index, whether it was computed just now, and the recording's seconds where known."""

    entry: dict[str, Any]
    computed: bool
    duration: float | None = None


class Source(Protocol):
    """Gives one modality's features of a document, from the store where they are there already."""

    def features(self, document: Document, store: FeatureStore) -> Found | None:
        """None where the document lacks the modality; raises a HilbertError where it cannot be read."""


@dataclass(frozen=True)
class RecordingSource:
    """Encodes a document's recording, streamed."""

    encoder: SpeechEncoder
    spec: EncoderSpec
    segmentation: Segmentation

    def features(self, document: Document, store: FeatureStore) -> Found | None:
        """Segments by the transcript's cues or by windows, as the segmentation says."""
        path = document.audio
        if path is None:
            return None
        duration = probe(path).duration
        cues = document.cues()
        spans = audio_spans(cues, duration, self.segmentation)
        if not len(spans):
            raise InputError(f"{path}: expected at least one segment, found none: the recording or transcript is empty")
        key = audio_key(_recording_hash(document.id, path, store), spans, self.encoder.identity)
        known = store.find(key)
        if known is not None:
            return Found(known, False, duration)
        counts = SpanCounts()
        blocks = read_blocks(path, self.encoder.rate)
        values = encode_spans(self.encoder, blocks, spans, duration, self.spec, counts)
        times = np.clip(spans.mean(axis=1) / max(duration, 1e-9), 0, 1)
        by_cues = self.segmentation.audio == "cues" or (self.segmentation.audio == "auto" and timed(cues))
        found = {NEAREST: counts.nearest, BEYOND: counts.beyond_end, CUES if by_cues else WINDOWS: 1}
        return Found(store.write(key, values, times, found), True, duration)


@dataclass(frozen=True)
class TranscriptSource:
    """Encodes a document's transcript."""

    encoder: TextEncoder
    segmentation: Segmentation

    def features(self, document: Document, store: FeatureStore) -> Found | None:
        """Segments by cues or sentences; a document without any text lacks the modality."""
        segments = text_segments(document.cues(), self.segmentation)
        if not segments:
            return None
        duration, counts = None, {}
        if document.audio is not None:
            try:
                duration = probe(document.audio).duration
            except AudioError:  # said by the speech encoder, where there is one: here the text alone is asked for
                counts = {NO_LENGTH: 1}
        return encode_texts(self.encoder, segments, relative_times(segments, duration), store, counts)


def encode_texts(
    encoder: TextEncoder,
    segments: Sequence[Cue],
    times: NDArray[np.float64],
    store: FeatureStore,
    counts: dict[str, int] | None = None,
) -> Found:
    """Features of segments of text; ``counts`` are the document's own, not the file's, which others may share."""
    key = text_key(segments, times, encoder.identity)
    known = entry = store.find(key)
    if entry is None:
        encoded = encoder.encode([cue.text for cue in segments])
        entry = store.write(key, encoded.values, times, {PIECES: encoded.split})
    return Found(entry | {"counts": entry["counts"] | (counts or {})}, known is None)


def relative_times(segments: Sequence[Cue], duration: float | None) -> NDArray[np.float64]:
    """Midpoint of each segment relative to the document, 0 to 1; evenly spaced where there are no times."""
    middles = [(cue.start + cue.end) / 2 for cue in segments if cue.start is not None and cue.end is not None]
    if len(middles) < len(segments):
        return (np.arange(len(segments)) + 0.5) / max(len(segments), 1)
    end = duration or max((cue.end or 0.0) for cue in segments)
    return np.clip(np.array(middles) / max(end, 1e-9), 0, 1)


def _recording_hash(document: str, path: Path, store: FeatureStore) -> str:
    """Hash of a recording, remembered by name, size and time of change so that a second run reads no audio."""
    state = path.stat()
    known = store.index.hashes.get(document)
    if known is not None and known[:3] == [path.name, state.st_size, state.st_mtime_ns]:
        return str(known[3])
    digest = file_hash(path)
    store.index.hashes[document] = [path.name, state.st_size, state.st_mtime_ns, digest]
    return digest
