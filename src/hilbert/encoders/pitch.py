"""Fundamental frequency by normalised autocorrelation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Floats = NDArray[np.floating[Any]]

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
_VOICED = 0.5  # autocorrelation peak from which a frame counts as voiced
_SILENT = 1e-3  # root mean square below which nothing does (-60 dB of full scale)
_OCTAVE_COST = 0.02  # for each octave below the highest pitch, so that a period wins over its multiples


class Pitch(NamedTuple):
    """(frames,) each: best candidate, its autocorrelation (-1 to 1), and whether it counts as voiced."""

    hertz: Floats
    strength: Floats
    voiced: NDArray[np.bool_]


def track_pitch(frames: Floats, rate: int) -> Pitch:
    """Pitch of each of (frames, length) pieces of sound; length should hold three periods of LOWEST_HZ.

    The autocorrelation of the windowed frame is divided by that of the window, as in Boersma (1993),
    which takes away the fall with the lag; the peak is refined by a parabola. Frames are independent: no
    path is smoothed.
    """
    length = frames.shape[1]
    longest = min(int(rate / LOWEST_HZ), length // 2)
    shortest = int(rate / HIGHEST_HZ)
    size = next_fast_len(length + longest + 2)
    window = np.hanning(length + 2)[1:-1].astype(frames.dtype)
    centred = frames - frames.mean(axis=1, keepdims=True)
    raw = _autocorrelation(centred * window, size, longest + 2)
    own = _autocorrelation(window[None, :], size, longest + 2)
    power = raw[:, :1]
    normalised = np.divide(raw, power, out=np.zeros_like(raw), where=power > 0) / (own / own[:, :1])

    lags = np.arange(shortest, longest + 1)
    inner = normalised[:, shortest : longest + 1]
    before, after = normalised[:, shortest - 1 : longest], normalised[:, shortest + 1 : longest + 2]
    peaks = (inner >= before) & (inner >= after)
    score = np.where(peaks, inner - _OCTAVE_COST * np.log2(lags / shortest), -np.inf)
    best = score.argmax(axis=1)
    rows = np.arange(len(frames))
    low, top, high = before[rows, best], inner[rows, best], after[rows, best]
    bend = low - 2 * top + high
    offset = np.divide(0.5 * (low - high), bend, out=np.zeros_like(top), where=bend < 0).clip(-0.5, 0.5)
    found = np.isfinite(score[rows, best])
    strength = np.where(found, (top - 0.25 * (low - high) * offset).clip(-1, 1), 0.0)
    loud = np.sqrt(np.square(frames).mean(axis=1)) > _SILENT
    return Pitch(rate / (lags[best] + offset), strength, found & loud & (strength > _VOICED))


def _autocorrelation(frames: Floats, size: int, lags: int) -> Floats:
    spectrum = rfft(frames, size, axis=1)
    correlation: Floats = irfft(spectrum.real**2 + spectrum.imag**2, size, axis=1)[:, :lags]
    return correlation
