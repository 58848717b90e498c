"""Small classifiers over bags, and corpora made of numbers."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from hilbert.features.bags import Bags, Packed

try:
    from joblib.externals import cloudpickle  # bundled up to joblib 1.5
except ImportError:
    import cloudpickle

# Worker processes cannot import a conftest.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def pooled(bags):
    means = [np.stack([p.document(i).mean(0) for i in range(len(bags))]) for p in (bags.audio, bags.text)]
    return np.concatenate(means, 1)


class Pooled(ClassifierMixin, BaseEstimator):
    """Logistic regression on means, with everything an estimator may offer."""

    def __init__(self, c=1.0, seed=None):
        self.c, self.seed = c, seed

    def fit(self, bags, y, groups=None):
        rng = np.random.default_rng(self.seed)
        x = pooled(bags)
        self.model_ = LogisticRegression(C=self.c).fit(x + 0.01 * rng.normal(size=x.shape), y)
        self.classes_ = self.model_.classes_
        self.groups_seen_ = groups is not None
        self.history_ = [{"stage": "head", "epoch": e, "classification": 1 / (e + 1)} for e in range(5)]
        return self

    def predict_proba(self, bags):
        return self.model_.predict_proba(pooled(bags))

    def variants(self, bags):
        return {"flat": np.full((len(bags), len(self.classes_)), 1 / len(self.classes_))}

    def transform(self, bags):
        return np.tile(pooled(bags)[:, :2], 3)


class Prior(ClassifierMixin, BaseEstimator):
    def fit(self, bags, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.share_ = counts / counts.sum()
        return self

    def predict_proba(self, bags):
        return np.tile(self.share_, (len(bags), 1))


class Semi(Prior):
    """Refuses to fit unless it is given unlabelled documents."""

    uses_unlabelled = True

    def fit(self, bags, y):
        if not any(v is None for v in y):
            raise ValueError("no unlabelled document")
        return super().fit(bags, [v for v in y if v is not None])


class Broken(Prior):
    def __init__(self, how="raise"):
        self.how = how

    def fit(self, bags, y):
        if self.how == "raise":
            raise ValueError("singular matrix")
        if self.how == "warn":
            warnings.warn("did not converge", stacklevel=1)
        return super().fit(bags, y)

    def predict_proba(self, bags):
        proba = super().predict_proba(bags)
        if self.how == "nan":
            proba[3] = np.nan
        return 2 * proba if self.how == "sum" else proba


class Stubborn(Prior):
    """Knows only the documents it was shown as they are."""

    def predict_proba(self, bags):
        if not hasattr(self, "known_"):
            self.known_ = bags.fingerprints()
        if bags.fingerprints() != self.known_:
            raise KeyError("a document never seen")
        return super().predict_proba(bags)


def make_corpus(n=90, signal=1.0, seed=0, classes=("adult", "child", "youth"), priors=(0.5, 0.3, 0.2)):
    rng = np.random.default_rng(seed)
    z = np.concatenate([np.arange(len(classes)), rng.choice(len(classes), n - len(classes), p=priors)])
    centre = signal * np.eye(6)[z]
    packed = [Packed.from_documents([rng.normal(size=(rng.integers(2, 7), 6)) + c for c in centre]) for _ in range(2)]
    bags = Bags(np.array([f"d{i:03d}" for i in rng.permutation(n)]), *packed, rng.uniform(30, 90, n))
    return bags, np.array(classes)[z], np.array([f"g{i}" for i in rng.integers(0, n // 2, n)])


@pytest.fixture
def toys():
    return {"pooled": Pooled, "prior": Prior, "semi": Semi, "broken": Broken, "stubborn": Stubborn}


@pytest.fixture
def corpus():
    return make_corpus
