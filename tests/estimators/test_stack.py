"""Stacks: any classifiers over anything that can be sliced, mixed on documents that they had not seen."""

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hilbert.errors import InputError, UsageError
from hilbert.estimators import AudioLR, ConcatLR, LateStack, Stack, TextLR
from hilbert.estimators.base import Targets
from hilbert.estimators.mixture import Mixture
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import PooledLogistic, softmax
from hilbert.nn.pooled import pool


class Half(LogisticRegression):
    """Sees some columns alone."""

    def __init__(self, first=0, last=3, C=1.0):
        super().__init__(C=C)
        self.first = first
        self.last = last

    def fit(self, X, y):
        return super().fit(X[:, self.first : self.last], y)

    def decision_function(self, X):
        return super().decision_function(X[:, self.first : self.last])


def rows(docs=90, classes=3, seed=0, signal=1.0, groups=30):
    """Numbers, of which three columns say something and three others something else; labels and groups."""
    rng = np.random.default_rng(seed)
    y = np.arange(docs) % classes
    x = signal * np.tile(rng.normal(size=(classes, 3)), 2)[y] + rng.normal(size=(docs, 6))
    return x, np.array(["x", "y", "z"])[y], np.array([f"g{g}" for g in rng.integers(0, groups, docs)])


HALVES = {"left": Half(0, 3), "right": Half(3, 6)}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("grouped", [False, True])
def test_it_is_the_mixture_of_cross_fitted_logits(classes, grouped):
    x, y, groups = rows(classes=classes)
    groups = groups if grouped else None
    model = Stack(HALVES, seed=3).fit(x, y, groups=groups)
    targets = Targets.of(y, groups, len(x), 3, 3)

    def logits(member, train, test):
        found = clone(HALVES[member]).fit(x[train], y[train]).decision_function(x[test])
        return np.stack([-found / 2, found / 2], axis=1) if classes == 2 else found

    tables = []
    for member in HALVES:
        table = np.zeros((90, classes))
        for train, test in targets.folds:
            table[test] = logits(member, train, test)
            if grouped:
                assert not set(groups[train]) & set(groups[test])
        tables.append(table)
    expected = Mixture.fit(tables, targets.numbers)
    assert np.array_equal(model.mixture_.weights, expected.weights)
    assert np.array_equal(model.mixture_.offsets, expected.offsets)
    new, _, _ = rows(20, classes, seed=4)
    whole = expected([logits(member, np.arange(90), np.arange(90))[:0] for member in HALVES])
    assert whole.shape == (0, classes)
    alone = [clone(m).fit(x, y).decision_function(new) for m in HALVES.values()]
    alone = [np.stack([-a / 2, a / 2], axis=1) if classes == 2 else a for a in alone]
    np.testing.assert_allclose(model.predict_proba(new), softmax(expected(alone)), rtol=0, atol=1e-12)
    assert model.shares_ == dict(zip(HALVES, expected.shares.tolist(), strict=True))
    assert sum(model.shares_.values()) == pytest.approx(1)


def test_groups_make_other_folds():
    x, y, _ = rows()
    groups = np.arange(90) // 15
    one, other = Stack(HALVES).fit(x, y), Stack(HALVES).fit(x, y, groups=groups)
    assert not np.array_equal(one.mixture_.weights, other.mixture_.weights)


def test_two_halves_know_more_than_one():
    x, y, _ = rows(300, signal=0.8)
    new, labels, _ = rows(3000, signal=0.8)
    scores = {}
    for name, members in (("both", HALVES), ("left", {"left": Half(0, 3)}), ("right", {"right": Half(3, 6)})):
        scores[name] = within_fold_auc(labels, Stack(members).fit(x, y).predict_proba(new))
    assert scores["both"] > max(scores["left"], scores["right"]) + 0.01


@pytest.mark.parametrize(
    "member",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        SVC(),
        GaussianNB(),
        RandomForestClassifier(20),
    ],
    ids=lambda member: type(member).__name__,
)
@pytest.mark.parametrize("classes", [2, 3])
def test_members_of_scikit_learn_with_logits_or_with_probabilities(member, classes):
    x, y, groups = rows(120, classes, signal=4.0)
    model = Stack({"member": member, "left": Half(0, 3)}, seed=1)
    again = clone(model).fit(x[:80], y[:80], groups=groups[:80])
    model.fit(x[:80], y[:80], groups=groups[:80])
    proba = model.predict_proba(x[80:])
    assert proba.shape == (40, classes)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (model.predict(x[80:]) == y[80:]).mean() > 0.7
    assert np.array_equal(proba, again.predict_proba(x[80:]))  # one seed for all, random forests included


