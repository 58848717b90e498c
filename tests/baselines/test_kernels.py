"""Kernel machines: scikit-learn's numbers where it has them, calibrated on scores out of fold."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import SVC

from hilbert.baselines import KernelRidge, KernelSVM, KernelSVMOnVectors
from hilbert.baselines.calibration import fit_temperature
from hilbert.baselines.gram import KernelSum
from hilbert.baselines.trained import VECTORS
from hilbert.metrics import within_fold_auc
from hilbert.nn.documents import Vectorizer
from hilbert.nn.linear import softmax
from hilbert.nn.pooled import pool
from hilbert.splits import encode_labels, inner_folds

KINDS = (KernelRidge, KernelSVM)


def scores(model):
    """A fitted model's scores (docs, classes) before the temperature."""
    return lambda bags: model.map_(model.kernel_([pool(bags.audio), pool(bags.text)]))


@pytest.fixture(scope="module")
def unequal(make_bags):
    bags, y, groups = make_bags(60, groups=30, nan=True)
    keep = np.flatnonzero((y != "a") | (np.arange(60) % 2 == 0))
    return bags[keep], y[keep], groups[keep]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_linear_ridge_is_that_of_scikit_learn(unequal, classes, strength):
    bags, y, groups = unequal
    y = y if classes == 3 else np.where(y == "a", "a", "b")
    model = KernelRidge(kernel="linear", strengths=(strength,)).fit(bags, y, groups=groups)
    gram = model.kernel_([pool(bags.audio), pool(bags.text)])
    values, vectors = np.linalg.eigh(gram)
    x = vectors * np.sqrt(np.maximum(values, 0))  # x xᵀ is the kernel
    theirs = RidgeClassifier(alpha=1 / strength, class_weight="balanced", solver="cholesky").fit(x, y)
    expected = theirs.decision_function(x)
    found = scores(model)(bags)
    np.testing.assert_allclose(found if classes == 3 else found[:, 1], expected, atol=1e-8)
    np.testing.assert_allclose(model.predict_proba(bags), softmax(found / model.temperature_), atol=1e-12)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_svm_is_that_of_scikit_learn_one_against_the_rest(unequal, kernel):
    bags, y, groups = unequal
    model = KernelSVM(kernel=kernel, strengths=(1.0,)).fit(bags, y, groups=groups)
    gram = model.kernel_([pool(bags.audio), pool(bags.text)])
    for column, name in enumerate(model.classes_):
        svm = SVC(C=1.0, kernel="precomputed", class_weight="balanced").fit(gram, y == name)
        np.testing.assert_allclose(scores(model)(bags)[:, column], svm.decision_function(gram), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_and_temperature_come_from_inner_folds(unequal, kind):
    bags, y, groups = unequal
    target = encode_labels(y)[1]
    model = kind(strengths=(10.0, 0.01, 0.1), seed=4).fit(bags, y, groups=groups)
    found = {}
    for strength in (0.01, 0.1, 10.0):
        out, fold_of = np.zeros((len(y), 3)), np.zeros(len(y))
        for number, (train, test) in enumerate(inner_folds(target, groups, 3, 4)):
            # its own inner folds are of no consequence: there is one strength
            part = kind(strengths=(strength,)).fit(bags[train], y[train], groups=groups[train])
            out[test], fold_of[test] = scores(part)(bags[test]), number
        found[strength] = within_fold_auc(target, softmax(out), fold_of), fit_temperature(out, target)
    best = max(found, key=lambda strength: found[strength][0])
    assert model.chosen_ == {"C": best}
    assert model.temperature_ == pytest.approx(found[best][1], rel=1e-4)
    kernel = KernelSum.fit([pool(bags.audio), pool(bags.text)])
    np.testing.assert_array_equal(
        kernel([pool(bags.audio), pool(bags.text)]), model.kernel_([pool(bags.audio), pool(bags.text)])
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rbf_learns_what_no_line_can(make_bags, kind):
    bags, _, _ = make_bags(160, text_dim=2, signal=0.0, missing=False)
    means = pool(bags.text)[:, :2]
    y = np.where(np.linalg.norm(means, axis=1) > np.median(np.linalg.norm(means, axis=1)), "far", "near")
    train, test = np.arange(110), np.arange(110, 160)
    bags = bags.without("audio")
    found = {
        kernel: within_fold_auc(y[test], kind(kernel=kernel).fit(bags[train], y[train]).predict_proba(bags[test]))
        for kernel in ("linear", "rbf")
    }
    assert found["rbf"] > 0.8
    assert found["rbf"] > found["linear"] + 0.1


def test_svm_on_document_vectors(make_bags):
    """The vectors are fitted on documents without a label as well, and their directions keep their sizes."""
    bags, y, groups = make_bags(60, groups=30, nan=True)
    some = np.where(np.arange(60) % 5 == 0, None, y.astype(object))
    model = KernelSVMOnVectors(kernel="linear", strengths=(1.0,)).fit(bags, some, groups=groups)
    vectors = Vectorizer.fit(bags, VECTORS, 0)[1]
    known = np.flatnonzero(some != None)  # noqa: E711
    audio, both = vectors.audio[known], (vectors.has_audio & vectors.has_text)[known]
    here = vectors.has_audio[known]
    centred = audio[here] - audio[here].mean(axis=0)
    gram = np.zeros((len(known), len(known)))
    gram[np.ix_(here, here)] = centred @ centred.T / np.linalg.norm(centred @ centred.T)
    np.testing.assert_allclose(model.kernel_.kernels[0](model._inputs(bags)[0][known]), gram, atol=1e-9)
    assert not model.kernel_.kernels[2](model._inputs(bags)[2][known])[~both].any()
    assert (model.predict(bags) == y).mean() > 0.8
    for lost in ("audio", "text"):
        assert np.isfinite(model.predict_proba(bags.without(lost))).all()
