"""What fits on the same documents have in common, whatever their objectives; kept between them inside ``sharing``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.config import HilbertConfig
from hilbert.features.bags import Bags
from hilbert.model.linear import Folds, LinearCore
from hilbert.training.fit import Prepared, prepare
from hilbert.training.sharing import once
from hilbert.training.stability import VectorReadout

Ints = NDArray[np.int64]


def fit_core(bags: Bags, target: Ints, classes: int, folds: Folds) -> LinearCore:
    """The linear core of labelled documents; arguments as those of ``LinearCore.fit``."""
    return once("core", [bags, target, classes, folds], lambda: LinearCore().fit(bags, target, classes, folds))


def fit_transforms(config: HilbertConfig, bags: Bags, target: Ints, groups: Ints, seed: int, device: str) -> Prepared:
    """``prepare`` on all documents, target −1 = unlabelled."""
    everyone = np.arange(len(bags))
    return once(
        "transforms",
        [config.transforms, bags, target, groups, seed, device],
        lambda: prepare(config, bags, target, groups, everyone, seed, device),
    )


def fit_readout(
    prepared: Prepared, made_of: Sequence[Any], choices: Sequence[float], *documents: Any
) -> tuple[VectorReadout, Prepared]:
    """The untrained readout of ``prepared``, and its document vectors with the strength of stability that it chose.

    ``made_of``: what ``prepared`` depends on beside the documents; ``documents``: as ``VectorReadout.fit`` has them.
    """

    def make() -> tuple[VectorReadout, Prepared]:
        readout = VectorReadout()
        return readout, readout.fit(prepared, choices, *documents)

    return once("readout", [*made_of, choices, *documents], make)
