"""The heads on embeddings: what is chosen on inner folds, what is fitted on all, and the same numbers every time."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hilbert.baselines.heads import ExpertHead, InnerFold, LogisticHead
from hilbert.metrics import within_fold_auc
from hilbert.nn.experts import MixtureOfExperts, PlainHead
from hilbert.nn.linear import STRENGTHS, softmax

HEADS = [LogisticHead, ExpertHead, lambda: ExpertHead(kind="mlp")]


def embeddings(docs=60, width=7, signal=1.0, seed=0, classes=3):
    """Embeddings of unequal scales, not centred, and class numbers."""
    rng = np.random.default_rng(seed)
    target = np.arange(docs) % classes
    z = signal * rng.normal(size=(classes, width))[target] + rng.normal(size=(docs, width))
    return z * np.geomspace(0.3, 3, width) + 5.0, target


def inner(z, target, count=3, seed=0):
    """Inner folds; the embeddings of each come from another training, here another rotation."""
    folds = np.random.default_rng(seed).permutation(len(z)) % count
    made = []
    for fold in range(count):
        turned = z @ np.linalg.qr(np.random.default_rng(fold).normal(size=(z.shape[1],) * 2))[0]
        rows, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        made.append(InnerFold(turned[rest], target[rest], turned[rows], target[rows], rows))
    return made


def slow_regression(train, target, test, strength):
    """Logits of scikit-learn on centred rows of mean squared norm 1."""
    centre = train.mean(axis=0)
    power = np.sqrt(np.mean([np.sum((row - centre) ** 2) for row in train]))
    found = LogisticRegression(C=strength, class_weight="balanced", solver="lbfgs", max_iter=20000, tol=1e-9)
    return found.fit((train - centre) / power, target).predict_proba((test - centre) / power)


# --- logistic regression -------------------------------------------------------------------------------------


def test_the_strength_is_the_one_that_is_best_out_of_fold():
    z, target = embeddings(signal=0.4)
    folds, head = inner(z, target), LogisticHead()
    logits = head.select(folds, 60, 3, 0)
    fold_of, scores = np.zeros(60), []
    for strength in STRENGTHS:
        table = np.zeros((60, 3))
        for number, fold in enumerate(folds):
            fold_of[fold.rows] = number
            table[fold.rows] = slow_regression(fold.train, fold.train_target, fold.test, strength)
        scores.append(within_fold_auc(target, table, fold_of, np.arange(3)))
        if strength == head.strength:
            np.testing.assert_allclose(softmax(logits), table, rtol=0, atol=1e-4)
    assert max(scores) - min(scores) > 0.01
    assert scores[STRENGTHS.index(head.strength)] == pytest.approx(max(scores), abs=1e-3)


def test_what_is_as_good_is_the_smallest_strength():
    z, target = embeddings(signal=20.0)
    head = LogisticHead()
    head.select(inner(z, target), 60, 3, 0)
    assert head.strength == STRENGTHS[0]


def test_the_fit_is_on_all_documents_with_the_chosen_strength():
    z, target = embeddings()
    new, _ = embeddings(20, seed=3)
    head = LogisticHead()
    head.select(inner(z, target), 60, 3, 0)
    head.fit(z, target, 3, 0)
    np.testing.assert_allclose(
        softmax(head.logits(new)), slow_regression(z, target, new, head.strength), rtol=0, atol=1e-4
    )


def test_scale_and_place_of_the_embedding_do_not_matter():
    z, target = embeddings()
    found = []
    for data in (z, 1e3 * z - 40.0):
        head = LogisticHead()
        inner_logits = head.select(inner(data, target), 60, 3, 0)
        head.fit(data, target, 3, 0)
        found.append((head.strength, inner_logits, head.logits(data)))
    assert found[0][0] == found[1][0]
    for one, two in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-4)


def test_embeddings_that_say_nothing_are_no_error():
    target = np.arange(30) % 2
    head = LogisticHead()
    logits = head.select(inner(np.ones((30, 4)), target), 30, 2, 0)
    head.fit(np.ones((30, 4)), target, 2, 0)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(softmax(head.logits(np.ones((3, 4)))), 0.5)


# --- every head ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", HEADS)
def test_the_same_seed_gives_the_same_numbers_and_leaves_generators_alone(make):
    z, target = embeddings(signal=0.3)
    before = torch.get_rng_state().numpy().tobytes()
    found = []
    for _ in range(2):
        head = make()
        out_of_fold = head.select(inner(z, target), 60, 3, 1)
        head.fit(z, target, 3, 1)
        found.append((out_of_fold, head.logits(z)))
    for one, two in zip(*found, strict=True):
        assert np.array_equal(one, two)
    assert torch.get_rng_state().numpy().tobytes() == before


@pytest.mark.parametrize("make", HEADS)
def test_out_of_fold_logits_never_saw_their_documents_labels(make):
    """Labels of noise: in the fold they are learnt, out of it they are not."""
    rng = np.random.default_rng(2)
    z, target = rng.normal(size=(120, 12)), rng.permutation(np.arange(120) % 2)
    folds, head = inner(z, target, 4), make()
    logits = head.select(folds, 120, 2, 0)
    fold_of = np.zeros(120)
    for number, fold in enumerate(folds):
        fold_of[fold.rows] = number
    error = 0.053  # Hanley-McNeil at .5 with 60 of 120
    assert abs(within_fold_auc(target, softmax(logits), fold_of) - 0.5) < 3 * error
    head.fit(z, target, 2, 0)
    assert within_fold_auc(target, softmax(head.logits(z))) > 0.6


@pytest.mark.parametrize("make", HEADS)
def test_learns_what_is_there(make):
    z, target = embeddings(120, signal=2.0)
    head = make()
    out_of_fold = head.select(inner(z, target), 120, 3, 0)
    head.fit(z, target, 3, 0)
    for logits in (out_of_fold, head.logits(z)):
        assert (logits.argmax(axis=1) == target).mean() > 0.9


@pytest.mark.parametrize("make", HEADS)
def test_folds_of_one_class_and_documents_that_no_fold_tests(make):
    """Class 2 is in the first fold's test documents alone, and the last ten are in no fold."""
    z, target = embeddings(40, classes=2)
    target[[3, 4]] = 2
    train = np.setdiff1d(np.arange(40), [3, 4])
    parts = [(train, np.array([3, 4, 5, 6])), (np.flatnonzero(target == 0), np.arange(7, 30))]
    folds = [InnerFold(z[a], target[a], z[b], target[b], b) for a, b in parts]
    head = make()
    logits = head.select(folds, 40, 3, 0)
    tested = np.arange(3, 30)
    assert np.isnan(np.delete(logits, tested, axis=0)).all()
    proba = softmax(logits[tested])
    assert np.isfinite(proba).all()
    if make is LogisticHead:  # which knows of no class but those it saw
        assert (proba[:4, 2] == 0).all()
        assert (proba[4:] == [1, 0, 0]).all()
    head.fit(z, target, 3, 0)
    assert np.isfinite(head.logits(z)).all()


