"""A readout's scale and offsets: the penalised optimum, on what its model has not seen, inside the map."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from hilbert.training.calibration import fit_calibration
from hilbert.training.heads import LogisticHead


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


def test_a_readout_takes_it_into_its_map() -> None:
    rng = np.random.default_rng(3)
    z, target = rng.standard_normal((60, 6)), rng.integers(0, 3, 60)
    head = LogisticHead()
    head.strength = 1.0
    head.fit(z, target, 3, 0)
    before, calibration = head.logits(z), fit_calibration(head.logits(z), target)
    head.calibrate(calibration)
    np.testing.assert_allclose(head.logits(z), calibration(before), atol=1e-12)
    np.testing.assert_allclose(LogisticHead.from_arrays(head.arrays()).logits(z), calibration(before), atol=1e-12)


def test_the_inner_logits_of_robust_are_calibrated(corpus, robust, tiny) -> None:
    from hilbert.estimators import HilbertClassifier

    bags, y, groups = corpus
    plain = HilbertClassifier(config={**tiny, "head.calibrate": False}).fit(bags, y, groups=groups)
    found = fit_calibration(plain.network_.out_of_fold, np.unique(y, return_inverse=True)[1])
    np.testing.assert_allclose(robust.network_.out_of_fold, found(plain.network_.out_of_fold), atol=1e-6)
    z = plain.transform(bags).astype(np.float64)
    np.testing.assert_allclose(robust.network_.logits(z), found(plain.network_.logits(z)), atol=1e-6)
