"""The corpus that most experiments vary one property of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hilbert.studies.experiment import Size
from hilbert.synthetic import Design, Modality, Target

AUDIO = Modality(dim=128, segments=12, noise=2.0)
TEXT = Modality(dim=64, segments=12, noise=2.0)
NUISANCE = {"nuisance": 50}  # coordinates of noise: with them there is a gap of information that a balance can close
BALANCED = Target(shared=1.0, audio=1.0, text=1.0)


def corpus(size: Size, audio: Any = None, text: Any = None, **options: Any) -> Design:
    """Both modalities alike but in width, four imbalanced classes from shared and unique latents; with changes."""
    return Design(
        documents=size.train + size.test,
        audio=replace(AUDIO, **(audio or {})),
        text=replace(TEXT, **(text or {})),
        **{"target": BALANCED, **options},
    )
