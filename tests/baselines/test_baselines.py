"""Baselines: scikit-learn's face, chance where nothing can be known, and exactly what their names say."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_validate

from hilbert.baselines import MODELS, AudioLR, ConcatLR, Length, Prior, TextLR, make_model
from hilbert.baselines.length import lengths
from hilbert.errors import InputError, UsageError
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.splits import grouped_folds

KINDS = (Prior, Length, AudioLR, TextLR, ConcatLR)


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
    assert model.predict(bags).tolist() == [model.classes_[i] for i in model.predict_proba(bags).argmax(1)]
    np.testing.assert_allclose(model.predict_proba(bags)[::-1], proba, atol=1e-12)
    again = kind(seed=3).fit(bags, y, groups=groups)
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [[0, 1], [True, False], ["x", "ä"]])
def test_two_classes_of_any_kind(make_bags, kind, labels):
    bags, y, _ = make_bags(24, classes=2)
    named = np.where(y == "a", *(np.array([label], dtype=object) for label in labels))
    model = kind().fit(bags, named)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(bags).tolist()) <= set(labels)
    assert model.predict_proba(bags).shape == (24, 2)


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


def test_shuffled_labels_give_one_half(make_bags):
    """The whole pipeline, with groups that look alike: nothing of a test fold may reach its training."""
    bags, y, groups = make_bags(160, groups=80)
    y = np.random.default_rng(0).permutation(y)
    scores, folds = np.zeros((160, 3)), np.zeros(160)
    for split in grouped_folds(y, groups, 4):
        model = ConcatLR().fit(bags[split.train], y[split.train], groups=groups[split.train])
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
    assert list(MODELS) == ["prior", "length", "audio-lr", "text-lr", "concat-lr", "hilbert", "hilbert-paper"]
    for name in MODELS:
        assert make_model(name, seed=7).seed == 7
    assert make_model("hilbert").preset == "robust"
    assert make_model("hilbert-paper", config={"cka.weight": 0}).preset == "paper"
    with pytest.raises(UsageError, match=r"prior, length.*'hilbret'"):
        make_model("hilbret")
