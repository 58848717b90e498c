"""Drops and Shapley values: the axioms, exact cases, and what dealing out both modalities gives."""

import itertools
import math

import numpy as np
import pytest

from hilbert.metrics import within_fold_auc
from hilbert.monitors import Values, coalitions, perceptual_score, shapley

LABELS = np.array([0, 0, 1, 1, 1])


def games(score, seed=0, permutations=3):
    own = np.arange(len(LABELS))
    both, rng = {"": score(own, own), "unknown": 0.0}, np.random.default_rng(seed)
    return coalitions(lambda a, t: {"": score(a, t)}, both, len(LABELS), rng, permutations)[""]


def auc(scores):
    return within_fold_auc(LABELS, scores)


def test_shapley_values_add_up_and_are_symmetric():
    rng = np.random.default_rng(0)
    for empty, audio, text, both in rng.random((20, 4)):
        values = Values(empty, audio, text, both)
        first, second = shapley(values)
        assert first + second == pytest.approx(both - empty)
        assert shapley(Values(empty, text, audio, both)) == pytest.approx((second, first))
        assert shapley(Values(empty, audio, audio, both))[0] == pytest.approx(
            shapley(Values(empty, audio, audio, both))[1]
        )
    assert shapley(Values(0.5, 0.7, 0.6, 0.8)) == pytest.approx((0.2, 0.1))  # additive: each what it adds
    assert shapley(Values(0.5, 0.7, 0.5, 0.7)) == pytest.approx((0.2, 0.0))  # a modality that says nothing
    assert shapley(Values(0.5, 0.7, 0.7, 0.7)) == pytest.approx((0.1, 0.1))  # both say the same


def test_both_dealt_out_is_chance_for_any_model():
    """The mean over all pairs of permutations is exactly one half, which is why it need not be drawn."""
    table = np.random.default_rng(0).normal(size=(4, 4)).round(1)  # what a model says of audio i beside text j
    orders = [np.array(order) for order in itertools.permutations(range(4))]
    found = [within_fold_auc([0, 0, 0, 1], table[audio, text]) for audio in orders for text in orders]
    assert np.mean(found) == pytest.approx(0.5, abs=1e-12)
    assert games(lambda a, t: auc(table[a % 4, t % 4])).empty == 0.5


def test_a_modality_alone_is_the_mean_over_permutations_of_the_other():
    table = np.random.default_rng(0).normal(size=(5, 5))
    own = np.arange(5)
    orders = [np.array(order) for order in itertools.permutations(range(5))]
    found = games(lambda a, t: auc(table[a, t]), permutations=1000)
    assert found.both == auc(table[own, own])
    assert found.audio == pytest.approx(np.mean([auc(table[own, order]) for order in orders]), abs=0.03)
    assert found.text == pytest.approx(np.mean([auc(table[order, own]) for order in orders]), abs=0.03)
    assert found.drop_audio == found.both - found.text
    assert found.drop_text == found.both - found.audio


def test_a_modality_that_is_not_read_loses_nothing():
    score = np.array([0.1, 0.4, 0.3, 0.8, 0.9])
    found = games(lambda a, t: auc(score[a]))
    assert found.drop_text == 0.0
    assert found.audio == found.both
    constant = games(lambda a, t: 0.5)
    assert shapley(constant) == (0.0, 0.0)
    assert (constant.drop_audio, constant.drop_text) == (0.0, 0.0)


def test_a_modality_that_is_there_twice_has_half_of_the_value():
    """A model that believes whichever copy is more extreme loses little with one of them, and all with both."""
    score = np.array([-1.0, -0.9, 0.8, 0.9, 1.0])
    found = games(lambda a, t: auc(score[a] + score[t]), permutations=1000)
    first, second = shapley(found)
    assert first == pytest.approx(second, abs=0.02)
    assert first == pytest.approx(0.25, abs=0.02)


def test_the_same_seed_deals_the_same():
    table = np.random.default_rng(0).normal(size=(5, 5))
    first, again, other = (games(lambda a, t: auc(table[a, t]), seed) for seed in (0, 0, 1))
    assert first == again != other


def test_perceptual_score():
    assert perceptual_score(0.9, 0.2) == pytest.approx(0.5)
    assert perceptual_score(0.6, 0.1) == pytest.approx(1.0)
    assert math.isnan(perceptual_score(0.505, 0.1))
    assert math.isnan(perceptual_score(0.3, 0.1))
    assert math.isnan(perceptual_score(math.nan, math.nan))
