from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilbert.corpus.recipes.ogg import with_serial, write_opus


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40_000))
def test_a_new_serial_changes_no_sample(tmp_path: Path, serial: int, frames: int) -> None:
    wave = np.random.default_rng(frames).normal(0, 0.1, frames).astype(np.float32)
    write_opus(tmp_path / "a.opus", wave, 16_000)
    stream = (tmp_path / "a.opus").read_bytes()
    (tmp_path / "b.opus").write_bytes(with_serial(stream, serial))
    a, b = soundfile.read(tmp_path / "a.opus")[0], soundfile.read(tmp_path / "b.opus")[0]
    np.testing.assert_array_equal(a, b)
    assert len(a) == frames
    assert with_serial(with_serial(stream, serial), 1) == stream


def test_the_checksum_is_that_of_the_standard(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.opus", "w", 16_000, 1, format="OGG", subtype="OPUS") as file:
        file.write(np.zeros(16_000))
    stream = (tmp_path / "a.opus").read_bytes()  # libsndfile's own checksums
    assert with_serial(stream, int.from_bytes(stream[14:18], "little")) == stream


def test_two_minutes_are_written_whole(tmp_path: Path) -> None:
    wave = np.sin(np.arange(120 * 16_000) / 20).astype(np.float32)
    write_opus(tmp_path / "a.opus", wave, 16_000)
    assert soundfile.info(tmp_path / "a.opus").frames == len(wave)


def test_no_ogg() -> None:
    with pytest.raises(ValueError, match="expected an Ogg page at byte 0"):
        with_serial(b"RIFF", 1)
