from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from hilbert.errors import AudioError
from hilbert.segments import read_blocks

FORMATS = [
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "FLOAT"),
    ("flac", "FLAC", "PCM_16"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", None),
]
LOSSLESS = FORMATS[:3]
RATE = 16_000


def write(folder: Path, kind: tuple[str, str, str | None], rate: int, channels: int = 1, seconds: float = 3.3) -> Path:
    suffix, format, subtype = kind
    frames = round(seconds * rate)
    time = np.arange(frames)[:, None] / rate
    wave = 0.3 * np.sin(2 * np.pi * (220 + 110 * np.arange(channels)) * time)
    wave += 0.02 * np.random.default_rng(0).normal(size=wave.shape)
    path = folder / f"sound.{suffix}"
    with soundfile.SoundFile(path, "w", rate, channels, format=format, subtype=subtype) as file:
        for start in range(0, frames, rate):  # libsndfile's Opus encoder fails on large writes
            file.write(wave[start : start + rate])
    return path


def whole(path: Path, rate: int = RATE, seconds: float = 30.0) -> np.ndarray:
    return np.concatenate(list(read_blocks(path, rate, seconds)))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_and_rate_keeps_its_length(
    tmp_path: Path, kind: tuple[str, str, str | None], rate: int, channels: int
) -> None:
    if kind[2] == "OPUS" and rate == 44_100:
        pytest.skip("Opus has no 44.1 kHz")
    path = write(tmp_path, kind, rate, channels)
    samples = whole(path)
    assert samples.dtype == np.float32
    assert abs(len(samples) - soundfile.info(path).duration * RATE) <= 1
    assert 0.1 < samples.std() < 0.3


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
@pytest.mark.parametrize("kind", LOSSLESS)
def test_streaming_equals_resampling_at_once(
    tmp_path: Path, kind: tuple[str, str, str | None], rate: int, channels: int
) -> None:
    path = write(tmp_path, kind, rate, channels)
    data, _ = soundfile.read(path, dtype="float32", always_2d=True)
    expected = soxr.resample(data.mean(axis=1, dtype=np.float32), rate, RATE, quality="HQ")
    samples = whole(path)
    assert len(samples) == len(expected)
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_the_right_rate_is_passed_through(tmp_path: Path) -> None:
    path = write(tmp_path, ("wav", "WAV", "PCM_16"), RATE)
    data, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(whole(path), data)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_block_size_changes_no_sample(tmp_path: Path, kind: tuple[str, str, str | None], rate: int) -> None:
    path = write(tmp_path, kind, rate)
    expected = whole(path)
    for seconds in (0.01, 0.37, 1.0, 3.3, 100.0):
        blocks = list(read_blocks(path, RATE, seconds))
        np.testing.assert_array_equal(np.concatenate(blocks), expected)
        size = round(seconds * RATE)
        assert {len(block) for block in blocks[:-1]} <= {size}
        assert 0 < len(blocks[-1]) <= size


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_cut_file_is_an_error_that_says_where(
    tmp_path: Path, kind: tuple[str, str, str | None], share: float
) -> None:
    path = write(tmp_path, kind, 16_000, seconds=30.0)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(AudioError, match=rf"{path.name}.*second \d"):
        whole(path)


def test_a_wav_of_unknown_length_is_no_cut_file(tmp_path: Path) -> None:
    path = write(tmp_path, ("wav", "WAV", "PCM_16"), RATE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = b"\xff\xff\xff\xff"  # as programs write that stream to a pipe
    path.write_bytes(data)
    assert len(whole(path)) == round(3.3 * RATE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_must_be_finite(tmp_path: Path, value: float) -> None:
    wave = np.zeros((3 * RATE, 2), np.float32)
    wave[2 * RATE, 1] = value
    path = tmp_path / "bad.wav"
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"bad\.wav.*second 2\.000"):
        whole(path)


def test_unreadable_files_name_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="found no file; put it there"):
        whole(tmp_path / "absent.wav")
    text = tmp_path / "talk.m4a"
    text.write_bytes(b"\0\0\0\x18ftypM4A " + bytes(100))
    with pytest.raises(AudioError, match=r"ffmpeg -i talk\.m4a"):
        whole(text)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0, np.float32), RATE)
    with pytest.raises(AudioError, match="no samples"):
        whole(empty)
