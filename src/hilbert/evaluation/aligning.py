"""A model's probabilities in the columns of the whole evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import HilbertError

Floats = NDArray[np.float64]


def align(
    values: Floats, learnt: Sequence[str], classes: Sequence[str], documents: NDArray[np.str_], where: str
) -> Floats:
    """Order the columns as ``classes``; HilbertError for anything that is not a probability."""
    if values.shape != (len(documents), len(learnt)):
        expected = (len(documents), len(learnt))
        raise HilbertError(f"{where}: expected probabilities of shape {expected}, found {values.shape}")
    bad = ~np.isfinite(values).all(1)
    if bad.any():
        raise HilbertError(
            f"{where}: NaN or infinite probabilities for {int(bad.sum())} documents "
            f"(the first: {documents[int(np.argmax(bad))]})"
        )
    off = (values < -1e-6).any(1) | (np.abs(values.sum(1) - 1) > 1e-3)
    if off.any():
        raise HilbertError(
            f"{where}: the probabilities of {int(off.sum())} documents are negative or do not add up to 1 "
            f"(the first: {documents[int(np.argmax(off))]})"
        )
    result = np.zeros((len(documents), len(classes)))
    for column, label in enumerate(learnt):
        if label in classes:
            result[:, classes.index(label)] = values[:, column]
    return result
