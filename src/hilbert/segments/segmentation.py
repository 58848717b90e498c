"""Where a document's segments lie: cues of its transcript, or windows and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hilbert.corpus.document import Cue
from hilbert.errors import TranscriptError


class Segmentation(BaseModel):
    """How a document is cut into segments.

    ``audio``: "cues" (the times of the transcript), "windows" (of ``window`` seconds), or "auto": cues
    when every cue has times, else windows. ``text``: "cues", "sentences", or "auto": cues when every cue
    has times, else sentences. ``first``: keep the first so many segments of each modality, None for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio: Literal["auto", "cues", "windows"] = "auto"
    window: float = Field(default=10.0, ge=0.1, allow_inf_nan=False)
    text: Literal["auto", "cues", "sentences"] = "auto"
    first: int | None = Field(default=None, ge=1)


def timed(cues: Sequence[Cue]) -> bool:
    """Whether there are cues and each of them has a start and an end."""
    return bool(cues) and all(cue.start is not None and cue.end is not None for cue in cues)


def audio_spans(cues: Sequence[Cue], duration: float, segmentation: Segmentation) -> NDArray[np.float64]:
    """(segments, 2) start and end in seconds, in transcript order; cues may overlap.

    Windows are contiguous and cover the whole recording; a remainder shorter than half a window joins the
    window before it. Raises TranscriptError when cues are asked for and have no times, or times that no
    recording can have.
    """
    mode = segmentation.audio
    if mode == "auto":
        mode = "cues" if timed(cues) else "windows"
    spans = _windows(duration, segmentation.window) if mode == "windows" else _cue_spans(cues)
    return spans[: segmentation.first]


def text_segments(cues: Sequence[Cue], segmentation: Segmentation) -> list[Cue]:
    """The pieces of text to encode: the cues themselves, or sentences.

    Sentences may run over timed cues (captions break anywhere) and take their times from the letters'
    share of each cue; cues without times are lines or paragraphs, and no sentence runs over them.
    """
    mode = segmentation.text
    if not any(cue.text for cue in cues):
        return []  # nothing was said, however many cues there are
    if mode == "auto":
        mode = "cues" if timed(cues) else "sentences"
    return (list(cues) if mode == "cues" else _sentences(cues))[: segmentation.first]


def _windows(duration: float, window: float) -> NDArray[np.float64]:
    if not math.isfinite(duration) or duration <= 0:
        return np.zeros((0, 2))
    count = max(1, math.floor(duration / window + 0.5))
    edges = np.append(np.arange(count) * window, duration)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _cue_spans(cues: Sequence[Cue]) -> NDArray[np.float64]:
    spans = np.zeros((len(cues), 2))
    for row, cue in enumerate(cues):
        if cue.start is None or cue.end is None:
            raise TranscriptError(
                f"cue {row + 1} of {len(cues)} has no times, but segmentation audio='cues' needs a start "
                "and an end for every cue; use audio='windows' or 'auto'"
            )
        if not (math.isfinite(cue.start) and math.isfinite(cue.end) and 0 <= cue.start <= cue.end):
            raise TranscriptError(
                f"cue {row + 1} of {len(cues)}: expected 0 <= start <= end, found {cue.start} to {cue.end} "
                "s; correct the transcript or use segmentation audio='windows'"
            )
        spans[row] = cue.start, cue.end
    return spans


def _sentences(cues: Sequence[Cue]) -> list[Cue]:
    from hilbert.corpus.transcripts import split_sentences

    if not timed(cues):
        return [Cue(sentence) for cue in cues for sentence in split_sentences(cue.text)]
    texts = [" ".join(cue.text.split()) for cue in cues]
    kept = [(text, cue) for text, cue in zip(texts, cues, strict=True) if text]
    whole = " ".join(text for text, _ in kept)
    places: list[float] = []
    seconds: list[float] = []
    at = 0
    for text, cue in kept:
        places += [at, at + len(text)]
        seconds += [float(cue.start or 0.0), float(cue.end or 0.0)]
        at += len(text) + 1
    found: list[Cue] = []
    at = 0
    for sentence in split_sentences(whole):
        begin = whole.find(sentence, at)
        begin = at if begin < 0 else begin
        at = begin + len(sentence)
        start, end = np.interp([begin, at], places, seconds)
        found.append(Cue(sentence, float(start), float(end)))
    return found
