"""Shares: kept unless another is clearly better; and the standard error that says so."""

import json

import numpy as np
import pytest

from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import softmax
from hilbert.training.selection import (
    SHARES,
    Comparison,
    Judged,
    auc_influence,
    blend,
    choose_alpha,
    choose_share,
    compare,
    read,
    written,
)


def tables(docs=150, seed=0, core=1.0, network=1.0):
    rng = np.random.default_rng(seed)
    target, folds = np.arange(docs) % 3, rng.integers(0, 3, docs)
    one = core * np.eye(3)[target] + rng.normal(size=(docs, 3))
    two = network * np.eye(3)[target] + rng.normal(size=(docs, 3))
    return Judged(target, folds, np.arange(docs)), one, two


def test_the_blend_goes_from_the_core_to_the_network():
    _, core, network = tables()
    core[:5, 1] = -np.inf
    network[3:9, 1] = -np.inf
    assert blend(core, network, 0.0) is core
    assert blend(core, network, 1.0) is network
    between = blend(core, network, 0.25)
    np.testing.assert_allclose(between[9:], 0.75 * core[9:] + 0.25 * network[9:])
    assert (between[:9, 1] == -np.inf).all()
    assert not np.isnan(between).any()


def test_a_network_that_knows_more_is_added():
    share, found = choose_share(*tables(core=0.3, network=3.0), SHARES)
    assert share >= 0.75
    assert found.gain > 3 * found.standard_error > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_network_of_noise_is_not(seed):
    judged, core, network = tables(seed=seed, core=1.5, network=0.0)
    share, found = choose_share(judged, core, network, SHARES)
    assert share == 0
    assert found.gain < found.standard_error
    assert found.start == within_fold_auc(judged.target, softmax(core), judged.folds, np.arange(3))


def test_a_gain_within_its_error_is_no_gain():
    found = [choose_share(*tables(seed=seed, core=1.0, network=0.1), SHARES) for seed in range(20)]
    small = [(share, r) for share, r in found if 0 < r.gain <= r.standard_error]
    assert len(small) > 3
    assert {share for share, _ in small} == {0.0}


def test_of_equal_scores_the_first_is_taken():
    judged, core, _ = tables()
    assert choose_share(judged, core, core, SHARES, evidence=0.0)[0] == 0.0
    assert choose_share(judged, core, core, (0.75, 0.25), start=0.5, evidence=-1.0)[0] == 0.5


def test_classes_a_fold_lacks_do_not_spoil_it():
    judged, core, network = tables()
    core[judged.folds == 0, 2] = -np.inf
    for also in (False, True):  # a network that ends in logistic regression lacks them, too
        network[judged.folds == 0, 2] = -np.inf if also else network[judged.folds == 0, 2]
        share, found = choose_share(judged, core, network, SHARES)
        assert share in (0.0, *SHARES)
        assert np.isfinite(found).all()


def test_folds_of_one_class_each_leave_the_core_alone():
    judged, core, network = tables()
    share, found = choose_share(judged._replace(folds=judged.target), core, network, SHARES)
    assert share == 0.0
    assert np.isnan(found.gain)


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
    (target, folds, _), core, _ = tables(docs=180)
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


def test_a_start_is_left_only_on_evidence():
    judged, core, network = tables(core=1.0, network=1.0)  # together they know more than either
    assert choose_share(judged, core, network, (0.5,))[0] == 0.5
    share, found = choose_share(judged, core, network, (0.5,), evidence=100.0)
    assert share == 0.0
    assert 0 < found.gain < 100 * found.standard_error
    assert choose_share(judged, core, network, (0.0, 1.0), start=0.5)[0] == 0.5


@pytest.mark.parametrize(
    ("core", "network", "expected"), [(1.0, 1.0, 0.75), (0.0, 3.0, 1.0), (3.0, 0.0, 0.0), (1.0, 1.1, 0.75)]
)
def test_one_alone_only_where_it_is_clearly_better(core, network, expected):
    judged, one, other = tables(core=core, network=network)
    alpha, found = choose_alpha(judged, one, other, 0.75, 2.0)
    assert alpha == expected
    assert found == compare(judged, one, other)
    assert choose_alpha(judged, one, other, 0.75, np.inf)[0] == 0.75
    assert choose_alpha(judged, one, other, 0.75, 0.0)[0] in (0.0, 1.0)
    back = compare(judged, other, one)
    assert (back.gain, back.standard_error) == pytest.approx((-found.gain, found.standard_error))


def test_nothing_to_compare_takes_the_mixture():
    judged, one, other = tables()
    alpha, found = choose_alpha(judged._replace(folds=judged.target), one, other, 0.75, 2.0)
    assert (alpha, np.isnan(found.gain)) == (0.75, True)


def test_what_is_undefined_can_be_stored():
    found = {"core": Comparison(0.5, np.nan, np.nan), "segments": Comparison(0.25, -0.125, 0.0)}
    stored = written(found)
    assert stored["core"] == {"start": 0.5, "gain": None, "standard_error": None}
    again = read(json.loads(json.dumps(stored)))
    assert again["segments"] == found["segments"]
    assert np.array_equal(again["core"], found["core"], equal_nan=True)
