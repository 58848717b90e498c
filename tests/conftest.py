"""Corpora made of numbers, and a configuration that trains in a fraction of a second."""

import sys

import numpy as np
import pytest
from hypothesis import settings

from hilbert.features.bags import Bags, Packed

settings.register_profile(
    "hilbert", deadline=None
)  # how long an example takes says more about the machine than the code
settings.load_profile("hilbert")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Sub-millisecond operations gain nothing from threads, and lose much on a shared machine."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def make_bags(docs=40, seed=0, audio_dim=6, text_dim=4, signal=1.5, groups=None, missing=True, nan=False, classes=3):
    """Ragged documents, labels that both modalities carry, and groups; every eighth document has one modality."""
    rng = np.random.default_rng(seed)
    y = np.arange(docs) % classes
    group = np.arange(docs) if groups is None else rng.integers(0, groups, docs)
    axes = {"audio": rng.normal(size=(classes, audio_dim)), "text": rng.normal(size=(classes, text_dim))}
    packed = {}
    for name, dim in (("audio", audio_dim), ("text", text_dim)):
        documents = []
        for row in range(docs):
            lost = missing and row % 8 == {"audio": 3, "text": 7}[name]
            count = 0 if lost else int(rng.integers(1, 7))
            person = signal * axes[name][y[row]] + rng.normal(size=dim)
            documents.append((person + rng.normal(size=(count, dim))).astype(np.float32))
        packed[name] = Packed.from_documents(documents, dim)
    if nan:
        values = packed["audio"].values
        values[rng.random(values.shape) < 0.05] = np.nan
    ids = np.array([f"d{row:03d}" for row in range(docs)])
    duration = 5.0 * np.maximum(packed["audio"].lengths, 1).astype(np.float64)
    bags = Bags(ids, packed["audio"], packed["text"], duration, {"audio": {"encoder": "numbers"}})
    return bags, np.array(["a", "b", "c", "d"])[y], np.array([f"g{g}" for g in group])


@pytest.fixture(name="make_bags", scope="session")
def _make_bags():
    return make_bags


TINY = {
    "stack.least": 1,
    "network.width": 8,
    "network.projection": 8,
    "head.hidden": 4,
    "head.experts": 3,
    "training.epochs": 3,
    "training.head_epochs": 4,
    "training.batch_size": 16,
}


@pytest.fixture(scope="session")
def tiny():
    """Overrides of either preset, with which it trains in about a second on ``corpus``."""
    return dict(TINY)


MEMBERS = ("voice", "words", "both", "steady", "changing", "network", "experts")
FULL = {
    "stack.members": MEMBERS,
    "network.kind": "segments",
    "training.regime": "two_stage",
    "cka.weight": 0.3,
    "balance.weight": 0.2,
    "contrast.audio_text": 0.5,
}


@pytest.fixture(scope="session")
def corpus():
    """Forty ragged documents with missing values, labels of three classes, groups of about two."""
    return make_bags(40, groups=20, nan=True)


@pytest.fixture(scope="session")
def robust(corpus):
    return _fitted("robust", *corpus)


@pytest.fixture(scope="session")
def paper(corpus):
    return _fitted("paper", *corpus)


@pytest.fixture(scope="session")
def full(corpus):
    """Every member and every term of the loss: document vectors beside a network on segments, in two stages."""
    return _fitted("robust", *corpus, FULL)


def _fitted(preset, bags, y, groups, changes=None):
    from hilbert.estimators import HilbertClassifier

    return HilbertClassifier(preset, TINY | (changes or {})).fit(bags, y, groups=groups)


@pytest.fixture(scope="session")
def tensors():
    """The bytes of all that the network and its head have learnt."""

    def of(model):
        modules = [module for module in (model.fit_.network, model.fit_.head) if module is not None]
        return b"".join(value.numpy().tobytes() for module in modules for value in module.state_dict().values())

    return of
