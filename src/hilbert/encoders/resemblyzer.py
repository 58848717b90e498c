"""Resemblyzer's GE2E network: who speaks, from 1.6 s of sound at a time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hilbert.encoders.mel import cut_frames, mel_filters
from hilbert.encoders.packs import weights_digest
from hilbert.encoders.protocol import JSON, Float32
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ConfigError, EncoderError

_CODE = "resemblyzer/1"
_RATE = 16_000
_HOP = 160
_POINTS = 400
_BANDS = 40
_PARTIAL = 160  # mel frames that one embedding hears: 1.6 s
_STEP = 40  # mel frames from one embedding to the next: .4 s
_LOUDNESS = -30.0  # dB of full scale to which quieter sound is raised
_WINDOW_SECONDS = 30.0


class Resemblyzer:
    """Frozen speaker encoder (generalised end-to-end loss, arXiv 1710.10467; weights of Resemblyzer 0.1.4).

    A three-layer LSTM on 40 mel bands; its last state, projected and scaled to unit length, is the vector
    of the 1.6 s around each frame. Quiet sound is raised to -30 dB a window; silences are not cut out, as
    the package itself does, because frames have to keep their times.
    """

    rate = _RATE
    window = _WINDOW_SECONDS
    frame_seconds = _STEP * _HOP / _RATE

    def __init__(self, spec: EncoderSpec, folder: Path) -> None:
        if spec.layer != -1:
            raise ConfigError(f"encoder {spec.name!r} has only its output, layer -1, not {spec.layer}")
        from safetensors.torch import load_file

        state = load_file(folder / "model.safetensors")
        self.width = int(state["linear.weight"].shape[0])
        hidden = int(state["linear.weight"].shape[1])
        self._lstm = nn.LSTM(_BANDS, hidden, num_layers=3, batch_first=True)
        self._linear = nn.Linear(hidden, self.width)
        self._device = spec.device
        for name, module in (("lstm.", self._lstm), ("linear.", self._linear)):
            own = {key.removeprefix(name): value for key, value in state.items() if key.startswith(name)}
            module.load_state_dict(own)
            module.to(spec.device).eval().requires_grad_(False)
        self._mel = mel_filters(_RATE, _POINTS, _BANDS)
        self._hann = np.hanning(_POINTS + 1)[:-1]
        self.identity: dict[str, JSON] = {
            "encoder": spec.name,
            "weights": weights_digest(folder),
            "pooling": spec.pooling,
            "context": spec.context,
            "window": self.window,
            "code": _CODE,
        }

    def frames(self, wave: Float32) -> Float32:
        """(ceil(seconds / .4), 256) unit vectors of at most 30 s, as if silence stood around the wave."""
        longest = round(self.window * _RATE)
        if not 0 < len(wave) <= longest:
            raise EncoderError(f"encoder 'resemblyzer' takes 1 to {longest} samples at {_RATE} Hz, found {len(wave)}")
        count = math.ceil(len(wave) / (_STEP * _HOP))
        total = (count - 1) * _STEP + _PARTIAL
        mels = self._mels(wave, total, first=_STEP // 2 - _PARTIAL // 2)
        partials = np.stack([mels[i * _STEP : i * _STEP + _PARTIAL] for i in range(count)])
        with torch.inference_mode():
            _, (state, _) = self._lstm(torch.from_numpy(partials).to(self._device))
            raw = torch.relu(self._linear(state[-1]))
            unit = raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-12)
        values: Float32 = unit.cpu().numpy()
        return values

    def _mels(self, wave: Float32, total: int, first: int) -> Float32:
        """(total, 40) mel power, not logarithmic, from mel frame ``first`` on (negative: before the wave)."""
        sound = wave.astype(np.float64)
        loudness = 10 * np.log10(np.square(sound).mean() + 1e-12)
        sound = sound * 10 ** (max(0.0, _LOUDNESS - loudness) / 20)
        pieces = cut_frames(sound, _POINTS, _HOP, total, float(first * _HOP))
        spectrum = np.fft.rfft(pieces * self._hann, axis=1)
        return ((spectrum.real**2 + spectrum.imag**2) @ self._mel).astype(np.float32)
