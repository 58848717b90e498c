"""What a score loses without a modality, which is taken away by dealing it out anew among the documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

PERMUTATIONS = 3
CHANCE = 0.5
FLOOR = 0.01


class Values(NamedTuple):
    """The score v of each set of modalities that is left in place."""

    empty: float
    audio: float
    text: float
    both: float

    @property
    def drop_audio(self) -> float:
        """What is lost when the audio is dealt out."""
        return self.both - self.text

    @property
    def drop_text(self) -> float:
        """What is lost when the text is dealt out."""
        return self.both - self.audio


def coalitions(
    score: Callable[[Ints, Ints], Mapping[str, float]],
    both: Mapping[str, float],
    docs: int,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> dict[str, Values]:
    """v of each set of modalities, for each of the scores that ``score`` gives by name.

    ``score(audio, text)`` judges the ``docs`` documents when each has the audio of document ``audio[i]`` and the text
    of ``text[i]``; ``both`` holds the scores of the documents as they are. A modality alone is the mean over
    ``permutations`` of the other one. These are uniform, and may leave a document what it had: otherwise the modality
    of others would speak against a document's own class. v(∅), with both dealt out independently, is ½ on average over
    the permutations, for every one-against-rest AUC of documents that are judged one by one; that ½ stands here.
    """
    own = np.arange(docs)
    orders = [rng.permutation(docs) for _ in range(permutations)]
    audio, text = [score(own, order) for order in orders], [score(order, own) for order in orders]
    return {name: Values(CHANCE, _mean(audio, name), _mean(text, name), both[name]) for name in audio[0]}


def shapley(values: Values) -> tuple[float, float]:
    """φ_audio and φ_text, which add up to v(audio, text) − v(∅).

    φ_m = ½ [v(m) − v(∅) + v(audio, text) − v(other)]: what a modality adds, on average over both orders of adding it.
    """
    alone_audio, alone_text = values.audio - values.empty, values.text - values.empty
    return (alone_audio + values.drop_audio) / 2, (alone_text + values.drop_text) / 2


def perceptual_score(full: float, drop: float, chance: float = CHANCE) -> float:
    """The share of a score's height above chance that is lost with a modality (after Gat et al. 2021).

    NaN where the score is not .01 above chance: then there is nothing to lose.
    """
    above = full - chance
    return drop / above if above >= FLOOR else math.nan


def _mean(found: Sequence[Mapping[str, float]], name: str) -> float:
    return float(np.mean([scores[name] for scores in found]))
