"""Logistic regression on pooled features and on vectors: scikit-learn's numbers, chosen on inner folds only."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from hilbert.metrics import within_fold_auc
from hilbert.nn import linear
from hilbert.nn.linear import LogisticMap, PooledLogistic, VectorLogistic, choose, softmax
from hilbert.nn.pooled import PooledBlocks, pool
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


# --- one fit -------------------------------------------------------------------------------------------------


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


def test_softmax_takes_minus_infinity_and_large_numbers():
    np.testing.assert_allclose(softmax(np.array([[-np.inf, 0.0, 0.0], [1e4, 0, -1e4]])), [[0, 0.5, 0.5], [1, 0, 0]])


# --- a choice on inner folds ---------------------------------------------------------------------------------


def test_of_equal_settings_the_first_is_chosen_and_untested_documents_are_unknown():
    target, tables = np.arange(12) % 2, np.random.default_rng(0).normal(size=(2, 12, 2))
    folds = [(np.arange(5, 12), np.arange(5)), (np.arange(5), np.arange(5, 10))]
    tables[1] = 3.0 * tables[0] + 1.0  # the same order
    found = choose(lambda train, test: tables[:, test], target, 2, folds)
    assert found.index == 0
    assert found.fold_of.tolist() == [0] * 5 + [1] * 5 + [-1] * 2
    assert np.array_equal(found.out_of_fold[:10], tables[0, :10])
    assert np.isnan(found.out_of_fold[10:]).all()
    assert found.score == within_fold_auc(target[:10], softmax(tables[0, :10]), found.fold_of[:10], np.arange(2))


@pytest.fixture(scope="module")
def data(make_bags):
    bags, labels, groups = make_bags(48, groups=20)
    target = encode_labels(labels)[1]
    return [pool(bags.audio), pool(bags.text)], target, inner_folds(target, groups, 3, 0)


@pytest.fixture(scope="module")
def fitted(data):
    pooled, target, folds = data
    return PooledLogistic.fit(pooled, target, 3, folds)


def test_out_of_fold_logits_come_from_the_other_folds(data, fitted):
    pooled, target, folds = data
    assert np.isfinite(fitted.out_of_fold).all()
    for train, test in folds:
        blocks = PooledBlocks.fit_pooled([x[train] for x in pooled], components=fitted.chosen["components"])
        rows, others = (np.hstack(blocks.transform_pooled([x[part] for x in pooled])) for part in (train, test))
        expected = LogisticMap.fit(rows, target[train], 3, fitted.chosen["C"])(others)
        np.testing.assert_allclose(fitted.out_of_fold[test], expected, rtol=0, atol=1e-9)


def test_test_documents_of_a_fold_do_not_shape_what_tests_them(data, fitted):
    pooled, target, folds = data
    test = folds[0][1]
    changed = target.copy()
    changed[test] = changed[test][::-1]
    only = {"components": (fitted.chosen["components"],), "strengths": (fitted.chosen["C"],)}
    again = PooledLogistic.fit(pooled, changed, 3, folds, **only)
    np.testing.assert_allclose(again.out_of_fold[test], fitted.out_of_fold[test], rtol=0, atol=1e-9)


def test_chosen_strength_is_the_smallest_of_the_best(data, fitted):
    pooled, target, folds = data
    fold_of = np.zeros(48)
    for number, (_, test) in enumerate(folds):
        fold_of[test] = number
    scores = {}
    for c in linear.STRENGTHS:
        alone = PooledLogistic.fit(pooled, target, 3, folds, strengths=(c,))
        scores[c] = within_fold_auc(target, softmax(alone.out_of_fold), fold_of, np.arange(3))
    assert fitted.chosen["C"] == min(c for c, s in scores.items() if s == max(scores.values()))


def test_a_class_that_an_inner_fold_lacks(data):
    pooled = data[0]
    target = np.where(np.arange(48) == 5, 2, data[1] % 2)  # one document of the third class
    folds = inner_folds(target, None, 3, 0)
    for model, x in ((PooledLogistic, pooled), (VectorLogistic, np.nan_to_num(np.hstack(pooled)))):
        found = model.fit(x, target, 3, folds, strengths=(1.0,))
        (alone,) = [test for _, test in folds if 5 in test]
        assert (found.out_of_fold[alone][:, 2] == -np.inf).all()
        assert np.isfinite(np.delete(found.out_of_fold, alone, axis=0)).all()
        assert np.isfinite(softmax(found.out_of_fold)).all()
        assert np.isfinite(found(x)).all()


def test_documents_are_judged_one_by_one(data, fitted):
    pooled = data[0]
    alone = np.concatenate([fitted([x[[row]] for x in pooled]) for row in range(48)])
    np.testing.assert_allclose(alone, fitted(pooled), rtol=0, atol=1e-10)
    assert fitted([x[:0] for x in pooled]).shape == (0, 3)


def test_distances_are_those_of_its_blocks(data, fitted):
    found = fitted.distances(data[0])
    assert len(found) == 2
    for distance, x in zip(found, data[0], strict=True):
        lacked = np.isnan(x).all(axis=1)
        assert lacked.any()
        assert np.array_equal(np.isnan(distance), lacked)
        assert np.mean(distance[~lacked] ** 2) == pytest.approx(1.0)


# --- on vectors ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(1)
    target = np.arange(60) % 3
    x = (rng.normal(size=(3, 7))[target] + rng.normal(size=(60, 7))) * np.geomspace(0.3, 3, 7) + 5.0
    return x, target, inner_folds(target, None, 3, 0)


def test_vectors_are_centred_and_divided_by_one_constant(vectors):
    x, target, folds = vectors
    found = VectorLogistic.fit(x, target, 3, folds)
    rows = x - x.mean(axis=0)
    rows /= np.sqrt((rows**2).sum(axis=1).mean())
    expected = exact(rows, target, found.strength).predict_proba(rows)
    np.testing.assert_allclose(softmax(found(x)), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("factor", "shift"), [(1e3, -40.0), (1e-3, 7.0)])
def test_scale_and_place_of_the_vectors_do_not_matter(vectors, factor, shift):
    x, target, folds = vectors
    one, other = VectorLogistic.fit(x, target, 3, folds), VectorLogistic.fit(factor * x + shift, target, 3, folds)
    assert one.strength == other.strength
    np.testing.assert_allclose(one.out_of_fold, other.out_of_fold, rtol=0, atol=1e-4)
    np.testing.assert_allclose(one(x), other(factor * x + shift), rtol=0, atol=1e-4)


def test_each_fold_may_bring_vectors_of_its_own(vectors):
    """As embeddings of a network that was trained on each fold's training documents, here turned by each fold."""
    x, target, folds = vectors
    turns = [np.linalg.qr(np.random.default_rng(seed).normal(size=(7, 7)))[0] for seed in range(3)]
    plain = VectorLogistic.fit(x, target, 3, folds)
    turned = VectorLogistic.fit(x, target, 3, folds, inner=[x @ turn for turn in turns])
    assert turned.strength == plain.strength
    np.testing.assert_allclose(turned.out_of_fold, plain.out_of_fold, rtol=0, atol=1e-3)
    assert np.array_equal(turned(x), plain(x))
    one = {"strengths": (1.0,)}
    plain, other = (VectorLogistic.fit(x, target, 3, folds, inner=[x, x, z], **one) for z in (x, x**2))
    for number, (_, test) in enumerate(folds):
        assert np.array_equal(other.out_of_fold[test], plain.out_of_fold[test]) == (number < 2)


