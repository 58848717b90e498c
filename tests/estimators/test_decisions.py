"""Decisions: by expected cost, whatever the unit of the costs, and never for a class that nobody had."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilbert.errors import UsageError
from hilbert.estimators.base import DECIDE, class_costs, decide_classes
from hilbert.metrics import balanced_accuracy

CLASSES = np.array(["a", "b", "c"])
PRIOR = np.array([0.7, 0.2, 0.1])

shares = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(lambda n: np.array(n) / sum(n))
units = st.floats(1e-6, 1e6)


def probabilities(docs=60, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(3), docs)


@given(shares, st.integers(0, 99))
def test_balanced_finds_classes_as_if_all_were_as_frequent(prior, seed):
    """Bayes: p(class | x) / p(class) is in proportion to p(x | class)."""
    proba = probabilities(seed=seed)
    found = decide_classes(proba, class_costs("balanced", CLASSES, prior))
    assert found.tolist() == (proba / prior).argmax(axis=1).tolist()
    likelihoods = proba / prior
    flat = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    assert found.tolist() == flat.argmax(axis=1).tolist()


def test_balanced_has_the_best_balanced_accuracy():
    """Of calibrated probabilities, and much better than the most probable class has where one class is rare."""
    rng = np.random.default_rng(0)
    target = rng.choice(3, 6000, p=PRIOR)
    x = rng.normal(size=(6000, 3)) + 1.5 * np.eye(3)[target]
    proba = PRIOR * np.exp(1.5 * x)
    proba /= proba.sum(axis=1, keepdims=True)
    scores = {
        name: balanced_accuracy(target, decide_classes(proba, class_costs(costs, CLASSES, PRIOR)))
        for name, costs in (
            ("balanced", "balanced"), ("probable", "probable"), ("half", {"a": 1.0, "b": 2.0, "c": 3.0}),
        )
    }  # fmt: skip
    assert scores["balanced"] > scores["half"] > scores["probable"] + 0.01
    assert scores["balanced"] > scores["probable"] + 0.05


@given(st.integers(0, 99))
def test_with_equal_shares_balanced_is_the_most_probable(seed):
    proba, prior = probabilities(seed=seed), np.full(3, 1 / 3)
    one, other = (decide_classes(proba, class_costs(name, CLASSES, prior)) for name in DECIDE)
    assert one.tolist() == other.tolist() == proba.argmax(axis=1).tolist()


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), units, st.integers(0, 99))
def test_the_unit_of_the_costs_does_not_matter(costs, unit, seed):
    proba = probabilities(seed=seed)
    one, other = (
        class_costs(dict(zip(CLASSES, np.array(costs) * factor, strict=True)), CLASSES, PRIOR) for factor in (1.0, unit)
    )
    np.testing.assert_allclose(one * unit, other)
    gap = np.sort(proba * one, axis=1)
    clear = gap[:, -1] > gap[:, -2] * (1 + 1e-9)
    assert (decide_classes(proba, one) == decide_classes(proba, other))[clear].all()


@given(st.floats(1.0, 100), st.integers(0, 99))
def test_a_class_that_costs_more_to_miss_is_said_more(factor, seed):
    proba = probabilities(seed=seed)
    before = decide_classes(proba, class_costs({"a": 1, "b": 1, "c": 1}, CLASSES, PRIOR)) == 1
    after = decide_classes(proba, class_costs({"a": 1, "b": factor, "c": 1}, CLASSES, PRIOR)) == 1
    assert (after | ~before).all()


@pytest.mark.parametrize("decide", ["balanced", "probable", {"a": 1, "b": 1, "c": 1e9}])
def test_a_class_that_no_training_document_had_is_never_said(decide):
    costs = class_costs(decide, CLASSES, np.array([0.5, 0.5, 0.0]))
    assert costs[2] == 0
    proba = np.array([[0.1, 0.05, 0.85], [0.0, 1e-9, 1.0]])
    assert decide_classes(proba, costs).tolist() == [0, 1]


@given(st.integers(0, 99), st.floats(0.01, 100))
def test_costs_of_classes_that_were_not_learnt_do_not_matter(seed, other):
    """A rare class may be missing from one training fold, and is then no class of the model."""
    proba, costs = probabilities(seed=seed), {"a": 1.0, "b": 5.0, "c": 2.0}
    expected = class_costs(costs, CLASSES, PRIOR)
    for more in ({"d": other} | costs, costs | {"0": other, 7: other}):
        found = class_costs(more, CLASSES, PRIOR)
        assert found.tolist() == expected.tolist() == [1.0, 5.0, 2.0]
        assert decide_classes(proba, found).tolist() == decide_classes(proba, expected).tolist()


def test_of_equals_the_first_is_said():
    assert decide_classes(np.array([[0.4, 0.4, 0.2], [0.0, 0.5, 0.5]]), np.ones(3)).tolist() == [0, 1]
    assert decide_classes(np.zeros((0, 3)), np.ones(3)).tolist() == []


@pytest.mark.parametrize("labels", [[0, 1, 2], [True, False, None], [1.5, 2.0, -1.0], CLASSES])
def test_classes_of_any_kind_are_named_by_themselves_or_as_text(labels):
    costs = dict(zip(labels, (1.0, 2.0, 3.0), strict=True))
    for named in (costs, {str(name): cost for name, cost in costs.items()}):
        assert class_costs(named, np.array(labels, dtype=object), PRIOR).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "decide",
    [
        {"a": 1, "b": 1},
        {"a": 1, "b": 1, "d": 1},
        {"a": 1, "b": 1, "c": 1, "d": 0},
        {"a": 1, "b": 1, "c": 1, "d": "much"},
        {"a": 1, "b": 1, "C": 1},
        {"a": 1, "b": 1, "c": 0},
        {"a": 1, "b": 1, "c": -2},
        {"a": 1, "b": 1, "c": float("inf")},
        {"a": 1, "b": 1, "c": float("nan")},
        {"a": 1, "b": 1, "c": "much"},
        {"a": 1, "b": 1, "c": None},
        {},
    ],
)
def test_costs_that_are_none(decide):
    with pytest.raises(UsageError, match=r"decide: expected a cost above 0 for each of a, b, c, found \{"):
        class_costs(decide, CLASSES, PRIOR)


@pytest.mark.parametrize("decide", ["best", "", None, 1.0, ["balanced"]])
def test_decisions_of_no_name(decide):
    with pytest.raises(UsageError, match="decide: expected balanced, probable or a cost for each class, found"):
        class_costs(decide, CLASSES, PRIOR)
