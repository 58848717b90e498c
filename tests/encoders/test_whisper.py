from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hilbert.encoders import EncoderSpec, load_speech
from hilbert.errors import ConfigError, EncoderError

RATE = 16_000


def sound(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=samples)).astype(np.float32)


def load(folder: Path, **options: Any) -> Any:
    return load_speech(EncoderSpec(name=str(folder), **options), offline=True)


def reference(model: Any, wave: np.ndarray) -> tuple[np.ndarray, ...]:
    """All hidden states from transformers, fed by its own feature extractor."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=8, chunk_length=2)
    mel = extractor(wave, sampling_rate=RATE, return_tensors="pt")["input_features"]
    with torch.inference_mode():
        output = model.encoder(mel, output_hidden_states=True)
    return tuple(state[0].numpy() for state in (*output.hidden_states[:-1], output.last_hidden_state))


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 16_000, 31_999, 32_000])
def test_frames_are_those_of_transformers_without_the_padding(
    whisper_folder: Path, whisper_model: Any, samples: int
) -> None:
    encoder = load(whisper_folder)
    wave = sound(samples)
    frames = encoder.frames(wave)
    assert frames.dtype == np.float32
    assert frames.shape == (math.ceil(samples / 320), encoder.width) == (math.ceil(samples / 320), 16)
    np.testing.assert_allclose(frames, reference(whisper_model, wave)[-1][: len(frames)], atol=1e-5)
    assert (encoder.rate, encoder.window, encoder.frame_seconds) == (RATE, 2.0, 0.02)


@pytest.mark.parametrize(("layer", "index"), [(0, 0), (1, 1), (2, 2), (-1, 2), (-2, 1), (-3, 0)])
def test_layers_count_from_what_enters_the_first_block(
    whisper_folder: Path, whisper_model: Any, layer: int, index: int
) -> None:
    encoder = load(whisper_folder, layer=layer)
    wave = sound(RATE)
    np.testing.assert_allclose(encoder.frames(wave), reference(whisper_model, wave)[index][:50], atol=1e-5)
    assert encoder.identity["layer"] == index


def test_the_same_sound_gives_the_same_bytes(whisper_folder: Path) -> None:
    first, second = load(whisper_folder), load(whisper_folder)
    wave = sound(RATE)
    assert first.frames(wave).tobytes() == second.frames(wave).tobytes() == first.frames(wave).tobytes()


def test_loading_leaves_the_random_state_alone(whisper_folder: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load(whisper_folder)
    assert torch.equal(torch.rand(3), expected)


def test_only_the_encoder_is_kept(whisper_folder: Path, whisper_model: Any) -> None:
    encoder = load(whisper_folder)
    parameters = sum(parameter.numel() for parameter in encoder._model.parameters())
    assert parameters == sum(parameter.numel() for parameter in whisper_model.encoder.parameters())
    assert not any(parameter.requires_grad for parameter in encoder._model.parameters())
    assert not encoder._model.training


def test_identity_tells_what_changes_the_numbers(whisper_folder: Path) -> None:
    plain = load(whisper_folder).identity
    assert load(whisper_folder).identity == plain
    for change in ({"layer": 1}, {"pooling": "mean+std"}, {"context": "segment"}):
        assert load(whisper_folder, **change).identity != plain
    assert len(str(plain["weights"])) == 64
    assert str(whisper_folder) not in str(plain)  # a moved folder stays the same encoder


def test_too_much_sound_or_none_is_an_error(whisper_folder: Path) -> None:
    encoder = load(whisper_folder)
    for samples in (0, 32_001):
        with pytest.raises(EncoderError, match=f"1 to 32000 samples.*found {samples}"):
            encoder.frames(sound(samples))


def test_layers_that_do_not_exist(whisper_folder: Path) -> None:
    for layer in (3, -4):
        with pytest.raises(ConfigError, match="layers 0 to 2"):
            load(whisper_folder, layer=layer)


def test_a_checkpoint_without_its_weights_is_refused(whisper_folder: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(whisper_folder, tmp_path / "half")
    state = load_file(folder / "model.safetensors")
    del state["encoder.layers.1.fc1.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"1 weights are missing.*layers\.1\.fc1\.weight"):
        load(folder)
    (folder / "model.safetensors").write_bytes(b"\x10")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)


def test_a_preprocessor_of_another_model_is_refused(whisper_folder: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(whisper_folder, tmp_path / "mixed")
    file = folder / "preprocessor_config.json"
    file.write_text(file.read_text().replace('"feature_size": 8', '"feature_size": 80'))
    with pytest.raises(EncoderError, match="takes 8 mel bands, its preprocessor makes 80"):
        load(folder)


def test_nothing_is_printed(whisper_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(whisper_folder).frames(sound(RATE))
    assert capfd.readouterr() == ("", "")
