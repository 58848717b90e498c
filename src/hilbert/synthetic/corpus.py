"""A synthetic corpus: features, labels, and what is true of each document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.features.pairing import shuffled_pairs
from hilbert.metrics import within_fold_auc
from hilbert.synthetic.design import Design
from hilbert.synthetic.information import pooled_information
from hilbert.synthetic.labels import draw_labels, signal
from hilbert.synthetic.latents import (
    Floats,
    Ints,
    draw_latents,
    group_numbers,
    population_numbers,
    segment_counts,
)
from hilbert.synthetic.segments import draw_segments

SECONDS = 10.0  # of audio a segment


@dataclass(frozen=True, eq=False)
class Synthetic:
    """What ``generate`` makes; rows are documents throughout.

    ``y``: (docs,) class numbers, from the lowest score to the highest; ``groups``: (docs,) names; ``populations``:
    (docs,) numbers; ``latents``: ``shared`` (docs, shared_latents), ``audio`` and ``text`` (docs, unique_latents);
    ``posterior``: (docs, classes) the exact probabilities of the labels given latents and sub-population.
    """

    design: Design
    seed: int
    bags: Bags
    y: Ints
    groups: NDArray[np.str_]
    populations: Ints
    latents: Mapping[str, Floats]
    posterior: Floats

    @property
    def oracle_auc(self) -> float:
        """Macro AUC of ``posterior``, by which no model ranks better in expectation: nothing is fitted for it.

        For documents in folds, give ``posterior`` to ``within_fold_auc`` beside the models' probabilities.
        """
        return within_fold_auc(self.y, self.posterior)

    def information(self, modality: Literal["audio", "text"], latents: Literal["shared", "unique"]) -> float:
        """``pooled_information`` in nats, averaged over these documents' numbers of segments."""
        return pooled_information(self.design, modality, latents, getattr(self.bags, modality).lengths)

    def shuffled(self, seed: int = 0) -> Bags:
        """The same documents, each with the text of another, of another group where there is one.

        Audio, labels and latents keep their rows. What a model finds between the two modalities now is a leak.
        """
        return shuffled_pairs(self.bags, self.groups, np.arange(len(self.bags)), seed)


def generate(design: Design, seed: int = 0) -> Synthetic:
    """Draw the corpus of a design; the same design and seed give the same bytes on one machine.

    The seed decides each part on its own (see ``streams``): designs with a common seed are paired.
    Raises ConfigError where a class would have no document, UsageError for an impossible seed.
    """
    latents = draw_latents(design, seed)
    populations = population_numbers(design, seed)
    y, posterior = draw_labels(design, seed, signal(design, latents, populations))
    counts = segment_counts(design, seed)
    packed = {
        name: draw_segments(design, name, seed, latents["shared"], latents[name], populations, counts[name])
        for name in counts
    }
    bags = Bags(
        np.array([f"synthetic-{row:05d}" for row in range(design.documents)]),
        packed["audio"],
        packed["text"],
        SECONDS * counts["audio"],
        {"generator": {"name": "hilbert.synthetic", "seed": int(seed)}},  # another seed, other directions
        ("the features are random numbers of known structure: there are no recordings behind them",),
    )
    groups = np.array([f"group-{number:05d}" for number in group_numbers(design)])
    return Synthetic(design, seed, bags, y, groups, populations, latents, posterior)