@pytest.mark.parametrize("member", [LogisticRegression(), SVC(), GaussianNB()], ids=lambda m: type(m).__name__)
def test_one_member_alone_keeps_its_order_of_two_classes(member):
    """It is calibrated, and nothing else: whom it held for more likely, it still does."""
    x, y, _ = rows(80, 2, signal=1.5)
    model, alone = Stack({"only": member}).fit(x, y), clone(member).fit(x, y)
    new, _, _ = rows(60, 2, seed=1)
    stacked = model.decision_function(new)
    theirs = (
        alone.decision_function(new)
        if hasattr(alone, "decision_function")
        else np.log(alone.predict_proba(new)).dot([-1, 1])
    )
    assert stacked.shape == (60,)
    assert model.mixture_.weights[0] > 0
    assert (np.diff(stacked[np.argsort(theirs)]) >= -1e-9).all()
    np.testing.assert_allclose(stacked, np.diff(np.log(model.predict_proba(new)), axis=1)[:, 0], rtol=0, atol=1e-9)


class Told(ClassifierMixin, BaseEstimator):
    """Says what it found out of fold, as the models of this package do, and counts how often it is fitted."""

    fits: ClassVar[list] = []

    def __init__(self, seed=0, folds=2):
        self.seed = seed
        self.folds = folds

    def fit(self, X, y, groups=None):
        self.fits.append((len(X), self.seed, self.folds, None if groups is None else list(groups)))
        self.classes_ = np.unique(y)
        self.out_of_fold_ = 2.0 * X[:, :3]
        return self

    def raw_logits(self, X):
        return 2.0 * X[:, :3]

    def decision_function(self, X):
        raise AssertionError("calibrated, unlike what it found out of fold")


def test_a_member_that_says_what_it_found_out_of_fold_is_fitted_once():
    x, y, groups = rows()
    Told.fits.clear()
    model = Stack({"told": Told()}, seed=5, folds=4).fit(x, y, groups=groups)
    assert Told.fits == [(90, 5, 4, groups.tolist())]  # with the seed, the folds and the groups of all
    expected = Mixture.fit([2.0 * x[:, :3]], np.unique(y, return_inverse=True)[1])
    assert np.array_equal(model.predict_proba(x), softmax(expected([2.0 * x[:, :3]])))


def test_members_of_this_package_are_fitted_once(corpus, monkeypatch):
    bags, y, groups = corpus
    calls, fit = [], PooledLogistic.fit
    monkeypatch.setattr(PooledLogistic, "fit", lambda *args, **options: calls.append(args) or fit(*args, **options))
    model = LateStack(seed=2).fit(bags, y, groups=groups)
    assert len(calls) == 2
    other = Stack({"audio": AudioLR(), "text": TextLR()}, seed=2).fit(bags, y, groups=groups)
    assert np.array_equal(model.predict_proba(bags), other.predict_proba(bags))
    members = [kind(seed=2).fit(bags, y, groups=groups) for kind in (AudioLR, TextLR)]
    expected = Mixture.fit([m.out_of_fold_ for m in members], Targets.of(y, groups, 40, 3, 2).numbers)
    proba = softmax(expected([m.raw_logits(bags) for m in members]))
    np.testing.assert_allclose(model.predict_proba(bags), proba, rtol=0, atol=1e-12)
    assert set(model.shares_) == {"audio", "text"}
    assert model.get_params() == {"seed": 2, "folds": 3, "decide": "balanced"}
    assert np.array_equal(clone(model).fit(bags, y, groups=groups).predict_proba(bags), model.predict_proba(bags))


def test_one_linear_model_in_a_stack_is_itself(corpus):
    bags, y, groups = corpus
    alone = ConcatLR(seed=1).fit(bags, y, groups=groups)
    stacked = Stack({"concat": ConcatLR()}, seed=1).fit(bags, y, groups=groups)
    for data in (bags, bags.without("audio"), bags.without("text"), bags[:0]):
        np.testing.assert_allclose(stacked.predict_proba(data), alone.predict_proba(data), rtol=0, atol=1e-12)


