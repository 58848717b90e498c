"""A small part of a corpus with the shares of its classes, made of whole groups."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

LEAST = 6  # documents of a class, so that each of a few folds can hold it


def stratified_groups(
    y: NDArray[np.object_], groups: NDArray[np.object_], size: int, seed: int = 0
) -> NDArray[np.int64]:
    """Sorted rows of about ``size`` documents: groups are taken whole, in an order that ``seed`` decides.

    A group is taken while one of its documents belongs to a class that is still short of its share.
    """
    total = Counter(y.tolist())
    share = {name: max(LEAST, round(size * count / len(y))) for name, count in total.items()}
    taken: Counter[str] = Counter()
    rows: list[int] = []
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(str(group), []).append(row)
    for group in sorted(members, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()):
        own = [y[row] for row in members[group]]
        if any(taken[label] < share[label] for label in own):
            rows += members[group]
            taken.update(own)
    return np.array(sorted(rows), dtype=np.int64)
