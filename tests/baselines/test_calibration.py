"""One temperature: where it is by definition, and what it does with what no fold could know."""

import numpy as np
import pytest

from hilbert.baselines.calibration import BOUNDS, fit_temperature
from hilbert.nn.linear import softmax


@pytest.fixture(scope="module")
def drawn():
    """Logits, and labels drawn from just these."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 3))
    return logits, (softmax(logits).cumsum(1) < rng.random((6000, 1))).sum(1)


def test_true_logits_have_temperature_one(drawn):
    assert fit_temperature(*drawn) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("factor", [0.01, 0.5, 20.0])
def test_it_undoes_a_factor(drawn, factor):
    logits, target = drawn
    assert fit_temperature(factor * logits, target) == pytest.approx(factor * fit_temperature(logits, target), rel=1e-4)


def test_it_is_the_minimum_of_the_balanced_loss(drawn):
    logits, target = drawn[0][:300], np.minimum(drawn[1][:300], 1)  # unequal classes
    count = np.bincount(target)
    belief = np.full(logits.shape, (1 / (count[target] + 2) / 2)[:, None])
    belief[np.arange(300), target] = 1 - 1 / (count[target] + 2)

    def loss(t):
        return -np.average((belief * np.log(softmax(logits / t))).sum(1), weights=1 / count[target])

    best = fit_temperature(logits, target)
    grid = np.exp(np.linspace(-3, 3, 601))
    assert loss(best) <= min(map(loss, grid)) + 1e-9
    assert abs(np.log(best) - np.log(grid[np.argmin([loss(t) for t in grid])])) < 0.02


def test_scores_that_say_nothing_are_flattened():
    rng = np.random.default_rng(3)
    scores, target = 5 * rng.normal(size=(400, 3)), np.arange(400) % 3
    assert softmax(scores / fit_temperature(scores, target)).max() < 0.6
    assert fit_temperature(-np.eye(3)[target], target) == pytest.approx(BOUNDS[1], rel=1e-3)  # worse than nothing


def test_separated_classes_stay_in_doubt():
    target = np.arange(30) % 2
    proba = softmax(np.eye(2)[target] / fit_temperature(np.eye(2)[target], target))
    np.testing.assert_allclose(proba[np.arange(30), target], 16 / 17, atol=1e-4)  # Platt's (n + 1) / (n + 2)


def test_what_no_fold_could_know_is_left_out(drawn):
    logits, target = drawn[0][:200], drawn[1][:200]
    gaps = np.concatenate([logits, np.full((2, 3), np.nan), [[0.0, 1.0, -np.inf]]])
    assert fit_temperature(gaps, np.concatenate([target, [0, 1, 2]])) == pytest.approx(fit_temperature(logits, target))
    absent = np.concatenate([logits, [[0.5, 0.1, -np.inf]]])
    assert np.isfinite(fit_temperature(absent, np.append(target, 0)))
    assert fit_temperature(np.full((3, 2), -np.inf), np.zeros(3, dtype=int)) == 1.0
    assert np.isfinite(fit_temperature(np.array([[0.0, -np.inf]] * 3), np.zeros(3, dtype=int)))
