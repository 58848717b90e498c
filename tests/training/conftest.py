"""A prepared training set, and configurations that have every part."""

import numpy as np
import pytest

from hilbert.config import HilbertConfig
from hilbert.nn.documents import Vectorizer
from hilbert.nn.inputs import SegmentTransforms
from hilbert.nn.pooled import PooledBlocks
from hilbert.splits import encode_groups, encode_labels
from hilbert.training.data import SegmentData, VectorData, make_dataset

TERMS = {"cka.weight": 0.5, "balance.weight": 0.5, "contrast.audio_text": 0.5, "contrast.learn_temperature": True}


@pytest.fixture(scope="session")
def small(tiny):
    """A tiny configuration with all terms of the loss and these changes."""

    def make(preset="robust", **changes):
        named = {name.replace("__", "."): value for name, value in changes.items()}
        return HilbertConfig.load(preset, tiny | TERMS | named)

    return make


@pytest.fixture(scope="session")
def numbers(make_bags):
    """Bags, class numbers (a fifth unlabelled) and group numbers."""
    bags, labels, groups = make_bags(40, groups=20)
    target = encode_labels(labels)[1]
    return bags, np.where(np.arange(40) % 5 == 4, -1, target), encode_groups(groups, 40)


@pytest.fixture(scope="session")
def dataset():
    """What a configuration's network reads of bags, with references, class numbers and groups."""
    made = {}

    def make(config, bags, target=None, groups=None):
        key = id(bags), config.network.kind, getattr(config.network, "components", None)
        if key not in made:  # bags are kept, so that no other ones get their id
            made[key] = bags, _inputs(config, bags), PooledBlocks.fit(bags)(bags)
        _, inputs, references = made[key]
        return make_dataset(inputs, references, target, groups)

    return make


def _inputs(config, bags):
    if config.network.kind == "segments":
        return SegmentData.of(SegmentTransforms.fit(bags, config.network.components)(bags), "cpu")
    return VectorData.of(Vectorizer.fit(bags, config.vectors, 0)[1], "cpu")
