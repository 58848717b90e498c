"""Scale and offsets of logits: the penalised optimum, on what the model has not seen, beside it or in it."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from hilbert.estimators import HilbertClassifier
from hilbert.nn.linear import softmax
from hilbert.training.calibration import Calibration, fit_calibration
from hilbert.training.selection import blend


def overfitted(docs=400, classes=3, seed=0):
    """Logits of a model that is too sure and says the most frequent class too often; and the labels."""
    rng = np.random.default_rng(seed)
    target = rng.choice(classes, docs, p=[0.8, 0.15, 0.05])
    evidence = rng.standard_normal((docs, classes)) + 1.2 * np.eye(classes)[target]
    return 4 * evidence + np.array([6.0, 1.0, 0.0]), target


def test_it_is_the_penalised_optimum() -> None:
    logits, target = overfitted()
    found = fit_calibration(logits, target)
    weight = len(target) / 3 / np.bincount(target)[target]

    def loss(values):
        log_p = log_softmax(np.exp(values[0]) * logits + values[1:], axis=1)[np.arange(len(target)), target]
        return -(weight * log_p).sum() + 0.5 * (values**2).sum()

    expected = minimize(
        loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 5000}
    )
    np.testing.assert_allclose([np.log(found.scale), *found.offsets], expected.x, atol=1e-3)


def test_rare_classes_are_found_and_the_order_within_a_class_barely_changes() -> None:
    logits, target = overfitted()
    calibrated = fit_calibration(logits, target)
    unseen, labels = overfitted(seed=1)
    rare = labels == 2
    assert (unseen[rare].argmax(1) == 2).mean() < 0.4
    assert (calibrated(unseen)[rare].argmax(1) == 2).mean() > 0.6
    assert 0 < calibrated.scale < 0.6


@pytest.mark.parametrize("gap", [1.0, 1e3, 1e6])
def test_separated_classes_stay_finite(gap: float) -> None:
    target = np.repeat(np.arange(3), 10)
    found = fit_calibration(gap * np.eye(3)[target], target)
    assert np.isfinite(found.scale)
    assert np.isfinite(found.offsets).all()
    assert np.abs(found.offsets).max() < 1


def test_what_no_fold_tested_or_knew_is_left_out() -> None:
    logits, target = overfitted()
    some = np.concatenate([logits, np.full((5, 3), np.nan), np.tile([0.0, 1.0, -np.inf], (5, 1))])
    labels = np.concatenate([target, np.zeros(5, int), np.full(5, 2)])
    one, other = fit_calibration(logits, target), fit_calibration(some, labels)
    np.testing.assert_allclose(one.offsets, other.offsets, atol=1e-6)
    nothing = fit_calibration(np.full((4, 3), np.nan), np.array([0, 1, 2, 0]))
    assert (nothing.scale, nothing.offsets.tolist()) == (1.0, [0.0, 0.0, 0.0])
    lacking = logits.copy()
    lacking[:40, 2] = -np.inf
    assert np.isfinite(fit_calibration(lacking, target).offsets).all()


def test_it_is_kept_to_the_bit_and_checked() -> None:
    found = fit_calibration(*overfitted())
    again = Calibration.read(json.loads(json.dumps(found.written())), 3)
    assert again.scale == found.scale
    np.testing.assert_array_equal(again.offsets, found.offsets)
    with pytest.raises(ValueError, match="expected a scale and 4 offsets"):
        Calibration.read(found.written(), 4)


def test_it_is_fitted_on_the_inner_logits_of_all_parts(corpus, tiny, tmp_path) -> None:
    """Beside the whole as a row of its own, or in its place; saved with the model."""
    bags, y, groups = corpus
    plain = HilbertClassifier(config=tiny).fit(bags, y, groups=groups)
    mixed = blend(plain.core_.out_of_fold, plain.network_.out_of_fold, plain.alpha_)
    mixed = blend(mixed, plain.second_.out_of_fold, plain.beta_)
    expected = fit_calibration(mixed, np.unique(y, return_inverse=True)[1])
    assert plain.calibration_.scale == expected.scale != 1.0
    np.testing.assert_array_equal(plain.calibration_.offsets, expected.offsets)
    decided = softmax(plain.calibration_(plain.decision_function(bags)))
    np.testing.assert_allclose(plain.variants(bags)["calibrated"], decided, atol=1e-12)
    whole = HilbertClassifier(config={**tiny, "head.calibrate": True}).fit(bags, y, groups=groups)
    np.testing.assert_allclose(whole.predict_proba(bags), decided, atol=1e-12)
    assert "calibrated" not in whole.variants(bags)
    rows = np.arange(len(bags))
    np.testing.assert_allclose(whole.recombined(bags)(rows, rows)[""], decided, atol=1e-6)
    again = HilbertClassifier.load(whole.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict_proba(bags), whole.predict_proba(bags))
