"""Frames of a wave and triangular mel filters, for the encoders that compute spectra themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# Slaney's scale: linear to 1 kHz (200/3 Hz a mel), logarithmic above (27 mels to 6.4 kHz)
_LINEAR = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR
_LOG_STEP = np.log(6.4) / 27


def mel_filters(rate: int, size: int, bands: int, low: float = 0.0, high: float | None = None) -> NDArray[np.float64]:
    """(size // 2 + 1, bands) area-normalised triangles on Slaney's mel scale, for ``size``-point spectra."""
    edges = _hertz(np.linspace(_mel(low), _mel(rate / 2 if high is None else high), bands + 2))
    bins = np.arange(size // 2 + 1)[:, None] * rate / size
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    triangles: NDArray[np.float64] = np.clip(np.minimum(rising, falling), 0, None) * 2 / (edges[2:] - edges[:-2])
    return triangles


def cut_frames(wave: Floats, length: int, hop: int, count: int, first_centre: float) -> Floats:
    """(count, length) frames, the i-th centred at sample ``first_centre + i * hop``; zeros outside."""
    start = round(first_centre - length / 2)
    left = max(0, -start)
    right = max(0, start + (count - 1) * hop + length - len(wave))
    padded = np.pad(wave, (left, right))
    windows: Floats = sliding_window_view(padded, length)[start + left :: hop][:count]
    return windows


def _mel(hertz: float) -> float:
    if hertz < _KNEE_HZ:
        return hertz / _LINEAR
    return float(_KNEE_MEL + np.log(hertz / _KNEE_HZ) / _LOG_STEP)


def _hertz(mels: Floats) -> Floats:
    linear: Floats = np.where(
        mels < _KNEE_MEL,
        mels * _LINEAR,
        _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _KNEE_MEL) - _KNEE_MEL)),
    )
    return linear
