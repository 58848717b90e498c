"""The mixture: what its optimum is, what must not move it, and known cases."""

import json

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from hilbert.estimators.mixture import FAR, LEAST, RIDGE_OFFSETS, RIDGE_TOTAL, RIDGE_WEIGHTS, Mixture
from hilbert.nn.linear import softmax

BOUND = 1e-3  # of weights and offsets, by which L-BFGS may miss the optimum


def tables(docs=300, signals=(1.0, 1.0), classes=3, seed=0):
    """Class numbers, and logits of models of which each knows so much: a weight on the class, and noise."""
    rng = np.random.default_rng(seed)
    target = rng.permutation(np.arange(docs) % classes)
    return [s * np.eye(classes)[target] + rng.normal(size=(docs, classes)) for s in signals], target


def drawn(logits, seed=0):
    """Labels that are drawn by these logits, so that they are calibrated."""
    cumulative = softmax(logits).cumsum(axis=1)[:, :-1]
    return (np.random.default_rng(seed).random(len(logits))[:, None] > cumulative).sum(axis=1)


def penalised(mixture, logits, target):
    """What ``fit`` minimises, written down again: the log-likelihood in nats and all ridges."""
    classes = logits[0].shape[1]
    p = softmax(mixture(logits))[np.arange(len(target)), target]
    shares = (np.bincount(target, minlength=classes) + 0.5) / (len(target) + 0.5 * classes)
    away, moved = mixture.weights - mixture.weights.mean(), mixture.offsets - np.log(shares)
    ridge = RIDGE_WEIGHTS * away @ away + RIDGE_OFFSETS * moved @ moved + RIDGE_TOTAL * mixture.weights.sum() ** 2
    return -np.log(p).sum() + 0.5 * ridge


