"""Metrics against slow definitions, closed forms and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.linear_model import LogisticRegression

from hilbert import metrics
from hilbert.errors import UsageError

CLASSES = ["a", "b", "c"]


def sample(seed, n=60, ties=True):
    rng = np.random.default_rng(seed)
    y = np.concatenate([CLASSES, rng.choice(CLASSES, n - 3, p=[0.6, 0.3, 0.1])])
    scores = rng.random((n, 3))
    return y, (scores.round(1) if ties else scores), rng.integers(0, 4, n)


def slow_auc(y, scores, folds):
    values = []
    for c, name in enumerate(CLASSES):
        wins = pairs = 0.0
        for i in range(len(y)):
            for j in range(len(y)):
                if folds[i] == folds[j] and y[i] == name and y[j] != name:
                    pairs += 1
                    wins += (scores[i, c] > scores[j, c]) + 0.5 * (scores[i, c] == scores[j, c])
        values.append(wins / pairs)
    return float(np.mean(values))


@pytest.mark.parametrize("seed", range(8))
def test_within_fold_auc_is_its_definition(seed):
    y, scores, folds = sample(seed)
    assert metrics.within_fold_auc(y, scores, folds) == pytest.approx(slow_auc(y, scores, folds), abs=1e-12)


@pytest.mark.parametrize("ties", [True, False])
def test_one_fold_is_the_usual_auc(ties):
    y, scores, _ = sample(1, ties=ties)
    expected = np.mean([reference.roc_auc_score(y == name, scores[:, c]) for c, name in enumerate(CLASSES)])
    assert metrics.within_fold_auc(y, scores) == pytest.approx(expected, abs=1e-12)


def test_binary_is_the_auc_of_either_column():
    rng = np.random.default_rng(0)
    y, p = rng.choice(["no", "yes"], 50), rng.random(50)
    expected = pytest.approx(reference.roc_auc_score(y == "yes", p), abs=1e-12)
    assert metrics.within_fold_auc(y, np.stack([1 - p, p], 1)) == expected
    assert metrics.within_fold_auc(y, p) == expected


@given(st.integers(0, 1000), st.integers(2, 6))
def test_scores_of_one_fold_alone_change_nothing(seed, folds):
    """A shift of a whole fold leaves the AUC as it is: nothing is compared across folds."""
    y, scores, _ = sample(seed)
    fold = np.random.default_rng(seed).integers(0, folds, len(y))
    moved = scores + 100.0 * fold[:, None]
    before = metrics.within_fold_auc(y, scores, fold)
    assert metrics.within_fold_auc(y, moved, fold) == pytest.approx(before, abs=1e-12)


def test_prior_is_exactly_a_half_where_pooling_is_not():
    y, _, fold = sample(3)
    proba = np.stack([[(y[fold != f] == name).mean() for name in CLASSES] for f in fold])
    assert metrics.within_fold_auc(y, proba, fold) == 0.5
    assert metrics.within_fold_auc(y, proba) < 0.5


def test_repeats_are_averaged():
    y, scores, folds = sample(4)
    other = np.random.default_rng(9).random(scores.shape)
    expected = (metrics.within_fold_auc(y, scores, folds) + metrics.within_fold_auc(y, other, folds)) / 2
    both = np.concatenate([scores, other])
    found = metrics.within_fold_auc([*y, *y], both, [*folds, *folds], None, np.repeat([0, 1], len(y)))
    assert found == pytest.approx(expected, abs=1e-12)


def test_undefined_is_nan_and_not_left_out():
    y = ["a", "b", "b", "c"]
    scores = np.eye(3)[[0, 1, 1, 2]]
    assert np.isnan(metrics.within_fold_auc(y, scores, [0, 0, 0, 1]))
    by_class = metrics.within_fold_auc_by_class(y, scores, [0, 0, 0, 1])
    assert by_class["a"] == 1.0
    assert np.isnan(by_class["c"])


def test_a_class_that_no_document_has_is_not_averaged():
    y, scores, _ = sample(5)
    rows = y != "c"
    kept = metrics.within_fold_auc(y[rows], scores[rows], None, CLASSES)
    pairs = [reference.roc_auc_score(y[rows] == name, scores[rows, c]) for c, name in enumerate("ab")]
    assert kept == pytest.approx(np.mean(pairs), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_against_scikit_learn(seed):
    y, scores, _ = sample(seed)
    proba = (scores + 0.01) / (scores + 0.01).sum(1, keepdims=True)
    guess = np.array(CLASSES)[proba.argmax(1)]
    precision = metrics.average_precision_by_class(y, proba)
    for c, name in enumerate(CLASSES):
        assert precision[name] == pytest.approx(reference.average_precision_score(y == name, proba[:, c]))
    f1 = reference.f1_score(y, guess, average="macro", labels=CLASSES, zero_division=0)
    assert metrics.macro_f1(y, guess) == pytest.approx(f1)
    assert metrics.balanced_accuracy(y, guess) == pytest.approx(reference.balanced_accuracy_score(y, guess))
    assert metrics.log_loss(y, proba) == pytest.approx(reference.log_loss(y, proba, labels=CLASSES))
    assert metrics.confusion(y, guess, CLASSES).tolist() == reference.confusion_matrix(y, guess).tolist()
    recalls = reference.recall_score(y, guess, average=None, labels=CLASSES)
    assert list(metrics.recall_by_class(y, guess).values()) == pytest.approx(recalls.tolist())


def test_precision_by_chance_is_that_of_random_orders():
    y, _, folds = sample(6)
    rng = np.random.default_rng(0)
    draws = [metrics.average_precision_by_class(y, rng.random((len(y), 3)), folds) for _ in range(600)]
    for name, expected in metrics.chance_precision_by_class(y, folds).items():
        values = [draw[name] for draw in draws]
        assert abs(np.mean(values) - expected) < 4 * np.std(values) / np.sqrt(len(values))
        assert expected > (y == name).mean()


def test_brier_and_calibration_of_known_cases():
    y = ["a", "b", "a", "b"]
    sure, even = np.eye(2)[[0, 1, 0, 1]], np.full((4, 2), 0.5)
    assert metrics.brier(y, sure) == 0
    assert metrics.brier(y, even) == pytest.approx(0.5)
    assert metrics.calibration_error(y, sure) == 0
    assert metrics.calibration_error(y, even, bins=1) == 0
    assert metrics.log_loss(y, 1 - sure) == pytest.approx(-np.log(1e-6))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.full((4, 2), np.nan), "4 documents have NaN"),
        (np.zeros((3, 2)), r"expected shape \(4, 2\)"),
        (np.zeros((4, 3)), r"found \(4, 3\)"),
    ],
)
def test_bad_scores_are_refused(scores, message):
    with pytest.raises(UsageError, match=message):
        metrics.within_fold_auc(["a", "b", "a", "b"], scores)


def drawn(n, slope, intercept, seed=0):
    """Labels whose true log-odds are intercept + slope times those of the probabilities given."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, n)
    y = rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * logit)))
    p = 1 / (1 + np.exp(-logit))
    return np.where(y, "yes", "no"), np.stack([1 - p, p], 1)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.3), (1.6, -0.8)])
