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
    partner = partners(np.asarray(groups)[rows], seed)
    return Bags(part.ids, part.audio, part.text.take(partner), part.duration, part.source, part.notes)


def partners(groups: Labels, seed: int) -> NDArray[np.int64]:
    """(docs,) a permutation that gives each document another, of another group where there is one."""
    docs = len(groups)
    rng = np.random.default_rng(np.random.SeedSequence([seed, docs]))
    numbers = encode_groups(groups, docs)
    place = rng.permutation(int(numbers.max()) + 1)[numbers]
    # all documents of a group side by side, then moved on by the largest group: nobody meets its own group
    order = rng.permutation(docs)
    order = order[np.argsort(place[order], kind="stable")]
    largest = int(np.bincount(numbers).max())
    partner = np.empty(docs, dtype=np.int64)
    partner[order] = np.roll(order, -min(largest, docs - 1))
    return partner
