"""Baselines: scikit-learn's face, chance where nothing can be known, and exactly what their names say."""

from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_validate

from hilbert.baselines import (
    MODELS,
    AudioGB,
    AudioLR,
    ConcatGB,
    ConcatLR,
    KernelRidge,
    KernelSVM,
    LateMean,
    LateStack,
    Length,
    Prior,
    SeqLR,
    TextGB,
    TextLR,
    make_model,
)
from hilbert.baselines.length import lengths
from hilbert.errors import InputError, UsageError
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.splits import grouped_folds

BOTH = (  # those that see both modalities
    ConcatLR,
    SeqLR,
    partial(ConcatGB, iterations=(5, 20), min_samples_leaf=3),
    LateMean,
    LateStack,
    KernelRidge,
    KernelSVM,
)
SMALL = {"iterations": (3, 6), "min_samples_leaf": 3}
KINDS = (Prior, Length, AudioLR, TextLR, *BOTH, partial(AudioGB, **SMALL), partial(TextGB, **SMALL))


@pytest.mark.parametrize("kind", KINDS)
def test_the_face_of_a_classifier(make_bags, kind):
    bags, y, groups = make_bags(36, groups=18)
    model = kind(seed=3)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict_proba(bags)
    with pytest.raises(NotFittedError):
        model.predict(bags)
    assert model.fit(bags, y, groups=groups) is model
    proba = model.predict_proba(bags[::-1])
    assert proba.shape == (36, 3)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(1), 1)
    assert model.classes_.tolist() == ["a", "b", "c"]
    costs = 1 / model.prior_ if model.decide == "balanced" else 1.0
    assert model.predict(bags).tolist() == [model.classes_[i] for i in (model.predict_proba(bags) * costs).argmax(1)]
    assert model.decision_function(bags).shape == (36, 3)
    np.testing.assert_allclose(model.predict_proba(bags)[::-1], proba, atol=1e-12)
    again = kind(seed=3).fit(bags, y, groups=groups)
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))


LABELS = ([0, 1], [True, False], ["x", "ä"])


