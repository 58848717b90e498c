"""Mean and spread of each span's frames, gathered window by window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilbert.encoders.protocol import Float32
from hilbert.encoders.spec import Pooling
from hilbert.errors import InputError


class SpanPool:
    """Running mean and spread of frames for each span, in float64.

    Partial sums are merged as Chan, Golub & LeVeque (1983) do, which does not cancel for frames far from
    zero. ``count``: (spans,) frames pooled; ``last``: the latest frame of the recording, for spans past
    its end.
    """

    def __init__(self, spans: int, width: int) -> None:
        self.count: NDArray[np.int64] = np.zeros(spans, dtype=np.int64)
        self.last: Float32 | None = None
        self._mean = np.zeros((spans, width))
        self._squares = np.zeros((spans, width))  # summed squared distance from the mean
        self._nearest = np.zeros((spans, width), dtype=np.float32)
        self._distance = np.full(spans, np.inf)

    def add(self, row: int, frames: Float32) -> None:
        """Pool further frames (frames, width) of a span; none is fine."""
        new = len(frames)
        if not new:
            return
        mean = frames.mean(axis=0, dtype=np.float64)
        old = int(self.count[row])
        shift = mean - self._mean[row]
        self._squares[row] += ((frames - mean) ** 2).sum(axis=0) + shift**2 * (old * new / (old + new))
        self._mean[row] += shift * (new / (old + new))
        self.count[row] = old + new

    def offer(self, row: int, frame: Float32, distance: float) -> None:
        """A frame (width,) to take if the span holds none and no offered one is closer (seconds)."""
        if distance < self._distance[row]:
            self._distance[row] = distance
            self._nearest[row] = frame

    @property
    def waiting(self) -> bool:
        """Whether a span has neither frames nor a nearest one yet."""
        return bool(((self.count == 0) & np.isinf(self._distance)).any())

    def settle(self) -> None:
        """Give every span without frames its nearest one, or the recording's last."""
        for row in np.flatnonzero(self.count == 0):
            if np.isfinite(self._distance[row]):
                self._mean[row] = self._nearest[row]
            elif self.last is not None:
                self._mean[row] = self.last
            else:
                raise InputError("the recording holds no samples")

    def vectors(self, pooling: Pooling) -> Float32:
        """(spans, width) means, or (spans, 2 * width) means and population standard deviations."""
        if pooling == "mean":
            return self._mean.astype(np.float32)
        spread = np.sqrt(self._squares / np.maximum(self.count, 1)[:, None])
        return np.concatenate([self._mean, spread], axis=1).astype(np.float32)
