"""The voice of the demo corpus: `hibari-tts`, with pace and pitch of any simulated speaker."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np
import soxr
from numpy.typing import NDArray

from hilbert.errors import MissingDependencyError

RATE = 16_000  # Hz of the recordings
PEAK = 0.95  # highest amplitude of a sentence
_SLOWEST, _FASTEST = 0.5, 2.0  # what the voice itself can do
_EDGE = 0.04  # seconds kept around the audible part of a sentence
_AUDIBLE = 0.01  # share of the peak amplitude from which on a sample counts as audible


def voice_identity() -> str:
    """Name and version of the voice; raises MissingDependencyError when it is not installed."""
    try:
        return f"hibari-tts {version('hibari-tts')}, heart"
    except PackageNotFoundError:
        raise MissingDependencyError(
            "the demo corpus is spoken by hibari-tts, which is not installed; "
            "install it with: pip install 'hilbert-speech[demo]'"
        ) from None


class Voice:
    """The neural voice inside the hibari-tts wheel; needs no network. Raises MissingDependencyError."""

    def __init__(self) -> None:
        voice_identity()
        from hibari import Hibari

        self._speak = Hibari(voice="heart", threads=1)

    def say(self, text: str, *, tempo: float = 1.0, pitch: float = 1.0, seed: int = 0) -> NDArray[np.float32]:
        """Speak one sentence; float32 mono at ``RATE``, without the silence before and after it.

        ``tempo`` and ``pitch`` are factors of the voice's own. Playing the wave ``pitch`` times faster raises pitch
        and formants, which makes another speaker; the voice speaks that much slower beforehand, so that the tempo
        stays as asked (as far as the voice's own range of 0.5 to 2 allows).
        """
        speed = min(max(tempo / pitch, _SLOWEST), _FASTEST)
        wave = self._speak(text, speed=speed, seed=seed)
        return trim(soxr.resample(wave, self._speak.sample_rate * pitch, RATE).astype(np.float32))


def trim(wave: NDArray[np.float32], rate: int = RATE) -> NDArray[np.float32]:
    """Cut the silence before and after speech, all but 40 ms; a silent wave stays as it is."""
    loud = np.abs(wave)
    audible = np.flatnonzero(loud > _AUDIBLE * loud.max(initial=0.0))
    if not len(audible):
        return wave
    edge = round(_EDGE * rate)
    return wave[max(audible[0] - edge, 0) : audible[-1] + edge + 1]


def limit(wave: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
    """Apply a gain, less where the result would pass ``PEAK``: nothing is ever clipped."""
    peak = float(np.abs(wave).max(initial=0.0)) * gain
    return (wave * (gain * min(1.0, PEAK / max(peak, 1e-9)))).astype(np.float32)
