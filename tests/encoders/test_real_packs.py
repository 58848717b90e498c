"""The packs as installed on this machine, with their real weights."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hilbert.encoders import EncoderSpec, SpanCounts, encode_spans, installed, load_speech, load_text
from hilbert.encoders.packs import PACKS
from hilbert.segments import read_blocks

pytestmark = pytest.mark.packs


def need(name: str) -> None:
    if installed(name) is None:
        pytest.skip(f"weight pack {name} is not installed: hilbert encoders install {name}")


def data(folder: str) -> list[Path]:
    if "HILBERT_DATA" not in os.environ:
        pytest.skip("needs the public corpora: set HILBERT_DATA")
    return sorted((Path(os.environ["HILBERT_DATA"]) / folder).glob("*.opus"))


@pytest.mark.parametrize("name", [pack.name for pack in PACKS.values() if pack.kind == "speech"])
def test_speech_packs_load_and_hear_a_difference(name: str) -> None:
    need(name)
    encoder = load_speech(name, offline=True)
    assert encoder.width == PACKS[name].width
    time = np.arange(5 * 16_000) / 16_000
    waves = [0.1 * np.sin(2 * np.pi * pitch * time).astype(np.float32) for pitch in (120, 120, 900)]
    first, again, other = (encoder.frames(wave).mean(axis=0) for wave in waves)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("name", [pack.name for pack in PACKS.values() if pack.kind == "text"])
def test_text_packs_put_like_by_like(name: str) -> None:
    need(name)
    encoder = load_text(name, offline=True)
    assert encoder.width == PACKS[name].width
    texts = ["A man is playing a guitar.", "Someone plays an instrument.", "The stock market fell today."]
    values, split = encoder.encode([*texts, "", "word " * 1000])
    assert split == (0 if name == "wordllama" else 1)
    assert np.isfinite(values).all()
    unit = values[:3] / np.linalg.norm(values[:3], axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[0, 1] > likeness[0, 2] + 0.3
    alone = np.concatenate([encoder.encode([text]).values for text in texts])
    np.testing.assert_allclose(alone, values[:3], rtol=1e-5, atol=1e-5)


@pytest.mark.data
@pytest.mark.parametrize("name", ["whisper-tiny.en", "whisper-base", "resemblyzer", "prosody"])
def test_a_real_recording(name: str) -> None:
    if name != "prosody":
        need(name)
    recordings = data("speechocean762/recordings")
    spec = EncoderSpec(name=name, pooling="mean+std")
    encoder, counts = load_speech(spec, offline=True), SpanCounts()
    spans = np.array([[start, start + 3.0] for start in np.arange(0.0, 27.0, 3.0)])
    head = [next(read_blocks(recordings[0], encoder.rate, 27.0))]
    values = encode_spans(encoder, head, spans, 27.0, spec, counts)
    assert counts == SpanCounts(spans=9, nearest=0, beyond_end=0)
    assert values.shape == (9, 2 * encoder.width)
    assert np.isfinite(values).all()
    assert (values[:, encoder.width :] >= 0).all()
    assert values[:, : encoder.width].std(axis=0).max() > 0.05


@pytest.mark.data
def test_resemblyzer_knows_a_speaker_again() -> None:
    need("resemblyzer")
    encoder = load_speech("resemblyzer", offline=True)
    halves = []
    for recording in data("speechocean762/recordings")[:12]:
        sound = next(read_blocks(recording, encoder.rate, 40.0))
        frames = [encoder.frames(part).mean(axis=0) for part in np.array_split(sound, 2)]
        halves.append([frame / np.linalg.norm(frame) for frame in frames])
    first, second = np.array(halves).transpose(1, 0, 2)
    assert ((first @ second.T).argmax(axis=1) == np.arange(len(first))).mean() >= 0.9
