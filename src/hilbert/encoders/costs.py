"""What extraction will roughly cost: time on one core and disk, for each encoder on this machine."""

from __future__ import annotations

from typing import NamedTuple

from hilbert.encoders.load import list_encoders

# seconds of audio a second, measured with one thread of a shared server core; other machines differ by twofold
AUDIO_SPEED = {"whisper-tiny.en": 48.0, "whisper-base": 19.0, "resemblyzer": 40.0, "prosody": 100.0}
# sentences a second, likewise
TEXT_SPEED = {"minilm-l6": 55.0, "mpnet-base": 7.5, "wordllama": 14_000.0}
BYTES = 4


class Estimate(NamedTuple):
    """Seconds on one core and bytes on disk for one encoder."""

    name: str
    kind: str
    seconds: float
    size: float


def estimates(audio_seconds: float, segments: int) -> list[Estimate]:
    """One row for each installed encoder whose speed is known."""
    rows = []
    for encoder in list_encoders():
        speed = {**AUDIO_SPEED, **TEXT_SPEED}.get(encoder.name)
        if encoder.installed and speed is not None:
            amount = audio_seconds if encoder.kind == "speech" else segments
            rows.append(Estimate(encoder.name, encoder.kind, amount / speed, segments * encoder.width * BYTES))
    return rows
