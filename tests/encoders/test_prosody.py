from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import chirp

from hilbert.encoders import EncoderSpec, load_speech
from hilbert.encoders.mel import cut_frames, mel_filters
from hilbert.encoders.prosody import NAMES, WIDTH, Prosody
from hilbert.errors import ConfigError, EncoderError

RATE = 16_000


def encoder() -> Prosody:
    return Prosody(EncoderSpec(name="prosody"))


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[5:-5, NAMES.index(name)]


def hertz(values: np.ndarray) -> np.ndarray:
    return 150 * 2 ** (column(values, "pitch") / 12)


def tone(pitch: float, seconds: float = 2.0, harmonics: int = 8, level: float = 0.1) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, harmonics + 1) if pitch * k < RATE / 2]
    return (level * np.sum(parts, axis=0)).astype(np.float32)


@pytest.mark.parametrize("pitch", [70.0, 110.0, 150.0, 200.0, 317.0, 440.0])
@pytest.mark.parametrize("harmonics", [1, 8])
def test_pitch_of_a_steady_tone(pitch: float, harmonics: int) -> None:
    values = encoder().frames(tone(pitch, harmonics=harmonics))
    assert (column(values, "voiced") == 1).all()
    np.testing.assert_allclose(hertz(values), pitch, rtol=0.02)


def test_pitch_needs_no_fundamental() -> None:
    time = np.arange(2 * RATE) / RATE
    wave = sum(np.sin(2 * np.pi * 120 * k * time) for k in (3, 4, 5, 6)) * 0.05
    np.testing.assert_allclose(hertz(encoder().frames(np.float32(wave))), 120, rtol=0.02)


def test_pitch_survives_noise() -> None:
    noise = 0.02 * np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    values = encoder().frames(tone(180.0) + noise)
    assert column(values, "voiced").mean() > 0.99
    np.testing.assert_allclose(hertz(values), 180, rtol=0.02)


def test_noise_and_silence_are_unvoiced() -> None:
    noise = (0.1 * np.random.default_rng(0).normal(size=5 * RATE)).astype(np.float32)
    for wave in (noise, np.zeros(RATE, np.float32), np.full(RATE, 0.5, np.float32), tone(200, level=1e-4)):
        values = encoder().frames(wave)
        assert np.isfinite(values).all()
        assert column(values, "voiced").mean() < 0.02
        assert (column(values, "pitch")[column(values, "voiced") == 0] == 0).all()


def test_loudness_is_in_decibels_of_full_scale() -> None:
    loud, quiet = (column(encoder().frames(tone(200, level=level)), "loudness").mean() for level in (0.4, 0.04))
    assert loud - quiet == pytest.approx(20, abs=0.01)
    square = np.tile([1.0, -1.0], RATE).astype(np.float32)
    np.testing.assert_allclose(column(encoder().frames(square), "loudness"), 0, atol=1e-3)


def test_the_spectrum_is_described() -> None:
    low, high = (encoder().frames(tone(pitch, harmonics=1)) for pitch in (300.0, 3000.0))
    assert column(low, "centroid").mean() == pytest.approx(0.3, abs=0.03)
    assert column(high, "centroid").mean() == pytest.approx(3.0, abs=0.03)
    assert column(high, "crossings").mean() == pytest.approx(2 * 3000 / RATE, rel=0.02)
    white = encoder().frames((0.1 * np.random.default_rng(0).normal(size=4 * RATE)).astype(np.float32))
    brown = np.cumsum(np.random.default_rng(0).normal(size=4 * RATE))
    red = encoder().frames((brown / np.abs(brown).max()).astype(np.float32))
    assert column(white, "tilt").mean() == pytest.approx(0, abs=0.3)
    assert column(red, "tilt").mean() < -4
    sweep = chirp(np.arange(2 * RATE) / RATE, 100, 2, 6000).astype(np.float32) * 0.3
    assert column(encoder().frames(sweep), "flux").mean() > 3 * column(low, "flux").mean()


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 5000, 480_000])
def test_a_frame_every_ten_milliseconds(samples: int) -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)
    values = encoder().frames(wave)
    assert values.shape == (math.ceil(samples / 160), WIDTH)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert encoder().frames(wave).tobytes() == values.tobytes()


def test_frames_away_from_the_edges_do_not_depend_on_the_rest() -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=3 * RATE)).astype(np.float32)
    whole, part = encoder().frames(wave), encoder().frames(wave[RATE : 2 * RATE])
    np.testing.assert_allclose(part[5:-5], whole[105:195], rtol=1e-4, atol=1e-4)


def test_an_event_is_where_it_happens() -> None:
    wave = np.zeros(RATE, np.float32)
    wave[8000] = 1.0  # .5 s
    assert encoder().frames(wave)[:, NAMES.index("loudness")].argmax() in (49, 50)


def test_limits_and_choices() -> None:
    assert load_speech("prosody").identity["code"] == "prosody/1"
    for samples in (0, 480_001):
        with pytest.raises(EncoderError, match="takes 1 to 480000 samples"):
            encoder().frames(np.zeros(samples, np.float32))
    with pytest.raises(ConfigError, match="one layer"):
        load_speech("prosody:layer=3")
    with pytest.raises(ConfigError, match="no revision"):
        load_speech("prosody:revision=abc")


@pytest.mark.parametrize(("size", "bands"), [(400, 80), (400, 40), (512, 40)])
def test_mel_filters_are_those_of_transformers(size: int, bands: int) -> None:
    from transformers.audio_utils import mel_filter_bank

    expected = mel_filter_bank(1 + size // 2, bands, 0.0, 8000.0, RATE, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(RATE, size, bands), expected, atol=1e-10)


def test_frames_are_cut_around_their_centres() -> None:
    frames = cut_frames(np.arange(1.0, 11.0), 4, 3, 4, first_centre=1.0)
    np.testing.assert_array_equal(frames, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [9, 10, 0, 0]])
    early = cut_frames(np.arange(1.0, 4.0), 2, 2, 3, first_centre=-2.0)
    np.testing.assert_array_equal(early, [[0, 0], [0, 1], [2, 3]])