def test_a_class_that_a_fold_lacks():
    """One document of the third class: where it is tested, nobody knew of that class."""
    x, y, _ = rows(60, 2)
    y[7] = "z"
    model = Stack(HALVES).fit(x, y)
    assert model.classes_.tolist() == ["x", "y", "z"]
    assert np.isfinite(model.predict_proba(x)).all()
    assert np.isfinite(model.mixture_.weights).all()


@pytest.mark.parametrize("decide", ["balanced", "probable", {"x": 1, "y": 2, "z": 9}])
def test_decisions_are_those_of_the_name(decide):
    x, y, _ = rows(120, signal=0.5)
    keep = np.flatnonzero((y != "z") | (np.arange(120) % 4 == 0))
    model = Stack(HALVES, decide=decide).fit(x[keep], y[keep])
    prior = np.array([(y[keep] == name).mean() for name in "xyz"])
    np.testing.assert_allclose(model.prior_, prior)
    costs = {"balanced": 1 / prior, "probable": np.ones(3)}.get(decide if isinstance(decide, str) else "")
    costs = np.array([1, 2, 9]) if costs is None else costs
    proba = model.predict_proba(x)
    assert model.predict(x).tolist() == np.array(["x", "y", "z"])[(proba * costs).argmax(axis=1)].tolist()


def test_wrong_input(corpus):
    x, y, groups = rows()
    with pytest.raises(InputError, match="one for each of 90 documents, found 89"):
        Stack(HALVES).fit(x, [None, *y[1:]])
    with pytest.raises(InputError, match="at least two classes"):
        Stack(HALVES).fit(x, ["a"] * 90)
    with pytest.raises(InputError, match="for each of 90 documents, found 91"):
        Stack(HALVES).fit(x, [*y, "a"])
    with pytest.raises(UsageError, match="groups: expected one for each of 90"):
        Stack(HALVES).fit(x, y, groups=groups[1:])
    with pytest.raises(UsageError, match="inner folds"):
        Stack(HALVES).fit(x, y, groups=["one"] * 90)
    with pytest.raises(UsageError, match="decide: expected balanced"):
        Stack(HALVES, decide="best").fit(x, y)
    with pytest.raises(InputError, match=r"hilbert\.Bags.*ndarray"):
        LateStack().fit(x, y)
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(Stack(HALVES), method)(x)


def test_members_are_left_as_they_were():
    x, y, _ = rows()
    members = {"left": Half(0, 3), "right": Half(3, 6)}
    model = Stack(members).fit(x, y)
    assert is_classifier(model)
    assert not any(hasattr(member, "classes_") for member in members.values())
    assert clone(model).get_params()["members"].keys() == members.keys()


# --- the linear models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "modalities"), [(AudioLR, ["audio"]), (TextLR, ["text"]), (ConcatLR, ["audio", "text"])]
)
@pytest.mark.parametrize("classes", [2, 3])
def test_linear_models_are_calibrated_regressions_on_pooled_features(make_bags, kind, modalities, classes):
    bags, y, groups = make_bags(40, groups=20, nan=True, classes=classes)
    model, targets = kind(seed=3).fit(bags, y, groups=groups), Targets.of(y, groups, 40, 3, 3)

    def pooled(data):
        return [pool(getattr(data, modality)) for modality in modalities]

    expected = PooledLogistic.fit(pooled(bags), targets.numbers, classes, targets.folds)
    calibration = Mixture.fit([expected.out_of_fold], targets.numbers)
    new, _, _ = make_bags(20, seed=7)
    for data in (bags, new, new.without("audio"), new.without("text"), new[:1], new[:0]):
        proba = model.predict_proba(data)
        np.testing.assert_allclose(proba, softmax(calibration([expected(pooled(data))])), rtol=0, atol=1e-12)
        assert proba.shape == (len(data), classes)
        logits = model.decision_function(data)
        assert logits.shape == ((len(data),) if classes == 2 else (len(data), 3))
    assert np.array_equal(model.out_of_fold_, expected.out_of_fold)
    assert np.array_equal(clone(model).fit(bags, y, groups=groups).predict_proba(new), model.predict_proba(new))


@pytest.mark.parametrize(("kind", "other"), [(AudioLR, "text"), (TextLR, "audio")])
def test_one_modality_alone_is_read(corpus, kind, other):
    bags, y, groups = corpus
    model = kind().fit(bags, y, groups=groups)
    without: Bags = bags.without(other)
    assert np.array_equal(model.predict_proba(without), model.predict_proba(bags))
    assert np.array_equal(kind().fit(without, y, groups=groups).predict_proba(bags), model.predict_proba(bags))
