"""A prepared training set, and configurations that have every part."""

import numpy as np
import pytest

from hilbert.config import HilbertConfig
from hilbert.splits import encode_groups, encode_labels


@pytest.fixture(scope="session")
def small(tiny):
    """A tiny configuration with these changes."""

    def make(preset="robust", **changes):
        return HilbertConfig.load(preset, tiny | {name.replace("__", "."): value for name, value in changes.items()})

    return make


@pytest.fixture(scope="session")
def numbers(make_bags):
    """Bags, class numbers (a fifth unlabelled) and group numbers."""
    bags, labels, groups = make_bags(40, groups=20)
    target = encode_labels(labels)[1]
    return bags, np.where(np.arange(40) % 5 == 4, -1, target), encode_groups(groups, 40)
