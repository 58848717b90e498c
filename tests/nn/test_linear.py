"""The linear core: scikit-learn's numbers, chosen on inner folds only."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from hilbert.metrics import within_fold_auc
from hilbert.nn import linear
from hilbert.nn.linear import LinearCore, LogisticMap, softmax
from hilbert.nn.pooled import PooledBlocks
from hilbert.splits import encode_labels, inner_folds


@pytest.fixture
def theirs(monkeypatch):
    """The scikit-learn models that are fitted underneath."""
    fitted, fit = [], LogisticRegression.fit

    def remembered(self, *args, **options):
        fitted.append(self)
        return fit(self, *args, **options)

    monkeypatch.setattr(LogisticRegression, "fit", remembered)
    return fitted


def exact(x, y, strength):
    """The optimum itself, from another solver, whatever the settings underneath."""
    return LogisticRegression(C=strength, class_weight="balanced", solver="lbfgs", max_iter=20000, tol=1e-9).fit(x, y)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_probabilities_are_those_of_scikit_learn(theirs, classes, strength):
    rng = np.random.default_rng(classes)
    x, y = rng.normal(size=(60, 5)), rng.choice(classes, 60, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    ours = LogisticMap.fit(x, y, classes, strength)
    assert ours.converged
    np.testing.assert_allclose(softmax(ours(x)), theirs[0].predict_proba(x), rtol=0, atol=1e-10)
    np.testing.assert_allclose(softmax(ours(x)), exact(x, y, strength).predict_proba(x), rtol=0, atol=1e-4)


def test_a_chosen_fit_that_did_not_converge_says_so(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.choice(3, 60)
    assert np.array_equal(LogisticMap.final(x, y, 3, 1.0).weights, LogisticMap.fit(x, y, 3, 1.0).weights)
    monkeypatch.setattr(linear, "MAX_STEPS", 1)
    assert not LogisticMap.fit(x, y, 3, 1.0).converged  # silently: one of many that a choice is made of
    with pytest.warns(ConvergenceWarning, match="C = 1 stopped after 1 steps"):
        LogisticMap.final(x, y, 3, 1.0)


@pytest.mark.parametrize("present", [[0, 2, 3], [0, 3]])
def test_a_class_without_documents_gets_probability_zero(theirs, present):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.choice(present, 30)
    proba = softmax(LogisticMap.fit(x, y, 5, 1.0)(x))
    assert (proba[:, [c for c in range(5) if c not in present]] == 0).all()
    np.testing.assert_allclose(proba.sum(1), 1)
    np.testing.assert_allclose(proba[:, present], theirs[0].predict_proba(x), rtol=0, atol=1e-10)


def test_one_class_alone_is_certain():
    x = np.random.default_rng(0).normal(size=(30, 4))
    assert softmax(LogisticMap.fit(x, np.full(30, 1), 3, 1.0)(x)).tolist() == [[0, 1, 0]] * 30


@pytest.fixture(scope="module")
def fitted(make_bags):
    bags, labels, groups = make_bags(48, groups=20)
    target = encode_labels(labels)[1]
    folds = inner_folds(target, groups, 3, 0)
    return bags, target, folds, LinearCore().fit(bags, target, 3, folds)


def test_out_of_fold_logits_come_from_the_other_folds(fitted):
    bags, target, folds, core = fitted
    assert core.out_of_fold.shape == (48, 3)
    assert np.isfinite(core.out_of_fold).all()
    for number, (train, test) in enumerate(folds):
        assert (core.fold_of[test] == number).all()
        blocks = PooledBlocks.fit(bags[train], components=core.chosen["components"])
        model = LogisticMap.fit(np.hstack(blocks(bags[train])), target[train], 3, core.chosen["C"])
        np.testing.assert_allclose(core.out_of_fold[test], model(np.hstack(blocks(bags[test]))), rtol=0, atol=1e-9)
    assert core.score == within_fold_auc(target, softmax(core.out_of_fold), core.fold_of, np.arange(3))


def test_test_documents_of_a_fold_do_not_shape_what_tests_them(fitted):
    bags, target, folds, core = fitted
    test = folds[0][1]
    changed = target.copy()
    changed[test] = changed[test][::-1]
    again = LinearCore(components=(core.chosen["components"],), strengths=(core.chosen["C"],))
    again.fit(bags, changed, 3, folds)
    np.testing.assert_allclose(again.out_of_fold[test], core.out_of_fold[test], rtol=0, atol=1e-9)


def test_chosen_strength_is_the_best_of_the_grid(fitted):
    bags, target, folds, core = fitted
    scores = {c: LinearCore(strengths=(c,)).fit(bags, target, 3, folds).score for c in linear.STRENGTHS}
    assert core.score == max(scores.values())
    assert core.chosen["C"] == min(c for c, s in scores.items() if s == core.score)


def test_a_class_that_an_inner_fold_lacks(make_bags):
    bags, labels, _ = make_bags(40)
    target = np.where(np.arange(40) == 5, 2, encode_labels(labels)[1] % 2)  # one document of the third class
    folds = inner_folds(target, None, 3, 0)
    core = LinearCore().fit(bags, target, 3, folds)
    alone = core.fold_of == core.fold_of[5]
    assert (core.out_of_fold[alone][:, 2] == -np.inf).all()
    assert np.isfinite(core.out_of_fold[~alone]).all()
    assert np.isfinite(softmax(core.out_of_fold)).all()
    assert np.isfinite(core.logits(bags)).all()


def test_arrays_rebuild_it(fitted):
    bags, _, _, core = fitted
    again = LinearCore.from_arrays(core.arrays(), ("audio", "text"))
    assert np.array_equal(again.logits(bags), core.logits(bags))


def test_documents_are_judged_one_by_one(fitted):
    bags, _, _, core = fitted
    alone = np.concatenate([core.logits(bags[row]) for row in range(len(bags))])
    np.testing.assert_allclose(alone, core.logits(bags), rtol=0, atol=1e-10)
    assert core.logits(bags[:0]).shape == (0, 3)


def test_softmax_takes_minus_infinity_and_large_numbers():
    np.testing.assert_allclose(softmax(np.array([[-np.inf, 0.0, 0.0], [1e4, 0, -1e4]])), [[0, 0.5, 0.5], [1, 0, 0]])
