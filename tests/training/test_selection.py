"""α: 0 unless the network adds more than one standard error; and that error."""

import numpy as np
import pytest

from hilbert.metrics import within_fold_auc
from hilbert.model.linear import softmax
from hilbert.training.selection import auc_influence, blend, choose_alpha

ALPHAS = (0.0, 0.25, 0.5, 1.0)


def tables(docs=150, seed=0, core=1.0, network=1.0):
    rng = np.random.default_rng(seed)
    target, folds = np.arange(docs) % 3, rng.integers(0, 3, docs)
    one = core * np.eye(3)[target] + rng.normal(size=(docs, 3))
    two = network * np.eye(3)[target] + rng.normal(size=(docs, 3))
    return target, folds, np.arange(docs), one, two


def test_the_blend_goes_from_the_core_to_the_network():
    _, _, _, core, network = tables()
    core[:5, 1] = -np.inf
    network[3:9, 1] = -np.inf
    assert blend(core, network, 0.0) is core
    assert blend(core, network, 1.0) is network
    between = blend(core, network, 0.25)
    np.testing.assert_allclose(between[9:], 0.75 * core[9:] + 0.25 * network[9:])
    assert (between[:9, 1] == -np.inf).all()
    assert not np.isnan(between).any()


def test_a_network_that_knows_more_is_added():
    alpha, record = choose_alpha(*tables(core=0.3, network=3.0), ALPHAS)
    assert alpha == record["best_alpha"] == 1.0
    assert record["gain"] > 3 * record["standard_error"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_network_of_noise_is_not(seed):
    target, folds, groups, core, network = tables(seed=seed, core=1.5, network=0.0)
    alpha, record = choose_alpha(target, folds, groups, core, network, ALPHAS)
    assert alpha == 0
    assert record["gain"] >= 0  # the best α is at least as good as 0
    assert record["core_auc"] == within_fold_auc(target, softmax(core), folds, np.arange(3))


def test_a_gain_within_its_error_is_no_gain():
    found = [choose_alpha(*tables(seed=seed, core=1.0, network=0.1), ALPHAS) for seed in range(20)]
    small = [(alpha, r) for alpha, r in found if 0 < r["gain"] <= r["standard_error"]]
    assert len(small) > 3
    assert {alpha for alpha, _ in small} == {0.0}


def test_only_zero_to_choose_from():
    alpha, record = choose_alpha(*tables(network=5.0), (0.0,))
    assert (alpha, record["gain"], record["standard_error"]) == (0.0, 0.0, 0.0)


def test_equal_scores_take_the_smallest():
    target, folds, groups, core, _ = tables()
    alpha, record = choose_alpha(target, folds, groups, core, np.zeros_like(core), ALPHAS)
    assert alpha == record["best_alpha"] == 0.0


def test_classes_a_fold_lacks_do_not_spoil_it():
    target, folds, groups, core, network = tables()
    core[folds == 0, 2] = -np.inf
    for also in (False, True):  # a network that ends in logistic regression lacks them, too
        network[folds == 0, 2] = -np.inf if also else network[folds == 0, 2]
        alpha, record = choose_alpha(target, folds, groups, core, network, ALPHAS)
        assert alpha in ALPHAS
        assert np.isfinite(list(record.values())).all()


def test_folds_of_one_class_each_leave_the_core_alone():
    target, _, groups, core, network = tables()
    alpha, record = choose_alpha(target, target, groups, core, network, ALPHAS)
    assert alpha == 0.0
    assert np.isnan(record["gain"])


def test_error_of_one_fold_and_two_classes_is_that_of_delong():
    rng = np.random.default_rng(0)
    target = (np.arange(80) % 4 == 0).astype(int)
    scores = rng.normal(size=80) + target
    positive, negative = scores[target == 1], scores[target == 0]
    kernel = (positive[:, None] > negative[None]).astype(float)
    delong = kernel.mean(1).var() / len(positive) + kernel.mean(0).var() / len(negative)
    influence = auc_influence(target, np.stack([-scores, scores], 1), np.zeros(80, int))
    assert influence.sum() == pytest.approx(0, abs=1e-12)
    assert (influence**2).sum() == pytest.approx(delong, rel=1e-9)


def test_error_agrees_with_resampling_whole_groups():
    target, folds, _, core, _ = tables(docs=180)
    groups = np.arange(180) // 3
    folds = (np.arange(180) // 3) % 3  # a group lies in one fold
    target = np.random.default_rng(1).permutation(target)
    error = np.sqrt((np.bincount(groups, auc_influence(target, core, folds)) ** 2).sum())
    rng = np.random.default_rng(0)
    values = []
    for _ in range(300):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(0, 60, 60)])
        values.append(within_fold_auc(target[rows], core[rows], folds[rows], np.arange(3)))
    assert error == pytest.approx(np.std(values), rel=0.2)
