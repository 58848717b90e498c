"""Documents so unlike the training ones that a model's probabilities for them mean little."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hilbert.features.bags import Bags

FAR = 5.0  # of a thousand earnings calls not in training about one is farther, of 125 speakers none


class Stranger(NamedTuple):
    """A modality of a document, and how far it lies from the training documents, in standard deviations."""

    document: str
    modality: str
    distance: float

    def __str__(self) -> str:
        return (
            f"document {self.document}: its {self.modality} lies {self.distance:.3g} standard deviations from the mean "
            "of the training documents, which lie about 1 from it; its probabilities mean little"
        )


def strangers(fitted: Any, bags: Bags) -> list[Stranger]:
    """Every document and modality farther from the training documents than ``FAR``, where the model can tell."""
    if not hasattr(fitted, "distances"):
        return []
    return [
        Stranger(str(bags.ids[row]), modality, float(distance[row]))
        for modality, distance in fitted.distances(bags).items()
        for row in np.flatnonzero(np.nan_to_num(distance) > FAR)
    ]