@pytest.mark.parametrize(("kind", "labels"), [(kind, LABELS[number % 3]) for number, kind in enumerate(KINDS)])
def test_two_classes_of_any_kind(make_bags, kind, labels):
    bags, y, _ = make_bags(24, classes=2)
    named = np.where(y == "a", *(np.array([label], dtype=object) for label in labels))
    model = kind().fit(bags, named)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(bags).tolist()) <= set(labels)
    proba = model.predict_proba(bags)
    assert proba.shape == (24, 2)
    np.testing.assert_allclose(model.decision_function(bags), np.log(proba[:, 1]) - np.log(proba[:, 0]), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_labels_are_input_errors(make_bags, kind):
    bags, y, _ = make_bags(24)
    for labels in ([*y[:-1], None], y[:-1], [*y, "a"], ["a"] * 24):
        with pytest.raises(InputError, match="labels: expected"):
            kind().fit(bags, labels)


def test_prior_is_the_shares_and_its_auc_one_half(make_bags):
    bags, y, groups = make_bags(40, groups=20)
    y[:10] = "a"
    model = Prior().fit(bags, y)
    shares = [(y == c).mean() for c in "abc"]
    np.testing.assert_allclose(model.predict_proba(bags[:2]), [shares, shares])
    scores, folds = np.zeros((40, 3)), np.zeros(40)
    for split in grouped_folds(y, groups, 4):
        scores[split.test] = Prior().fit(bags[split.train], y[split.train]).predict_proba(bags[split.test])
        folds[split.test] = split.fold
    assert within_fold_auc(y, scores, folds) == 0.5


def test_length_sees_lengths_and_nothing_else(make_bags):
    bags, y, _ = make_bags(40)
    other, _, _ = make_bags(40, signal=99.0)
    same = Bags(bags.ids, bags.audio, bags.text, other.duration)
    assert np.array_equal(lengths(bags), lengths(same))
    assert lengths(bags).shape == (40, 6)
    assert lengths(bags)[:, :2].tolist() == np.stack([bags.audio.lengths, bags.text.lengths], 1).tolist()
    np.testing.assert_allclose(lengths(bags)[:, 3:], np.log1p(lengths(bags)[:, :3]))
    unknown = Bags(bags.ids, bags.audio, bags.text, np.full(40, np.nan))
    assert np.isfinite(Length().fit(unknown, y).predict_proba(unknown)).all()


def test_length_finds_what_only_the_length_tells(make_bags):
    bags, _, _ = make_bags(60, missing=False)
    y = np.where(bags.audio.lengths > 3, "long", "short")
    assert (Length().fit(bags, y).predict(bags) == y).mean() > 0.9


@pytest.mark.parametrize(("kind", "blind_to"), [(AudioLR, "text"), (TextLR, "audio")])
def test_one_modality_is_blind_to_the_other(make_bags, kind, blind_to):
    bags, y, _ = make_bags(36)
    model = kind().fit(bags, y)
    assert np.array_equal(model.predict_proba(bags.without(blind_to)), model.predict_proba(bags))
    assert np.array_equal(kind().fit(bags.without(blind_to), y).predict_proba(bags), model.predict_proba(bags))


def test_concat_learns_from_both(make_bags):
    bags, y, _ = make_bags(80, signal=1.0)
    train, test = np.arange(50), np.arange(50, 80)
    found = {
        kind: within_fold_auc(y[test], kind().fit(bags[train], y[train]).predict_proba(bags[test]))
        for kind in (AudioLR, TextLR, ConcatLR)
    }
    assert found[ConcatLR] > 0.85
    assert found[ConcatLR] > min(found.values())


@pytest.mark.parametrize("kind", BOTH)
def test_it_learns_and_takes_documents_of_one_modality(make_bags, kind):
    bags, y, _ = make_bags(80, signal=2.0)
    train, test = np.arange(50), np.arange(50, 80)
    model = kind().fit(bags[train], y[train])
    assert within_fold_auc(y[test], model.predict_proba(bags[test])) > 0.9
    for lost in ("audio", "text"):
        assert within_fold_auc(y[test], model.predict_proba(bags[test].without(lost))) > 0.7
    nothing = model.predict_proba(bags[test].without("audio").without("text"))
    assert np.isfinite(nothing).all()
    assert (nothing == nothing[0]).all()


@pytest.mark.parametrize("kind", BOTH)
def test_a_modality_may_lack_in_all_training_documents(make_bags, kind):
    bags, y, _ = make_bags(40)
    model = kind().fit(bags.without("text"), y)
    assert np.isfinite(model.predict_proba(bags)).all()
    assert np.array_equal(model.predict_proba(bags), model.predict_proba(bags.without("text")))


@pytest.mark.parametrize("kind", BOTH)
def test_a_class_of_one_document(make_bags, kind):
    bags, y, _ = make_bags(40)
    y = np.where(np.arange(40) == 5, "c", np.where(y == "a", "a", "b"))
    model = kind().fit(bags, y)
    proba = model.predict_proba(bags)
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(proba.sum(1), 1)
    assert (proba > 0).all()


@pytest.mark.parametrize("kind", BOTH)
def test_shuffled_labels_give_one_half(make_bags, kind):
    """The whole pipeline, with groups that look alike: nothing of a test fold may reach its training."""
    bags, y, groups = make_bags(160, groups=80)
    y = np.random.default_rng(0).permutation(y)
    scores, folds = np.zeros((160, 3)), np.zeros(160)
    for split in grouped_folds(y, groups, 2):
        model = kind().fit(bags[split.train], y[split.train], groups=groups[split.train])
        scores[split.test] = model.predict_proba(bags[split.test])
        folds[split.test] = split.fold
    error = 0.035  # Hanley-McNeil at .5 with 53 of 160 is .048 a class, and three classes are averaged
    assert abs(within_fold_auc(y, scores, folds) - 0.5) < 3 * error


def test_cross_validation_of_scikit_learn_hands_over_groups(make_bags):
    bags, y, groups = make_bags(36, groups=12)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ConcatLR().set_fit_request(groups=True)
        result = cross_validate(
            model, bags, y, cv=GroupKFold(3), params={"groups": groups}, return_estimator=True, error_score="raise"
        )
    assert len(result["test_score"]) == 3
    assert all(np.isfinite(result["test_score"]))


def test_registry_makes_every_model_by_name():
    simple = ["audio-lr", "text-lr", "concat-lr", "seq-lr", "audio-gb", "text-gb", "concat-gb"]
    simple += ["late-mean", "late-stack", "kernel-ridge", "kernel-svm"]
    vectors = ["kernel-svm-vectors", *(f"{name}-vectors" for name in ("gmu", "lmf", "misa", "clip"))]
    assert [name for name in MODELS if name in simple] == simple
    assert list(MODELS)[:2] == ["prior", "length"]
    assert list(MODELS)[-8:] == [*vectors, "hilbert", "hilbert-gmc", "hilbert-paper"]
    for name in MODELS:
        assert make_model(name, seed=7).seed == 7
    assert make_model("hilbert").preset == "robust"
    assert make_model("hilbert-paper", config={"cka.weight": 0}).preset == "paper"
    with pytest.raises(UsageError, match=r"prior, length.*'hilbret'"):
        make_model("hilbret")