@pytest.mark.parametrize("make", HEADS)
def test_no_documents_have_no_logits(make):
    z, target = embeddings()
    head = make()
    head.select(inner(z, target), 60, 3, 0)
    head.fit(z, target, 3, 0)
    assert head.logits(z[:0]).shape == (0, 3)
    np.testing.assert_allclose(head.logits(z[[7]]), head.logits(z)[[7]], rtol=0, atol=1e-5)


# --- experts -------------------------------------------------------------------------------------------------


def test_experts_are_trained_for_the_median_of_the_epochs():
    z, target = embeddings(signal=0.3)
    head = ExpertHead()
    head.select(inner(z, target), 60, 3, 0)
    ends = []
    for fold in inner(z, target):
        alone = ExpertHead()
        alone.select([fold], 60, 3, 0)
        ends.append(alone.epochs)
    assert head.epochs == sorted(ends)[1]
    assert min(ends) >= 1


def test_experts_and_their_control_have_names_and_kinds():
    z, target = embeddings()
    for kind, name, module in (("experts", "moe", MixtureOfExperts), ("mlp", "mlp", PlainHead)):
        head = ExpertHead(epochs=2, kind=kind)
        head.fit(z, target, 3, 0)
        assert head.name == name
        assert isinstance(head.head, module)
        assert np.isfinite(head.logits(z)).all()


@pytest.mark.parametrize("make", [ExpertHead, LogisticHead])
def test_another_seed_gives_other_experts_but_the_same_regression(make):
    z, target = embeddings(30)
    found = []
    for seed in (0, 1):
        head = make()
        head.select(inner(z, target, 2), 30, 3, seed)
        head.fit(z, target, 3, seed)
        found.append(head.logits(z))
    assert np.array_equal(*found) == (make is LogisticHead)
