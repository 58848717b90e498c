from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilbert.corpus import probe
from hilbert.errors import AudioError

FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", None),
]


def write(path: Path, frames: int, rate: int, channels: int, format: str, subtype: str | None) -> Path:
    wave = np.random.default_rng(0).normal(0, 0.1, (frames, channels)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, channels, format=format, subtype=subtype) as file:
        for start in range(0, frames, rate):
            file.write(wave[start : start + rate])
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.integers(1, 60_000),
    st.sampled_from([8000, 16_000, 48_000]),
    st.integers(1, 2),
)
def test_headers_say_what_was_written(
    tmp_path: Path, kind: tuple[str, str | None], frames: int, rate: int, channels: int
) -> None:
    file = write(tmp_path / f"a.{kind[0].lower()}", frames, rate, channels, *kind)
    recording = probe(file, decode=True)
    assert (recording.rate, recording.channels) == (rate, channels)
    assert recording.format.startswith(kind[0])
    assert recording.duration == recording.frames / rate
    if kind[0] in ("WAV", "FLAC"):
        assert recording.frames == frames
    assert recording.frames == len(soundfile.read(file)[0])


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no recording at all")
    (tmp_path / "talk.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    write(tmp_path / "silent.wav", 0, 8000, 1, "WAV", "PCM_16")
    for name, message in {
        "none.wav": "none.wav: expected a recording, found no file",
        ".": "found a folder",
        "empty.wav": "found an empty file",
        "text.wav": "expected audio that libsndfile decodes",
        "talk.m4a": "ffmpeg -i 'talk.m4a' 'talk.flac'",
        "silent.wav": "found no samples",
        "x" * 300: "x",
    }.items():
        with pytest.raises(AudioError) as caught:
            probe(tmp_path / name)
        assert message in str(caught.value)


def test_a_file_cut_off_is_noticed_when_decoded(tmp_path: Path) -> None:
    file = write(tmp_path / "a.flac", 64_000, 16_000, 1, "FLAC", "PCM_16")
    assert probe(file, decode=True).frames == 64_000
    file.write_bytes(file.read_bytes()[:40_000])
    with pytest.raises(AudioError, match=r"a\.flac"):
        probe(file, decode=True)


def test_samples_that_are_no_numbers_are_noticed(tmp_path: Path) -> None:
    wave = np.zeros(100_000, np.float32)
    wave[-1] = np.nan
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN or infinity"):
        probe(tmp_path / "a.wav", decode=True)
