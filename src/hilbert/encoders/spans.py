"""From frames to segment vectors: encode a streamed recording and pool the frames of each span."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hilbert.encoders.pooling import SpanPool
from hilbert.encoders.protocol import Float32, SpeechEncoder
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import EncoderError, InputError

Spans = NDArray[np.float64]


@dataclass
class SpanCounts:
    """What encode_spans met: spans in all, spans that took the nearest frame, spans running past the end."""

    spans: int = 0
    nearest: int = 0
    beyond_end: int = 0


def encode_spans(
    encoder: SpeechEncoder,
    blocks: Iterable[Float32],
    spans: Spans,
    duration: float,
    spec: EncoderSpec,
    counts: SpanCounts | None = None,
) -> Float32:
    """(spans, width) segment vectors, (spans, 2 * width) for mean+std (population spread).

    ``blocks``: consecutive blocks of the recording at ``encoder.rate``, read once and in order; ``spans``:
    (spans, 2) seconds, in any order, overlapping or not; ``duration``: seconds of the recording.
    Context "window": contiguous windows of ``encoder.window`` seconds are encoded, and every frame whose
    centre lies in [start, end) is pooled. Context "segment": each span is encoded alone, in equal pieces
    of at most ``encoder.window`` seconds. A span that holds no frame, or lies past the end, takes the
    nearest one and is counted in ``counts``. Memory is bounded by one window, one block and one vector a
    span.
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    bad = ~(np.isfinite(spans).all(axis=1) & (spans[:, 0] <= spans[:, 1]) & (spans[:, 0] >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"span {row + 1}: expected 0 <= start <= end in seconds, found {spans[row].tolist()}")
    pool = SpanPool(len(spans), encoder.width)
    if len(spans):
        walk = _windows if spec.context == "window" else _segments
        walk(encoder, blocks, spans, duration, pool)
    if counts is not None:
        counts.spans += len(spans)
        counts.nearest += int((pool.count == 0).sum())
        counts.beyond_end += int((spans[:, 1] > duration + encoder.frame_seconds).sum())
    return pool.vectors(spec.pooling)


def _windows(encoder: SpeechEncoder, blocks: Iterable[Float32], spans: Spans, duration: float, pool: SpanPool) -> None:
    step = encoder.frame_seconds
    middle = np.minimum(spans.mean(axis=1), max(0.0, duration - step / 2))
    skipped: tuple[float, Float32] | None = None
    for start, wave in _cut(blocks, encoder):
        end = start + len(wave) / encoder.rate
        inside = (spans[:, 0] < end) & (spans[:, 1] > start)
        near = (middle > start - step) & (middle < end + step)
        if not (inside | near).any():
            skipped = start, wave
            continue
        skipped = None
        frames = _frames(encoder, wave)
        first = np.ceil((spans - start) / step - 0.5 - 1e-6).clip(0, len(frames)).astype(np.int64)
        for row in np.flatnonzero(inside).tolist():
            pool.add(row, frames[first[row, 0] : first[row, 1]])
        nearest = np.rint((middle - start) / step - 0.5).clip(0, len(frames) - 1).astype(np.int64)
        distance = np.abs(start + (nearest + 0.5) * step - middle)
        for row in np.flatnonzero(near).tolist():
            pool.offer(row, frames[nearest[row]], float(distance[row]))
        pool.last = frames[-1]
    if skipped is not None and pool.waiting:  # the recording ended before its promised duration
        pool.last = _frames(encoder, skipped[1])[-1]
    pool.settle()


def _cut(blocks: Iterable[Float32], encoder: SpeechEncoder) -> Iterator[tuple[float, Float32]]:
    """Windows of encoder.window seconds with their start in seconds; the last may be shorter."""
    size = max(1, round(encoder.window * encoder.rate))
    held = np.zeros(0, dtype=np.float32)
    at = 0
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else block
        while len(held) >= size:
            yield at / encoder.rate, held[:size]
            held = held[size:]
            at += size
    if len(held):
        yield at / encoder.rate, held


def _segments(encoder: SpeechEncoder, blocks: Iterable[Float32], spans: Spans, duration: float, pool: SpanPool) -> None:
    least = max(1, round(encoder.frame_seconds * encoder.rate))  # samples of the shortest piece
    buffer = np.zeros(0, dtype=np.float32)
    origin = 0  # sample of the recording at which the buffer starts
    stream = iter(blocks)
    ended = False
    for start, end, row, whole in _pieces(encoder, spans, duration, least):
        while not ended and origin + len(buffer) < end:
            keep = max(0, min(start - origin, len(buffer) - least))
            block = next(stream, None)
            ended = block is None
            buffer, origin = (
                np.concatenate([buffer[keep:], *([] if block is None else [block])]),
                origin + keep,
            )
        if not len(buffer):
            raise InputError("the recording holds no samples")
        high = min(end, origin + len(buffer))
        low = max(min(start, high - least), origin)
        frames = _frames(encoder, buffer[low - origin : high - origin])
        if whole and start < high:
            pool.add(row, frames)
        else:
            pool.offer(row, frames[len(frames) // 2], 0.0)
    for _ in stream:  # to the end, so that a damaged tail is found under either policy
        pass
    pool.settle()


def _pieces(encoder: SpeechEncoder, spans: Spans, duration: float, least: int) -> list[tuple[int, int, int, bool]]:
    """Every piece, by first sample, so that earlier samples are never needed again.

    A piece is (first sample, end sample, row, whether it is the span's own sound and not the nearest).
    """
    longest = max(1, math.floor(encoder.window * encoder.rate))
    total = max(least, round(duration * encoder.rate))
    pieces: list[tuple[int, int, int, bool]] = []
    for row, (start, end) in enumerate(spans):
        low, high = round(start * encoder.rate), min(round(end * encoder.rate), total)
        whole = high - low >= least
        if not whole:
            low = max(0, min(round((start + end) / 2 * encoder.rate) - least // 2, total - least))
            high = low + least
        edges = np.linspace(low, high, math.ceil((high - low) / longest) + 1).round().astype(int)
        pieces += [(int(a), int(b), row, whole) for a, b in pairwise(edges)]
    return sorted(pieces)


def _frames(encoder: SpeechEncoder, wave: Float32) -> Float32:
    frames = encoder.frames(np.ascontiguousarray(wave, dtype=np.float32))
    if frames.ndim != 2 or frames.shape[1] != encoder.width or not len(frames):
        raise EncoderError(f"expected frames of shape (at least 1, {encoder.width}), found {frames.shape}")
    if not np.isfinite(frames).all():
        raise EncoderError("the encoder gave NaN or infinite frames; its weights or its device are at fault")
    return frames
