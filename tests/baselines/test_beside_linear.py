"""A method beside a linear model: added where it is clearly better; and the standard error that says so."""

import numpy as np
import pytest

from hilbert.baselines.beside_linear import SHARES, Judged, auc_influence, blend, choose_share
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import softmax


def tables(docs=150, seed=0, linear=1.0, method=1.0):
    rng = np.random.default_rng(seed)
    target, folds = np.arange(docs) % 3, rng.integers(0, 3, docs)
    one = linear * np.eye(3)[target] + rng.normal(size=(docs, 3))
    two = method * np.eye(3)[target] + rng.normal(size=(docs, 3))
    return Judged(target, folds, np.arange(docs)), one, two


def test_the_blend_goes_from_the_linear_to_the_method():
    _, linear, method = tables()
    linear[:5, 1] = -np.inf
    method[3:9, 1] = -np.inf
    assert blend(linear, method, 0.0) is linear
    assert blend(linear, method, 1.0) is method
    between = blend(linear, method, 0.25)
    np.testing.assert_allclose(between[9:], 0.75 * linear[9:] + 0.25 * method[9:])
    assert (between[:9, 1] == -np.inf).all()
    assert not np.isnan(between).any()


def test_a_method_that_knows_more_is_added():
    share, found = choose_share(*tables(linear=0.3, method=3.0), SHARES)
    assert share >= 0.75
    assert found.gain > 3 * found.standard_error > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_method_of_noise_is_not(seed):
    judged, linear, method = tables(seed=seed, linear=1.5, method=0.0)
    share, found = choose_share(judged, linear, method, SHARES)
    assert share == 0
    assert found.gain < found.standard_error
    assert found.start == within_fold_auc(judged.target, softmax(linear), judged.folds, np.arange(3))


def test_a_gain_within_its_error_is_no_gain():
    found = [choose_share(*tables(seed=seed, linear=1.0, method=0.1), SHARES) for seed in range(20)]
    small = [(share, r) for share, r in found if 0 < r.gain <= r.standard_error]
    assert len(small) > 3
    assert {share for share, _ in small} == {0.0}


def test_of_equal_slinears_the_first_is_taken():
    judged, linear, _ = tables()
    assert choose_share(judged, linear, linear, SHARES)[0] == 0.0


def test_classes_a_fold_lacks_do_not_spoil_it():
    judged, linear, method = tables()
    linear[judged.folds == 0, 2] = -np.inf
    for also in (False, True):  # a method that ends in logistic regression lacks them, too
        method[judged.folds == 0, 2] = -np.inf if also else method[judged.folds == 0, 2]
        share, found = choose_share(judged, linear, method, SHARES)
        assert share in (0.0, *SHARES)
        assert np.isfinite(found).all()


def test_folds_of_one_class_each_leave_the_linear_alone():
    judged, linear, method = tables()
    share, found = choose_share(judged._replace(folds=judged.target), linear, method, SHARES)
    assert share == 0.0
    assert np.isnan(found.gain)


def test_error_of_one_fold_and_two_classes_is_that_of_delong():
    rng = np.random.default_rng(0)
    target = (np.arange(80) % 4 == 0).astype(int)
    slinears = rng.normal(size=80) + target
    positive, negative = slinears[target == 1], slinears[target == 0]
    kernel = (positive[:, None] > negative[None]).astype(float)
    delong = kernel.mean(1).var() / len(positive) + kernel.mean(0).var() / len(negative)
    influence = auc_influence(target, np.stack([-slinears, slinears], 1), np.zeros(80, int))
    assert influence.sum() == pytest.approx(0, abs=1e-12)
    assert (influence**2).sum() == pytest.approx(delong, rel=1e-9)


def test_error_agrees_with_resampling_whole_groups():
    (target, folds, _), linear, _ = tables(docs=180)
    groups = np.arange(180) // 3
    folds = (np.arange(180) // 3) % 3  # a group lies in one fold
    target = np.random.default_rng(1).permutation(target)
    error = np.sqrt((np.bincount(groups, auc_influence(target, linear, folds)) ** 2).sum())
    rng = np.random.default_rng(0)
    values = []
    for _ in range(300):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(0, 60, 60)])
        values.append(within_fold_auc(target[rows], linear[rows], folds[rows], np.arange(3)))
    assert error == pytest.approx(np.std(values), rel=0.2)
