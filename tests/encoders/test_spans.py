from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilbert.encoders import EncoderSpec, SpanCounts, encode_spans, load_speech
from hilbert.errors import EncoderError, InputError

RATE = 16_000


class Levels:
    """A real, tiny encoder: mean and mean square of every 20 ms; 1 s at most; notes what it was given."""

    rate = 1000
    width = 2
    window = 1.0
    frame_seconds = 0.02
    identity: dict[str, Any] = {"encoder": "levels"}  # noqa: RUF012

    def __init__(self) -> None:
        self.seen: list[int] = []

    def frames(self, wave: np.ndarray) -> np.ndarray:
        assert 0 < len(wave) <= 1000
        assert wave.dtype == np.float32
        self.seen.append(len(wave))
        padded = np.pad(wave, (0, -len(wave) % 20)).reshape(-1, 20)
        return np.stack([padded.mean(axis=1), np.square(padded).mean(axis=1)], axis=1)


def recording(seconds: float, rate: int = 1000, seed: int = 0) -> np.ndarray:
    return (3 + np.random.default_rng(seed).normal(size=round(seconds * rate))).astype(np.float32)


def blocks(wave: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(wave), size):
        yield wave[start : start + size]


def run(wave: np.ndarray, spans: Any, size: int = 700, **options: Any) -> np.ndarray:
    spec = EncoderSpec(name="levels", **options)
    return encode_spans(Levels(), blocks(wave, size), np.array(spans), len(wave) / 1000, spec)


def all_frames(wave: np.ndarray) -> np.ndarray:
    return np.concatenate([Levels().frames(window) for window in blocks(wave, 1000)])


