"""What several fits on the same documents have in common, computed once a process where a caller asks for it.

Studies fit many models on the same documents: their linear core, input transforms and untrained readout do not depend
on the weights of the objectives. All of these are functions of what their key holds, and nothing changes them later.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from hilbert.features.bags import Bags

Value = TypeVar("Value")
KEPT = 8  # of a thousand long calls, one may take 100 MB
_kept: OrderedDict[str, Any] = OrderedDict()
_sharing = False


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, ``once`` keeps what it makes, also for the next time. The seconds of a fit are then not its own."""
    global _sharing
    before, _sharing = _sharing, True
    try:
        yield
    finally:
        _sharing = before


def once(what: str, of: Sequence[Any], make: Callable[[], Value]) -> Value:
    """``make()``, or what it gave for equal ``of`` (bags, arrays, numbers, strings, and sequences of these)."""
    if not _sharing:
        return make()
    key = f"{what} {_digest(of)}"
    if key not in _kept:
        _kept[key] = make()
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    found: Value = _kept[key]
    return found


def _digest(values: Sequence[Any]) -> str:
    digest = hashlib.blake2b(digest_size=20)

    def add(value: Any) -> None:
        digest.update(f"{type(value).__name__}:".encode())
        if isinstance(value, Bags):
            for packed in (value.audio, value.text):
                add([packed.values, packed.lengths, packed.times])
        elif isinstance(value, np.ndarray):
            digest.update(f"{value.dtype}{value.shape}".encode())
            digest.update(value.tobytes())
        elif isinstance(value, list | tuple):
            digest.update(f"{len(value)}".encode())
            for part in value:
                add(part)
        elif isinstance(value, str | int | float | None):
            digest.update(repr(value).encode())
        else:
            raise TypeError(f"{type(value).__name__} cannot be part of what is shared")

    add(list(values))
    return digest.hexdigest()
