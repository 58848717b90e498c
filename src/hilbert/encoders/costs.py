"""What extraction will roughly cost: time on one core and disk, for each encoder on this machine."""

from __future__ import annotations

from typing import NamedTuple

from hilbert.encoders.load import list_encoders

# Printed by benchmarks/encoder_speed.py on the demo's speech (sentences of 13 words) on 2026-11-23, one thread of a
# shared x86-64 server core: seconds of audio a second, sentences a second.
AUDIO_SPEED = {"whisper-tiny.en": 45.0, "whisper-base": 18.0, "resemblyzer": 79.0, "prosody": 390.0}
TEXT_SPEED = {"minilm-l6": 144.0, "mpnet-base": 21.0, "wordllama": 38_000.0}
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