def test_the_calibration_line_is_the_one_that_made_the_labels(slope, intercept):
    y, proba = drawn(40_000, slope, intercept)
    assert metrics.calibration_line(y, proba) == pytest.approx((slope, intercept), abs=0.05)


def test_the_calibration_line_is_unpenalised_logistic_regression():
    y, scores, _ = sample(4, n=200, ties=False)
    proba = scores / scores.sum(1, keepdims=True)
    lines = []
    for c, name in enumerate(CLASSES):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        logit = np.log(proba[:, c] / (1 - proba[:, c]))
        model.fit(logit[:, None], y == name)
        lines.append((model.coef_[0, 0], model.intercept_[0]))
    assert metrics.calibration_line(y, proba) == pytest.approx(np.mean(lines, 0), abs=1e-5)


def test_calibration_lines_that_do_not_exist_are_nan():
    y = np.array(["a", "a", "b", "b"])
    constant = np.full((4, 2), 0.5)
    perfect = np.array([[1, 0], [0.9, 0.1], [0.2, 0.8], [0, 1.0]])
    for proba in (constant, perfect, perfect[:, ::-1]):
        assert np.isnan(metrics.calibration_line(y, proba)).all()
    alone = metrics.calibration_line(["a", "a"], [[0.2, 0.8], [0.3, 0.7]], classes=["a", "b"])
    assert np.isnan(alone).all()


def test_extreme_probabilities_have_a_finite_calibration_line():
    y, proba = drawn(400, 1.0, 0.0, seed=3)
    certain = (proba > 0.5).astype(float)
    slope, intercept = metrics.calibration_line(y, certain)
    assert 0 < slope < 0.5
    assert np.isfinite(intercept)
