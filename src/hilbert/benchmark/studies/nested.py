"""Parts of a training fold of growing size, each inside the next, made of whole groups."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError

Objects = NDArray[np.object_]
LEAST = 3  # documents of a class, so that inner folds can hold it


def nested_groups(y: Objects, groups: Objects, sizes: Sequence[int], seed: int) -> list[NDArray[np.int64]]:
    """Sorted rows of about each of ``sizes`` (ascending) documents, with the shares of the classes.

    Groups are taken whole, in an order that ``seed`` decides: first those that fit the quota of each of their
    classes, then any that fit the size. No part is larger than its size; it is smaller where no group fits.
    """
    if sorted(sizes) != list(sizes) or not sizes or sizes[-1] > len(y):
        raise UsageError(f"sizes: expected ascending ones up to {len(y)} documents, found {', '.join(map(str, sizes))}")
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(f"{row} alone" if group in (None, "") else str(group), []).append(row)
    order = sorted(members, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())
    taken: dict[str, None] = {}
    held: Counter[str] = Counter()
    parts = []
    for size in sizes:
        quota = quotas(y, size)
        for strict in (True, False):
            for name in order:
                own = Counter(str(y[row]) for row in members[name])
                fits = held.total() + own.total() <= size
                if name in taken or not fits or (strict and any(held[c] + n > quota[c] for c, n in own.items())):
                    continue
                taken[name] = None
                held.update(own)
        parts.append(np.array(sorted(row for name in taken for row in members[name]), dtype=np.int64))
    return parts


def quotas(y: Objects, size: int) -> dict[str, int]:
    """Documents of each class in a part of ``size``: its share, at least ``LEAST``; the largest class gives it up."""
    counts = Counter(str(label) for label in y.tolist())
    quota = {name: max(min(LEAST, count), round(size * count / len(y))) for name, count in sorted(counts.items())}
    largest = max(quota, key=lambda name: (counts[name], name))
    quota[largest] += size - sum(quota.values())
    return quota


def thinned(
    rows: NDArray[np.int64], positive: NDArray[np.bool_], ids: NDArray[np.str_], ratio: float, seed: int
) -> NDArray[np.int64]:
    """``rows`` with only so many positives that there are ``ratio`` others for each; the first by a hash of their id.

    Fewer are kept for a higher ratio, and always some of the same. Raises UsageError where there are too few.
    """
    others, own = rows[~positive[rows]], rows[positive[rows]]
    wanted = round(len(others) / ratio)
    if not 1 <= wanted <= len(own):
        raise UsageError(
            f"1:{ratio:g}: expected {wanted} of {len(own)} documents beside {len(others)} others, at least 1"
        )
    order = sorted(own.tolist(), key=lambda row: hashlib.sha256(f"{seed}:{ids[row]}".encode()).hexdigest())
    return np.sort(np.concatenate([others, np.array(order[:wanted], dtype=np.int64)]))