def near(one, other, tolerance=BOUND):
    np.testing.assert_allclose(one.weights, other.weights, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(one.offsets, other.offsets, rtol=tolerance, atol=tolerance)


def confused(docs, signals, classes, seed):
    """One document of each class has another's label, so that no weights are best that have no end."""
    logits, target = tables(docs, signals, classes, seed)
    first = [int(np.flatnonzero(target == c)[0]) for c in range(classes)]
    target[first] = np.roll(target[first], 1)
    return logits, target


problems = st.builds(
    confused,
    docs=st.integers(20, 80),
    signals=st.lists(st.floats(-1, 2), min_size=1, max_size=4),
    classes=st.integers(2, 4),
    seed=st.integers(0, 99),
)


# --- the optimum ---------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(problems, st.integers(0, 99))
def test_nothing_near_or_far_is_better_than_what_is_found(problem, seed):
    """The objective is convex, so that no other weights that are allowed and no other offsets may be."""
    logits, target = problem
    found = Mixture.fit(logits, target)
    assert (found.weights >= LEAST).all()
    assert found.shares.sum() == pytest.approx(1)
    best, rng = penalised(found, logits, target), np.random.default_rng(seed)
    for size in (1e-2, 0.1, 1.0):
        for _ in range(5):
            weights = np.maximum(found.weights + size * rng.normal(size=len(logits)), LEAST)
            other = Mixture(found.scales, weights, found.offsets + size * rng.normal(size=len(found.offsets)))
            assert penalised(other, logits, target) >= best - 1e-4


@settings(max_examples=25)
@given(problems, st.integers(0, 99))
def test_the_slope_is_that_of_the_loss(problem, seed):
    logits, target = problem
    logits[0][:: max(2, len(target) // 3), (target[0] + 1) % logits[0].shape[1]] = -np.inf
    seen, minimize = [], scipy.optimize.minimize

    def remembered(loss, start, **options):
        seen.append((loss, len(start)))
        return minimize(loss, start, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scipy.optimize, "minimize", remembered)
        Mixture.fit(logits, target)
    ((loss, size),) = seen
    at = np.random.default_rng(seed).uniform(0, 2, size)
    slope, step = loss(at)[1], 1e-5
    numeric = [(loss(at + step * e)[0] - loss(at - step * e)[0]) / (2 * step) for e in np.eye(size)]
    np.testing.assert_allclose(slope, numeric, rtol=1e-4, atol=1e-4)


# --- what must not move it -----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(problems, st.floats(1e-4, 1e4), st.integers(0, 99))
def test_units_and_what_is_added_to_a_document_do_not_matter(problem, factor, seed):
    """A model that states its logits in another unit, or adds a number to all classes of a document, says the same."""
    logits, target = problem
    other = [logits[0] * factor + np.random.default_rng(seed).normal(size=(len(target), 1)), *logits[1:]]
    one, two = Mixture.fit(logits, target), Mixture.fit(other, target)
    near(one, two)
    np.testing.assert_allclose(one.shares, two.shares, rtol=0, atol=BOUND)
    np.testing.assert_allclose(softmax(one(logits)), softmax(two(other)), rtol=0, atol=BOUND)


@settings(max_examples=25)
@given(problems, st.integers(0, 99))
def test_the_order_of_documents_models_and_classes_does_not_matter(problem, seed):
    logits, target = problem
    rng = np.random.default_rng(seed)
    rows, models, classes = (rng.permutation(n) for n in (len(target), len(logits), logits[0].shape[1]))
    moved = [logits[m][rows][:, classes] for m in models]
    one, two = Mixture.fit(logits, target), Mixture.fit(moved, np.argsort(classes)[target[rows]])
    near(Mixture(one.scales[models], one.weights[models], one.offsets[classes]), two)


@pytest.mark.parametrize("size", [1e2, 1e6, 1e12])
def test_one_extreme_document_does_not_decide(size):
    """It is wrong, and sure of it to any degree: its model keeps its weight, and others what is said of them."""
    logits, target = tables(signals=(2.0, 1.0))
    before = Mixture.fit(logits, target)
    logits[0][0] = -size * np.eye(3)[target[0]]
    after = Mixture.fit(logits, target)
    assert after.weights[0] > 0.7 * before.weights[0]
    assert after.shares[0] > 0.9 * before.shares[0]
    assert np.isfinite(after(logits)).all()
    assert np.abs(after([x[:1] for x in logits])).max() < FAR * after.weights.sum() + np.abs(after.offsets).max() + 1e-9
    np.testing.assert_allclose(
        softmax(after([x[1:] for x in logits])), softmax(before([x[1:] for x in logits])), atol=0.1
    )


# --- known cases ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0), (1.5, 0.0)])
def test_the_weights_by_which_labels_were_drawn_are_found(weights):
    rng = np.random.default_rng(0)
    logits, offsets = [rng.normal(size=(20000, 3)) for _ in weights], np.array([0.8, 0.0, -0.8])
    found = Mixture.fit(logits, drawn(sum(w * x for w, x in zip(weights, logits, strict=True)) + offsets))
    np.testing.assert_allclose(found.weights / found.scales, weights, rtol=0, atol=0.06)
    np.testing.assert_allclose(found.offsets - found.offsets.mean(), offsets, rtol=0, atol=0.06)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_a_model_that_is_too_sure_or_too_shy_is_put_right(temperature):
    """The temperature is known: logits × τ are calibrated. They are found again, also by documents of their own."""
    logits = 1.5 * np.random.default_rng(3).normal(size=(8000, 3))
    target, stated = drawn(logits), logits / temperature
    found = Mixture.fit([stated[:4000]], target[:4000])
    np.testing.assert_allclose(softmax(found([stated])), softmax(logits), rtol=0, atol=0.06)

    def per_document(values):
        return -np.log(softmax(values)[np.arange(4000), target[4000:]]).mean()

    raw, calibrated, best = (per_document(x[4000:]) for x in (stated, found([stated]), logits))
    assert abs(calibrated - best) < 5e-3
    assert temperature == 1.0 or calibrated < raw - 0.05


@settings(max_examples=30)
@given(st.integers(2, 4), st.integers(20, 300), st.floats(0.1, 3), st.integers(0, 99))
def test_calibration_on_its_own_documents_never_costs_more_than_its_ridge(classes, docs, size, seed):
    """Raw logits are one of the mixtures to choose from, at offsets of 0 and the weight of their spread."""
    logits = size * np.random.default_rng(seed).uniform(-1, 1, (docs, classes))  # all within ±5 spreads
    target = drawn(logits, seed)
    found = Mixture.fit([logits], target)
    shares = (np.bincount(target, minlength=classes) + 0.5) / (docs + 0.5 * classes)
    raw, calibrated = (-np.log(softmax(x)[np.arange(docs), target]).sum() for x in (logits, found([logits])))
    ridge = RIDGE_OFFSETS * (np.log(shares) ** 2).sum() + RIDGE_TOTAL * found.scales[0] ** 2
    assert calibrated <= raw + 0.5 * ridge + 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_noise_gets_little_and_a_model_that_is_wrong_next_to_nothing(seed):
    logits, target = tables(400, (2.0, 0.0, -2.0), seed=seed)
    found = Mixture.fit(logits, target)
    assert found.shares[0] > 0.8
    assert found.shares[1] < 0.15
    assert found.weights[2] == LEAST
    assert Mixture.fit(logits[2:], target).weights.tolist() == [LEAST]
    np.testing.assert_allclose(  # which then says the shares of the classes
        softmax(Mixture.fit(logits[2:], target)(logits[2:]))[0], np.bincount(target) / 400, atol=0.01
    )


@settings(max_examples=20)
@given(problems, st.integers(2, 4))
def test_a_model_that_is_there_several_times_shares_what_it_gets(problem, times):
    logits, target = problem
    found = Mixture.fit([logits[0]] * times, target)
    np.testing.assert_allclose(found.shares, 1 / times, atol=BOUND)
    alone = Mixture.fit(logits[:1], target)
    np.testing.assert_allclose(found.weights.sum(), alone.weights[0], rtol=1e-3, atol=times * BOUND)
    np.testing.assert_allclose(found.offsets, alone.offsets, rtol=0, atol=BOUND)


@settings(max_examples=40)
@given(problems)
def test_one_model_alone_never_loses_its_ranking(problem):
    """Not even where it is worse than nothing on the documents that it is fitted on: it may have been bad luck."""
    logits, target = problem
    found = Mixture.fit(logits[:1], target)
    assert found.weights[0] >= LEAST
    centred = logits[0] - logits[0].mean(axis=1, keepdims=True)
    inside = np.abs(centred / found.scales[0]).max(axis=1) < FAR
    mixed = found(logits[:1])
    for c in range(mixed.shape[1]):
        order = np.argsort(centred[inside, c], kind="stable")
        assert (np.diff(mixed[inside, c][order]) >= 0).all()
        assert len(np.unique(mixed[inside, c])) == len(np.unique(centred[inside, c]))


def test_few_labels_that_a_model_tells_apart_do_not_give_it_a_weight_without_end():
    logits, target = tables(12, (60.0,))
    assert 1 < Mixture.fit(logits, target).weights[0] < 10


def test_few_documents_give_near_equal_weights():
    few, many = (Mixture.fit(*tables(docs, (2.0, 0.0))).shares[0] for docs in (9, 900))
    assert 0.5 < few < 0.75 < many


def test_shares_of_models_without_any_weight_are_equal():
    assert Mixture(np.ones(2), np.zeros(2), np.zeros(3)).shares.tolist() == [0.5, 0.5]


# --- what is not known ---------------------------------------------------------------------------------------


def test_documents_that_no_fold_tested_or_whose_class_a_fold_lacked_are_left_out():
    logits, target = tables()
    rows = np.arange(300)
    expected = Mixture.fit([x[40:] for x in logits], target[40:])
    logits[0][:20] = np.nan
    logits[1][rows[20:40], target[20:40]] = -np.inf
    found = Mixture.fit(logits, target)
    assert np.array_equal(found.weights, expected.weights)
    assert np.array_equal(found.offsets, expected.offsets)


def test_a_class_that_one_model_did_not_know_gets_nothing_from_any():
    logits, target = tables(signals=(2.0, -2.0))
    lost = np.flatnonzero(target != 2)[:30]
    logits[1][lost, 2] = -np.inf
    found = Mixture.fit(logits, target)
    assert found.weights[1] == LEAST  # whose −∞ counts all the same
    mixed = found(logits)
    assert (mixed[lost, 2] == -np.inf).all()
    assert np.isfinite(np.delete(mixed, 2, axis=1)).all()
    assert np.isfinite(mixed).sum() == mixed.size - len(lost)
    assert np.isfinite(softmax(mixed)).all()
    # what is left of a model that knows two classes is centred over these two
    two = Mixture(np.ones(1), np.ones(1), np.zeros(3))([np.array([[5.0, 3.0, -np.inf]])])
    assert two.tolist() == [[1.0, -1.0, -np.inf]]


def test_models_that_say_nothing_and_no_documents():
    target = np.arange(12) % 3
    found = Mixture.fit([np.zeros((12, 3)), np.full((12, 3), 7.0)], target)
    np.testing.assert_allclose(softmax(found([np.zeros((1, 3))] * 2)), 1 / 3, atol=1e-6)
    assert found.scales.tolist() == [1, 1]
    nobody = Mixture.fit([np.zeros((0, 3))], target[:0])
    assert softmax(nobody([np.zeros((2, 3))])) == pytest.approx(1 / 3)
    assert found([np.zeros((0, 3))] * 2).shape == (0, 3)


# --- written -------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(problems)
def test_written_and_read_it_is_the_same(problem):
    logits, target = problem
    found = Mixture.fit(logits, target)
    again = Mixture.read(json.loads(json.dumps(found.written())), len(logits), logits[0].shape[1])
    assert np.array_equal(again(logits), found(logits))
    assert again.written() == found.written()


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": [1.0]},
        {"weights": [[1.0], [1.0]]},
        {"scales": [1.0, float("nan")]},
        {"offsets": [0.0] * 4},
        {"offsets": []},
    ],
)
def test_what_is_of_another_model_is_refused(changes):
    stored = Mixture(np.ones(2), np.ones(2), np.zeros(3)).written() | changes
    with pytest.raises(ValueError, match="expected 2 scales and weights, 3 offsets"):
        Mixture.read(stored, 2, 3)
    with pytest.raises(KeyError, match="scales"):
        Mixture.read({}, 2, 3)
