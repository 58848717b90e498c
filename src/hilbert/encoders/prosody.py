"""Built-in speech encoder without weights: mel bands, pitch, loudness and the shape of the spectrum."""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import rfft

from hilbert.encoders.mel import cut_frames, mel_filters
from hilbert.encoders.pitch import track_pitch
from hilbert.encoders.protocol import JSON, Float32
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ConfigError, EncoderError

_CODE = "prosody/1"
_BANDS = 40
_RATE = 16_000
_HOP = 160  # 10 ms
_SPECTRUM = 400  # 25 ms
_POINTS = 512
_PITCH = 800  # 50 ms, three periods of the lowest pitch
_WINDOW_SECONDS = 30.0
_FLOOR = 1e-10  # power; digital silence is -100 dB
_REFERENCE_HZ = 150.0  # between common male and female speaking pitch; zero then means "unvoiced or average"

NAMES = (
    *(f"mel{band:02}" for band in range(_BANDS)),
    "pitch",
    "voiced",
    "harmonicity",
    "loudness",
    "centroid",
    "tilt",
    "flux",
    "crossings",
)
WIDTH = len(NAMES)


class Prosody:
    """What a phonetician would measure first, every 10 ms; NAMES says which column is which.

    40 log-mel bands (natural log of power); pitch in semitones above 150 Hz, 0 where unvoiced; voiced 0 or 1;
    harmonicity, the autocorrelation peak; loudness in dB of full scale; spectral centroid in kHz; tilt in
    dB an octave; flux, the mean absolute change of the log-mel bands; zero crossings a sample. Frame i is
    centred 10 i + 5 ms in. Fixed formulas: no weights, no fitting, no normalisation by the recording.
    """

    rate = _RATE
    width = WIDTH
    window = _WINDOW_SECONDS
    frame_seconds = _HOP / _RATE

    def __init__(self, spec: EncoderSpec) -> None:
        if spec.layer not in (-1, 0):
            raise ConfigError(f"encoder 'prosody' has one layer, 0 or -1, not {spec.layer}")
        if spec.revision is not None:
            raise ConfigError("encoder 'prosody' is built in and has no revision; leave it out")
        self.identity: dict[str, JSON] = {
            "encoder": spec.name,
            "pooling": spec.pooling,
            "context": spec.context,
            "window": self.window,
            "code": _CODE,
        }
        self._mel = mel_filters(_RATE, _POINTS, _BANDS, low=20.0).astype(np.float32)
        self._hertz = np.arange(1, _POINTS // 2 + 1) * np.float32(_RATE / _POINTS)  # without the constant part
        octaves = np.log2(self._hertz)
        self._slope = (octaves - octaves.mean()) / np.square(octaves - octaves.mean()).sum()
        self._hann = np.hanning(_SPECTRUM + 1)[:-1].astype(np.float32)

    def frames(self, wave: Float32) -> Float32:
        """(ceil(samples / 160), 48) of at most 30 s at 16 kHz."""
        if not 0 < len(wave) <= round(self.window * _RATE):
            raise EncoderError(
                f"encoder 'prosody' takes 1 to {round(self.window * _RATE)} samples at {_RATE} Hz, found {len(wave)}"
            )
        count = math.ceil(len(wave) / _HOP)
        pieces = cut_frames(wave, _SPECTRUM, _HOP, count, _HOP / 2)
        spectrum = rfft(pieces * self._hann, _POINTS, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) / np.square(self._hann).sum()
        mel = np.log(power @ self._mel + _FLOOR)
        pitch = track_pitch(cut_frames(wave, _PITCH, _HOP, count, _HOP / 2), _RATE)
        upper = power[:, 1:] + _FLOOR
        values = np.empty((count, WIDTH), dtype=np.float32)
        values[:, :_BANDS] = mel
        values[:, _BANDS] = np.where(pitch.voiced, 12 * np.log2(pitch.hertz / _REFERENCE_HZ), 0.0)
        values[:, _BANDS + 1] = pitch.voiced
        values[:, _BANDS + 2] = pitch.strength
        values[:, _BANDS + 3] = 10 * np.log10(np.square(pieces).mean(axis=1) + _FLOOR)
        values[:, _BANDS + 4] = (upper @ self._hertz) / upper.sum(axis=1) / 1000
        values[:, _BANDS + 5] = 10 * np.log10(upper) @ self._slope
        values[:, _BANDS + 6] = np.abs(np.diff(mel, axis=0, prepend=mel[:1])).mean(axis=1)
        values[:, _BANDS + 7] = (np.signbit(pieces[:, 1:]) != np.signbit(pieces[:, :-1])).mean(axis=1)
        return values
