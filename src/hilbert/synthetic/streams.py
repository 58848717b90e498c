"""Random numbers: one independent stream for each thing that is drawn.

A draw depends on the seed and on what it is for, never on what else was drawn. So two designs that differ in a noise
level, a width or a weight are paired: they have the same latents, the same label noise, the same noise in each segment.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from hilbert.errors import UsageError


class Stream(IntEnum):
    """What a stream is for; a number is never given to anything else, or every corpus would change."""

    POPULATION = 0
    FAMILY = 1
    LATENTS = 2
    LENGTHS = 3
    LABELS = 4
    EMBEDDING = 5
    CODE = 6
    AMBIENT = 7


def stream(seed: int, of: Stream, *key: int) -> np.random.Generator:
    """The generator of one stream, a child of the seed; ``key``: modality, document or the like.

    Raises UsageError for a seed that is no whole number of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise UsageError(f"seed: expected a whole number of 0 or more, found {seed!r}")
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(int(of), *key)))