def test_a_span_over_two_windows_is_the_mean_of_its_frames() -> None:
    wave = recording(3.0)
    frames = all_frames(wave)  # centres at 0.01, 0.03 … seconds
    values = run(wave, [[0.8, 1.42], [0.0, 3.0], [0.1, 0.14]])
    np.testing.assert_allclose(values[0], frames[40:71].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(values[1], frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(values[2], frames[5:7].mean(axis=0), rtol=1e-6)


def test_spread_is_the_population_standard_deviation() -> None:
    wave = recording(3.0)
    frames = all_frames(wave).astype(np.float64)
    values = run(wave, [[0.8, 2.42]], pooling="mean+std")
    assert values.shape == (1, 4)
    np.testing.assert_allclose(values[0, :2], frames[40:121].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(values[0, 2:], frames[40:121].std(axis=0), rtol=1e-5)


def test_spread_survives_a_large_offset() -> None:
    wave = (1e4 + np.random.default_rng(1).normal(size=3000)).astype(np.float32)
    frames = all_frames(wave).astype(np.float64)
    values = run(wave, [[0.0, 3.0]], pooling="mean+std")
    np.testing.assert_allclose(values[0, 2], frames[:, 0].std(), rtol=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 5000),
    st.lists(st.tuples(st.floats(0, 6), st.floats(0, 3)), min_size=1, max_size=12),
    st.integers(1, 4000),
    st.sampled_from(["window", "segment"]),
)
def test_block_size_and_order_of_spans_change_nothing(
    samples: int, parts: list[tuple[float, float]], size: int, context: str
) -> None:
    wave = recording(samples / 1000)
    spans = np.array([[start, start + length] for start, length in parts])
    expected = run(wave, spans, size=5000, context=context, pooling="mean+std")
    assert np.isfinite(expected).all()
    order = np.random.default_rng(0).permutation(len(spans))
    mixed = run(wave, spans[order], size=size, context=context, pooling="mean+std")
    np.testing.assert_allclose(mixed, expected[order], rtol=1e-5, atol=1e-6)
    alone = np.concatenate([run(wave, span[None], context=context, pooling="mean+std") for span in spans])
    np.testing.assert_allclose(alone, expected, rtol=1e-5, atol=1e-6)


def test_adjoining_spans_share_no_frame() -> None:
    wave = recording(2.0)
    edges = np.array([0, 0.31, 0.5, 1.0, 1.23, 2.0])
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    values = run(wave, spans)
    counts = np.diff(np.rint(edges / 0.02 - 1e-6).round())
    np.testing.assert_allclose((values * counts[:, None]).sum(axis=0), all_frames(wave).sum(axis=0), rtol=1e-3)


@pytest.mark.parametrize("context", ["window", "segment"])
def test_short_spans_and_spans_past_the_end_take_the_nearest_frame(context: str) -> None:
    wave = recording(2.5)
    frames = all_frames(wave)
    counts = SpanCounts()
    spans = np.array([[0.05, 0.05], [1.2, 1.205], [0.99, 1.011], [9.0, 12.0], [2.5, 2.5], [2.0, 30.0]])
    values = encode_spans(
        Levels(),
        blocks(wave, 300),
        spans,
        2.5,
        EncoderSpec.model_validate({"name": "x", "context": context}),
        counts,
    )
    np.testing.assert_allclose(values[3], frames[-1], rtol=1e-6)
    np.testing.assert_allclose(values[4], frames[-1], rtol=1e-6)
    np.testing.assert_allclose(values[5], frames[100:].mean(axis=0), rtol=1e-6)
    if context == "window":
        np.testing.assert_allclose(values[0], frames[2], rtol=1e-6)
        np.testing.assert_allclose(values[1], frames[60], rtol=1e-6)
    assert counts.spans == 6
    assert counts.nearest == 4  # all but the third, which holds a frame's centre, and the last
    assert counts.beyond_end == 2


@pytest.mark.parametrize("context", ["window", "segment"])
def test_a_recording_shorter_than_promised_still_gives_its_last_frame(context: str) -> None:
    wave = recording(1.5)
    spec = EncoderSpec.model_validate({"name": "x", "context": context})
    values = encode_spans(Levels(), blocks(wave, 400), np.array([[7.0, 8.0]]), 10.0, spec)
    np.testing.assert_allclose(values[0], all_frames(wave)[-1], rtol=1e-6)


def test_alone_means_nothing_but_the_span_is_heard() -> None:
    wave = recording(5.0)
    spans = np.array([[3.0, 3.5], [0.2, 0.6], [0.4, 0.9], [0.5, 3.0]])
    encoder = Levels()
    values = encode_spans(encoder, blocks(wave, 333), spans, 5.0, EncoderSpec(name="x", context="segment"))
    assert sorted(encoder.seen) == [400, 500, 500, 833, 833, 834]  # 2.5 s in three equal pieces
    for value, (start, end) in zip(values[:3], spans[:3], strict=True):
        piece = Levels().frames(wave[round(start * 1000) : round(end * 1000)])
        np.testing.assert_allclose(value, piece.mean(axis=0), rtol=1e-6)
    pieces = [Levels().frames(wave[a:b]) for a, b in ((500, 1333), (1333, 2167), (2167, 3000))]
    np.testing.assert_allclose(values[3], np.concatenate(pieces).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("context", ["window", "segment"])
def test_blocks_are_read_once_in_order_and_not_hoarded(context: str) -> None:
    import weakref

    class Block(np.ndarray):
        pass

    alive: list[weakref.ref[Block]] = []
    most = 0

    def stream() -> Iterator[np.ndarray]:
        nonlocal most
        for start in range(100):
            most = max(most, sum(reference() is not None for reference in alive))
            block = recording(0.5, seed=start).view(Block)
            alive.append(weakref.ref(block))
            yield block

    encoder = Levels()
    spans = np.array([[second, second + 1.7] for second in range(0, 48, 2)], dtype=float)
    spec = EncoderSpec.model_validate({"name": "x", "context": context})
    values = encode_spans(encoder, stream(), spans, 50.0, spec)
    assert len(alive) == 100
    assert most <= 5
    assert np.isfinite(values).all()


def test_windows_without_a_span_are_not_encoded() -> None:
    encoder = Levels()
    encode_spans(encoder, blocks(recording(9.0), 900), np.array([[4.2, 4.8]]), 9.0, EncoderSpec(name="levels"))
    assert encoder.seen == [1000]


def test_wrong_spans_and_empty_recordings_are_errors() -> None:
    for spans in ([[1.0, 0.5]], [[-1.0, 1.0]], [[0.0, np.nan]]):
        with pytest.raises(InputError, match="span 1: expected 0 <= start <= end"):
            run(recording(2.0), spans)
    for context in ("window", "segment"):
        with pytest.raises(InputError, match="no samples"):
            run(np.zeros(0, np.float32), [[0.0, 1.0]], context=context)
    assert run(recording(2.0), np.zeros((0, 2)), pooling="mean+std").shape == (0, 4)


def test_an_encoder_that_fails_is_caught() -> None:
    class Broken(Levels):
        def frames(self, wave: np.ndarray) -> np.ndarray:
            return np.full((5, 2), np.nan, dtype=np.float32)

    with pytest.raises(EncoderError, match="NaN or infinite"):
        encode_spans(Broken(), blocks(recording(1.0), 500), np.array([[0.0, 1.0]]), 1.0, EncoderSpec(name="levels"))


def test_whisper_windows_differ_from_segments_alone(whisper_folder: Path) -> None:
    wave = (0.1 * np.random.default_rng(3).normal(size=5 * RATE)).astype(np.float32)
    spans = np.array([[0.5, 1.5], [1.5, 3.1], [4.5, 5.0]])
    encoder = load_speech(EncoderSpec(name=str(whisper_folder)), offline=True)
    window = encode_spans(encoder, blocks(wave, RATE), spans, 5.0, EncoderSpec(name="x"))
    frames = np.concatenate([encoder.frames(part) for part in blocks(wave, 2 * RATE)])
    for value, (start, end) in zip(window, spans, strict=True):
        expected = frames[round(start * 50) : round(end * 50)].mean(axis=0)
        np.testing.assert_allclose(value, expected, atol=1e-5)
    alone = encode_spans(encoder, blocks(wave, RATE), spans, 5.0, EncoderSpec(name="x", context="segment"))
    for value, (start, end) in zip(alone, spans, strict=True):
        piece = wave[round(start * RATE) : round(end * RATE)]
        np.testing.assert_allclose(value, encoder.frames(piece).mean(axis=0), atol=1e-5)
    assert np.abs(window - alone).max() > 1e-3
