from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from hilbert.demo import make_corpus
from hilbert.demo.voice import PEAK, RATE, Voice, limit, trim
from hilbert.errors import MissingDependencyError

SENTENCE = "The boxes came a day early, and nothing was broken."


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice()


def dominant_pitch(wave: np.ndarray) -> float:
    """Median over frames of the lag with the highest autocorrelation, in Hz."""
    pitches = []
    for frame in np.lib.stride_tricks.sliding_window_view(wave, 800)[::400]:
        if frame.std() < 0.3 * wave.std():
            continue
        centred = frame - frame.mean()
        correlation = np.correlate(centred, centred, "full")[len(frame) - 1 :]
        lags = np.arange(RATE // 400, RATE // 80)
        pitches.append(RATE / lags[np.argmax(correlation[lags])])
    return float(np.median(pitches))


def test_the_same_request_gives_the_same_samples(voice: Voice) -> None:
    first = voice.say(SENTENCE, tempo=1.1, pitch=0.9, seed=3)
    assert first.dtype == np.float32
    assert np.array_equal(first, voice.say(SENTENCE, tempo=1.1, pitch=0.9, seed=3))
    assert not np.array_equal(first, voice.say(SENTENCE, tempo=1.1, pitch=0.9, seed=4))


def test_tempo_changes_duration_and_pitch_does_not(voice: Voice) -> None:
    plain, fast = len(voice.say(SENTENCE)), len(voice.say(SENTENCE, tempo=1.4))
    assert fast / plain == pytest.approx(1 / 1.4, abs=0.12)
    for pitch in (0.8, 1.2):
        assert len(voice.say(SENTENCE, pitch=pitch)) / plain == pytest.approx(1.0, abs=0.1)


def test_pitch_changes_pitch(voice: Voice) -> None:
    plain, low = dominant_pitch(voice.say(SENTENCE)), dominant_pitch(voice.say(SENTENCE, pitch=0.75))
    assert low / plain == pytest.approx(0.75, abs=0.1)


def test_trim_keeps_the_audible_part_and_its_edges() -> None:
    wave = np.zeros(RATE, np.float32)
    wave[5000:9000] = 0.5
    edge = round(0.04 * RATE)
    assert len(trim(wave)) == 4000 + 2 * edge
    assert len(trim(np.zeros(100, np.float32))) == 100
    assert len(trim(np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0, 40.0])
def test_limit_never_clips_and_keeps_the_shape(gain: float) -> None:
    wave = np.sin(np.arange(400, dtype=np.float32))
    out = limit(wave, gain)
    assert np.abs(out).max() <= PEAK + 1e-6
    assert np.allclose(out, wave * min(gain, PEAK / np.abs(wave).max()), atol=1e-6)


def test_a_missing_voice_names_the_command_that_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> NoReturn:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("hilbert.demo.voice.version", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hilbert-speech\[demo\]'"):
        Voice()
    with pytest.raises(MissingDependencyError):
        make_corpus(tmp_path / "demo", documents=1)
    assert not (tmp_path / "demo").exists()
