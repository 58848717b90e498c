"""WordLlama and Resemblyzer with tiny tables and networks, in folders as their packs leave them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hilbert.encoders import EncoderSpec
from hilbert.encoders.resemblyzer import Resemblyzer
from hilbert.encoders.wordllama import WordLlama
from hilbert.errors import ConfigError, EncoderError

RATE = 16_000
PIECES = {"<unk>": 0, "<s>": 1, "good": 2, "bad": 3, "man": 4}


def record(folder: Path) -> None:
    facts = {"model.safetensors": {"bytes": 1, "sha256": "ab" * 32}}
    (folder / "pack.json").write_text(json.dumps({"files": facts}))


@pytest.fixture
def table(tmp_path: Path) -> np.ndarray:
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    values = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float16)
    save_file({"embedding.weight": values}, tmp_path / "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel(PIECES, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    record(tmp_path)
    return values.astype(np.float32)


def test_wordllama_is_the_mean_of_pieces(table: np.ndarray, tmp_path: Path) -> None:
    encoder = WordLlama(EncoderSpec(name="wordllama"), tmp_path)
    values, split = encoder.encode(["good man", "bad", "", "good " * 1000 + "unheard"])
    assert split == 0
    assert values.dtype == np.float32
    assert encoder.width == 6
    np.testing.assert_allclose(values[0], (table[2] + table[4]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(values[1], table[3])
    np.testing.assert_array_equal(values[2], 0)
    np.testing.assert_allclose(values[3], (1000 * table[2] + table[0]) / 1001, rtol=1e-5)
    np.testing.assert_array_equal(encoder.encode(["bad"]).values[0], values[1])
    assert encoder.encode([]).values.shape == (0, 6)
    assert encoder.identity["weights"] == "ab" * 32


def test_wordllama_with_a_table_that_is_too_small(table: np.ndarray, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"embedding.weight": table[:3]}, tmp_path / "model.safetensors")
    with pytest.raises(EncoderError, match="5 tokens, the table has 3 rows"):
        WordLlama(EncoderSpec(name="wordllama"), tmp_path)
    with pytest.raises(ConfigError, match="one layer"):
        WordLlama(EncoderSpec(name="wordllama", layer=2), tmp_path)


@pytest.fixture
def speaker(tmp_path: Path) -> Resemblyzer:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    lstm, linear = nn.LSTM(40, 12, num_layers=3, batch_first=True), nn.Linear(12, 8)
    state = {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    state |= {f"linear.{name}": 5 * value for name, value in linear.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    record(tmp_path)
    return Resemblyzer(EncoderSpec(name="resemblyzer"), tmp_path)


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (6400, 1), (6401, 2), (16_000, 3), (480_000, 75)])
def test_resemblyzer_gives_a_unit_vector_every_two_fifths_of_a_second(
    speaker: Resemblyzer, samples: int, count: int
) -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)
    frames = speaker.frames(wave)
    assert frames.shape == (count, 8)
    assert frames.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(frames, axis=1), 1, rtol=1e-5)
    assert speaker.frames(wave).tobytes() == frames.tobytes()
    assert speaker.frame_seconds == 0.4


def test_resemblyzer_hears_a_second_and_a_half_around_a_frame(speaker: Resemblyzer) -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=6 * RATE)).astype(np.float32)
    frames = speaker.frames(wave)
    changed = wave.copy()
    changed[3 * RATE : 3 * RATE + 100] *= -3
    moved = set(np.flatnonzero(np.abs(speaker.frames(changed) - frames).max(axis=1)))
    centres = (np.arange(len(frames)) + 0.5) * 0.4
    assert moved
    assert moved <= set(np.flatnonzero(np.abs(centres - 3.003) < 0.82))


def test_resemblyzer_raises_quiet_sound_only(speaker: Resemblyzer) -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32)
    quiet, quieter = speaker.frames(wave * 0.01), speaker.frames(wave * 0.001)
    np.testing.assert_allclose(quiet, quieter, atol=1e-4)
    assert np.abs(speaker.frames(wave) - quiet).max() > 1e-4
    assert np.isfinite(speaker.frames(np.zeros(RATE, np.float32))).all()
    with pytest.raises(EncoderError, match="takes 1 to 480000 samples"):
        speaker.frames(np.zeros(480_001, np.float32))
    with pytest.raises(ConfigError, match="only its output"):
        Resemblyzer(EncoderSpec(name="resemblyzer", layer=1), Path())