@pytest.mark.parametrize("lost", [None, 1])
@pytest.mark.parametrize("inputs", [3, 7, 12])
def test_a_map_before_the_regression_goes_into_its_weights(vectors, inputs, lost):
    """Logits stay, also of documents that nothing was fitted on, and −∞ of a class without documents."""
    x, target, folds = vectors
    rng = np.random.default_rng(inputs)
    matrix, new = rng.normal(size=(inputs, 7)), 3 * rng.normal(size=(20, inputs)) + 1
    kept = np.flatnonzero(target != lost)
    found = VectorLogistic.fit(x, target, 3, folds, strengths=(1.0,))
    found = replace(found, map=LogisticMap.fit((x[kept] - found.centre) / found.power, target[kept], 3, 1.0))
    after = found.after(matrix)
    assert after.centre.shape == (inputs,)
    assert np.isneginf(after(new)).sum() == (0 if lost is None else 20)
    np.testing.assert_allclose(after(new), found(new @ matrix), rtol=0, atol=1e-9)
    assert after.strength == found.strength
    assert np.array_equal(after.out_of_fold, found.out_of_fold)
    again = VectorLogistic.from_arrays(after.arrays())
    assert np.array_equal(again(new), after(new))
    assert np.allclose(after.after(np.eye(inputs))(new), after(new), rtol=0, atol=1e-12)


def test_vectors_that_say_nothing_are_no_error():
    target = np.arange(30) % 2
    found = VectorLogistic.fit(np.ones((30, 4)), target, 2, inner_folds(target, None, 3, 0))
    assert np.isfinite(found.out_of_fold).all()
    np.testing.assert_allclose(softmax(found(np.ones((3, 4)))), 0.5)


def test_arrays_rebuild_either(data, fitted, vectors):
    x, target, folds = vectors
    for model, rows in ((fitted, data[0]), (VectorLogistic.fit(x, target, 3, folds), x)):
        arrays = model.arrays()
        assert all(array.dtype == np.float64 for array in arrays.values())
        again = type(model).from_arrays(arrays)
        assert np.array_equal(again(rows), model(rows))
        assert all(np.array_equal(array, arrays[name]) for name, array in again.arrays().items())
