"""Bags whose audio and text are of different documents: what is found between the two there is a leak."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.splits import Labels, encode_groups


def shuffled_pairs(bags: Bags, groups: Labels, rows: NDArray[np.int64], seed: int) -> Bags:
    """The documents at ``rows``, each with the text of another, of another group where there is one.

    ``groups``: of all documents in ``bags``. Audio, ids and durations keep their rows.
    """
    part = bags[rows]
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(rows)]))
    numbers = encode_groups(np.asarray(groups)[rows], len(rows))
    place = rng.permutation(int(numbers.max()) + 1)[numbers]
    # all documents of a group side by side, then moved on by the largest group: nobody meets its own group
    order = rng.permutation(len(rows))
    order = order[np.argsort(place[order], kind="stable")]
    largest = int(np.bincount(numbers).max())
    partner = np.empty(len(rows), dtype=np.int64)
    partner[order] = np.roll(order, -min(largest, len(rows) - 1))
    return Bags(part.ids, part.audio, part.text.take(partner), part.duration, part.source, part.notes)
