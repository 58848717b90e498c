"""Bootstrap against the plain way, and its coverage; the tests beside it against closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from hilbert import metrics
from hilbert.evaluation.intervals import (
    bootstrap_p,
    corrected_t,
    detectable,
    group_weights,
    hanley_mcneil,
    holm,
    interval,
    weighted_auc,
    weighted_confusion,
)


def sample(seed, n=40):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([[0, 1, 2], rng.choice(3, n - 3, p=[0.5, 0.3, 0.2])])
    return codes, rng.random((n, 3)).round(1), rng.integers(0, 3, n), rng.integers(0, 12, n)


@pytest.mark.parametrize("seed", range(4))
def test_a_weight_is_a_copy(seed):
    """Weighted AUC and confusion equal those of a corpus that holds each document as often as drawn."""
    codes, scores, folds, groups = sample(seed)
    weights = group_weights(groups, 30, seed)
    aucs = weighted_auc(codes, scores, folds, weights, block=7)
    tables = weighted_confusion(codes, scores.argmax(1), weights, 3)
    for b, w in enumerate(weights):
        rows = np.repeat(np.arange(len(codes)), w.astype(int))
        expected = metrics.within_fold_auc_by_class(codes[rows], scores[rows], folds[rows], [0, 1, 2])
        assert aucs[b].tolist() == pytest.approx([expected.get(c, math.nan) for c in range(3)], nan_ok=True)
        assert (tables[b] == metrics.confusion(codes[rows], scores.argmax(1)[rows], [0, 1, 2])).all()


def test_groups_are_drawn_whole():
    groups = np.array([0, 0, 1, 2, 2, 2])
    weights = group_weights(groups, 500, 0)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3:] == weights[:, 3:4]).all()
    assert (weights[:, [0, 2, 3]].sum(1) == 3).all()
    assert (weights == group_weights(groups, 500, 0)).all()
    assert abs(weights.mean() - 1) < 0.1


def test_undefined_resamples_are_left_out():
    found = interval(0.5, np.array([0.4, math.nan, 0.6]))
    assert found.low == pytest.approx(0.405)
    assert math.isnan(interval(0.5, np.array([math.nan] * 3)).low)


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"), [(30, 170, 0.057), (60, 140, 0.043), (100, 400, 0.032)]
)
def test_hanley_mcneil(positives, negatives, expected):
    assert hanley_mcneil(0.67, positives, negatives) == pytest.approx(expected, abs=6e-4)


def test_smallest_difference_has_80_percent_power():
    se = 0.02
    assert stats.norm.sf(1.959964 - detectable(se) / se) == pytest.approx(0.8, abs=1e-4)


def test_corrected_t_inflates_the_error():
    d = np.random.default_rng(0).normal(0.01, 0.05, 25)
    naive = stats.ttest_1samp(d, 0)
    found = corrected_t(d, 0.25)
    assert naive.statistic / found["t"] == pytest.approx(math.sqrt(1 + 25 * 0.25))
    assert found["p"] > naive.pvalue
    assert corrected_t(d, 0.0)["p"] == pytest.approx(naive.pvalue)


def test_corrected_t_of_few_folds():
    assert corrected_t(np.array([0.1, math.nan]), 0.25) == pytest.approx(
        {"t": math.nan, "p": math.nan, "folds": 1, "of": 2}, nan_ok=True
    )
    assert corrected_t(np.zeros(5), 0.25)["p"] == 1.0


def test_bootstrap_p_counts_the_smaller_tail():
    samples = np.array([0.1] * 97 + [-0.1] * 2)
    assert bootstrap_p(samples) == pytest.approx(2 * 3 / 100)
    assert bootstrap_p(-samples) == bootstrap_p(samples)
    assert bootstrap_p(np.full(99, 0.1)) == pytest.approx(2 / 100)  # never 0
    assert bootstrap_p(np.zeros(99)) == 1.0
    assert bootstrap_p(np.append(samples, math.nan)) == bootstrap_p(samples)
    assert math.isnan(bootstrap_p(np.array([math.nan, 0.1])))


def test_bootstrap_p_agrees_with_the_percentile_interval():
    """p below 5 % and an interval that leaves out 0 are the same finding, up to the +1."""
    for shift in np.linspace(-4, 4, 33):
        samples = np.random.default_rng(7).normal(shift, 1, 4000)
        found = interval(shift, samples)
        if abs(bootstrap_p(samples) - 0.05) > 0.005:
            assert (bootstrap_p(samples) < 0.05) == (found.low > 0 or found.high < 0)


def test_holm_by_hand():
    # sorted .005 · 4, .01 · 3, .03 · 2, .04 · 1 = .02, .03, .06, .04, and none below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]).tolist() == pytest.approx([0.8, 0.9])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_holm_leaves_out_what_was_not_compared():
    assert holm([0.02, math.nan, 0.01]).tolist() == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)


@pytest.mark.slow
def test_coverage_with_clustered_documents():
    """Groups of four that share their score: the interval by group holds the truth, by document not."""
    truth = stats.norm.cdf(1 / math.sqrt(2))
    hits = {"group": 0, "document": 0}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        label = np.repeat(rng.permutation(np.repeat([0, 1], 30)), 4)
        group = np.repeat(np.arange(60), 4)
        score = np.repeat(rng.normal(size=60), 4) + label + 0.01 * rng.normal(size=240)
        table, fold = np.stack([-score, score], 1), np.zeros(240, int)
        for kind, unit in (("group", group), ("document", np.arange(240))):
            auc = weighted_auc(label, table, fold, group_weights(unit, 400, seed))[:, 1]
            low, high = interval(0.5, auc)[1:3]
            hits[kind] += low <= truth <= high
    assert 0.90 <= hits["group"] / 200 <= 0.99
    assert hits["document"] / 200 < 0.80
