"""A comparison on a corpus made of numbers, and models that count their fits."""

import sys
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from hilbert.baselines import MODELS
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.running import get_ready, run
from hilbert.benchmark.tasks import TASKS, is_tuning, score_mask, setting
from hilbert.features.bags import Bags, Packed

try:
    from joblib.externals import cloudpickle  # bundled up to joblib 1.5
except ImportError:
    import cloudpickle

# Worker processes cannot import a conftest.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

FITS = []  # ids of the training and of the test documents, a pair a fit


class Toy(ClassifierMixin, BaseEstimator):
    """Nearest class mean of the first segments; remembers which documents it has seen."""

    space: ClassVar[dict] = {"power": [0.5, 1.0, 2.0], "column": [0, 1]}

    def __init__(self, power=1.0, column=0, fail="", seed=0):
        self.power, self.column, self.fail, self.seed = power, column, fail, seed

    def fit(self, bags, y, groups=None):
        if self.fail and self.fail in bags.ids.tolist():
            raise ValueError("no inverse")
        FITS.append([bags.ids.tolist(), []])
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        x = self._x(bags)
        self.means_ = np.stack([x[codes == c].mean(0) for c in range(len(self.classes_))])
        self.n_parameters_ = self.means_.size
        return self

    def _x(self, bags):
        first = np.stack([bags.audio.document(row)[0] for row in range(len(bags))])
        return np.sign(first) * np.abs(first) ** self.power

    def predict_proba(self, bags):
        FITS[-1][1] = bags.ids.tolist()
        score = -((self._x(bags)[:, None] - self.means_) ** 2).mean(-1)
        proba = np.exp(score - score.max(1, keepdims=True))
        return proba / proba.sum(1, keepdims=True)

    def predict(self, bags):
        return self.classes_[self.decided(self.predict_proba(bags))]

    def decided(self, proba):
        return np.where(proba[:, -1] > 0.2, proba.shape[1] - 1, proba.argmax(1))  # the last class, where it may be

    def variants(self, bags):
        proba = self.predict_proba(bags) ** 2
        return {"sharp, twice": proba / proba.sum(1, keepdims=True)}


@pytest.fixture
def fits():
    FITS.clear()
    return FITS


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """Two more models in the registry, under the name of the class that a test may give options."""
    monkeypatch.setitem(MODELS, "toy", Toy)
    monkeypatch.setitem(MODELS, "other-toy", Toy)
    return Toy


def make_data(docs=96, seed=0, task="maec-a", signal=0.8):
    rng = np.random.default_rng(seed)
    y = np.arange(docs) % 3
    centre = signal * np.eye(4)[y]
    packed = [
        Packed.from_documents([(rng.normal(size=(3, 4)) + c).astype(np.float32) for c in centre], 4) for _ in range(2)
    ]
    bags = Bags(np.array([f"d{i:03d}" for i in rng.permutation(docs)]), *packed, np.full(docs, np.nan))
    groups = np.array([f"g{i}" for i in rng.integers(0, docs // 2, docs)], dtype=object)
    labels = np.array([("one", "two", "many")[c] for c in y], dtype=object)
    return Data(bags, labels, groups, score_mask(TASKS[task], groups), "speakers", "company")


@pytest.fixture(scope="session")
def data():
    found = make_data()
    assert 0 < sum(map(is_tuning, found.groups)) < len(found)
    return found


@pytest.fixture
def comparison():
    models = ("prior", "length", "toy")
    return Comparison(setting("maec-a", "praat", "wordllama"), models, folds=3, repeats=2)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "out", tmp_path / "features")


@pytest.fixture(scope="session")
def go(data):
    """Prepare and run a comparison as the command does."""

    def run_it(comparison, place, hours=None, redo=(), jobs=1, progress=None):
        ready = get_ready([comparison], place, lambda _: data, hours, redo)
        return run(ready, place.seed, jobs, hours, progress)

    return run_it


@pytest.fixture(scope="session")
def registry():
    """The registry with the toy under HILBERT's name, for as long as a test runs."""

    @contextmanager
    def with_toys():
        with pytest.MonkeyPatch.context() as patch:
            for name in ("toy", "other-toy", "hilbert"):
                patch.setitem(MODELS, name, Toy)
            yield

    return with_toys


@pytest.fixture(name="make_data")
def _make_data():
    return make_data
