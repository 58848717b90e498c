"""What every speech and every text encoder offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
Float32 = NDArray[np.float32]


class SpeechEncoder(Protocol):
    """Turns at most ``window`` seconds of mono sound at ``rate`` Hz into frames.

    Frame i stands for seconds ``i * frame_seconds`` to ``(i + 1) * frame_seconds`` of the wave. ``identity``
    holds everything that changes the numbers, and so is the encoder's part of a cache key.
    """

    @property
    def identity(self) -> dict[str, JSON]:
        """Name, weights, layer, pooling, context, window and code version."""

    @property
    def rate(self) -> int:
        """Sampling rate in Hz."""

    @property
    def width(self) -> int:
        """Length of a frame's vector."""

    @property
    def window(self) -> float:
        """Longest wave in seconds that is encoded at once."""

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame to the next."""

    def frames(self, wave: Float32) -> Float32:
        """(frames, width) of a wave (samples,), at least one frame; raises EncoderError if it is too long."""


class TextEncoding(NamedTuple):
    """``values``: (texts, width); ``split``: how many texts were too long and encoded in pieces."""

    values: Float32
    split: int


class TextEncoder(Protocol):
    """Turns texts into one vector each; a text's vector depends on no other text beyond rounding."""

    @property
    def identity(self) -> dict[str, JSON]:
        """Name, weights, layer, pooling and code version."""

    @property
    def width(self) -> int:
        """Length of a text's vector."""

    def encode(self, texts: Sequence[str]) -> TextEncoding:
        """(texts, width); texts beyond the model's limit: in pieces, averaged by token count."""
