"""What is true of each document: group, sub-population, shared and unique latents, numbers of segments."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hilbert.synthetic.design import Design
from hilbert.synthetic.streams import Stream, stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LATENTS = ("shared", "audio", "text")


def group_numbers(design: Design) -> Ints:
    """(docs,) the number of each document's group; documents of a group are neighbours, the last may be cut short."""
    cycle = np.repeat(np.arange(len(design.group_sizes)), design.group_sizes)
    turn, place = np.divmod(np.arange(design.documents), len(cycle))
    return (turn * len(design.group_sizes) + cycle[place]).astype(np.int64)


def population_numbers(design: Design, seed: int) -> Ints:
    """(docs,) the sub-population of each document, from 0; the same for all documents of a group."""
    groups = group_numbers(design)
    drawn = stream(seed, Stream.POPULATION).random(int(groups[-1]) + 1)
    return (drawn * design.populations.count).astype(np.int64)[groups]


def draw_latents(design: Design, seed: int) -> dict[str, Floats]:
    """Standard normal latents by name: ``shared`` (docs, shared_latents), ``audio``, ``text`` (docs, unique_latents).

    √icc · (the group's) + √(1 − icc) · (the document's own); those of different groups are independent. A larger
    corpus of the same seed begins with the documents of the smaller one.
    """
    groups = group_numbers(design)
    found = {}
    for number, name in enumerate(LATENTS):
        size = design.shared_latents if name == "shared" else design.unique_latents
        family = stream(seed, Stream.FAMILY, number).standard_normal((int(groups[-1]) + 1, size))
        own = stream(seed, Stream.LATENTS, number).standard_normal((design.documents, size))
        found[name] = math.sqrt(design.icc) * family[groups] + math.sqrt(1 - design.icc) * own
    return found


def segment_counts(design: Design, seed: int) -> dict[str, Ints]:
    """``audio`` and ``text``: (docs,) numbers of segments, lognormal with the modality's mean, rounded, at least 1.

    ln n ~ N(ln mean − spread² / 2, spread²), which has that mean before it is rounded.
    """
    normal = stream(seed, Stream.LENGTHS).standard_normal((design.documents, 2))
    common, rho = normal[:, 0], design.length_correlation
    found = {}
    for name, z in (("audio", common), ("text", rho * common + math.sqrt(1 - rho**2) * normal[:, 1])):
        modality = design.audio if name == "audio" else design.text
        exact = np.exp(math.log(modality.segments) - modality.spread**2 / 2 + modality.spread * z)
        found[name] = np.maximum(np.rint(exact), 1).astype(np.int64)
    return found
