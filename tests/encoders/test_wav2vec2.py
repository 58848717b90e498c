from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hilbert.encoders import EncoderSpec, load_speech
from hilbert.errors import ConfigError, EncoderError

RATE = 16_000
KINDS = ("wav2vec2", "hubert", "wavlm")
MakeFolder = Callable[..., Path]


def sound(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=samples) + 0.05).astype(np.float32)


def load(folder: Path, **options: Any) -> Any:
    return load_speech(EncoderSpec(name=str(folder), **options), offline=True)


def reference(folder: Path, wave: np.ndarray, layer: int = -1) -> np.ndarray:
    """Hidden states from transformers, fed by its own feature extractor."""
    from transformers import AutoModel, Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    inputs = extractor(wave, sampling_rate=RATE, return_tensors="pt")["input_values"]
    with torch.inference_mode():
        output = model(inputs, output_hidden_states=True)
    chosen = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
    result: np.ndarray = chosen[0].numpy()
    return result


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_of_transformers(wave_folder: MakeFolder, kind: str, normalise: bool) -> None:
    folder = wave_folder(kind, normalise)
    encoder = load(folder)
    wave = sound(20_000)
    frames = encoder.frames(wave)
    assert frames.shape == ((20_000 - 400) // 320 + 1, 16)
    np.testing.assert_allclose(frames, reference(folder, wave), atol=2e-5)
    assert (encoder.rate, encoder.window, encoder.frame_seconds, encoder.width) == (RATE, 20.0, 0.02, 16)
    assert encoder.frames(wave).tobytes() == frames.tobytes()
    assert encoder.identity["normalise"] is normalise


@pytest.mark.parametrize("layer", [0, 1, -2])
def test_layers(wave_folder: MakeFolder, layer: int) -> None:
    folder = wave_folder("hubert")
    wave = sound(8000)
    np.testing.assert_allclose(load(folder, layer=layer).frames(wave), reference(folder, wave, layer), atol=2e-5)


def test_the_large_kind_with_layer_norm(wave_folder: MakeFolder) -> None:
    folder = wave_folder("wav2vec2", feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
    wave = sound(8000)
    np.testing.assert_allclose(load(folder).frames(wave), reference(folder, wave), atol=2e-5)


@pytest.mark.parametrize("samples", [1, 5, 399, 400])
def test_a_wave_shorter_than_a_frame_gives_one(wave_folder: MakeFolder, samples: int) -> None:
    frames = load(wave_folder("wav2vec2")).frames(sound(samples))
    assert frames.shape == (1, 16)
    assert np.isfinite(frames).all()


def test_scale_does_not_matter_where_the_preprocessor_normalises(wave_folder: MakeFolder) -> None:
    encoder = load(wave_folder("wavlm"))
    wave = sound(8000)
    np.testing.assert_allclose(encoder.frames(0.5 * wave - 0.02), encoder.frames(wave), atol=1e-3)


def test_limits_are_errors(wave_folder: MakeFolder) -> None:
    encoder = load(wave_folder("wav2vec2"))
    for samples in (0, 20 * RATE + 1):
        with pytest.raises(EncoderError, match="takes 1 to 320000 samples"):
            encoder.frames(sound(samples))
    with pytest.raises(ConfigError, match="layers 0 to 2"):
        load(wave_folder("wav2vec2"), layer=9)


def test_an_unclear_preprocessor_is_an_error(wave_folder: MakeFolder) -> None:
    folder = wave_folder("wav2vec2")
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 16000}))
    with pytest.raises(EncoderError, match="do_normalize"):
        load(folder)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match="do_normalize"):
        load(folder)
