"""The estimators: what comes out, scikit-learn's face, the same bytes every time."""

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_validate

from hilbert.config import HilbertConfig
from hilbert.errors import ConfigError, InputError, ModelError, UsageError
from hilbert.estimators import HilbertClassifier, HilbertEmbedder
from hilbert.features.bags import Bags, Packed
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import softmax
from hilbert.splits import grouped_folds

JOINT = {"training.regime": "joint"}
SHORTEST = {"training.epochs": 2, "training.head_epochs": 2}
PARTS = {"no training", "network"}


# --- what comes out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["robust", "paper", "full"])
def test_outputs(request, corpus, name):
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    proba, z = model.predict_proba(bags), model.transform(bags)
    assert proba.shape == (40, 3)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(1), 1, atol=1e-12)
    assert z.shape == (40, 24)
    assert z.dtype == np.float32
    assert np.isfinite(z).all()
    assert model.predict(bags).tolist() == model.classes_[(proba / model.prior_).argmax(1)].tolist()
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.prior_.tolist() == [14 / 40, 13 / 40, 13 / 40]
    assert set(model.variants(bags)) == (set() if name == "paper" else PARTS)
    assert model.predict_proba(bags[:0]).shape == (0, 3)
    assert model.transform(bags[:0]).shape == (0, 24)
    assert all(len(p) == 0 for p in model.variants(bags[:0]).values())
    stages = {row["stage"] for row in model.history_}
    assert stages == ({"joint"} if name == "robust" else {"representation", "head"}) == set(model.epochs_)
    assert {"audio_joint", "text_joint", "held_out_total"} <= set(model.history_[0])
    assert ({"cka", "balance"} <= set(model.history_[0])) == (name != "robust")


@pytest.mark.parametrize("name", ["robust", "paper", "full"])
def test_a_document_is_judged_by_itself(request, corpus, make_bags, name):
    """Alone, in another order, beside documents of another length: the same to rounding."""
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    whole = model.transform(bags), model.predict_proba(bags)
    order = np.random.default_rng(0).permutation(40)
    for rows in (order, np.array([7]), np.array([3, 30])):
        np.testing.assert_allclose(model.transform(bags[rows]), whole[0][rows], rtol=0, atol=1e-5)
        np.testing.assert_allclose(model.predict_proba(bags[rows]), whole[1][rows], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["robust", "full"])
def test_features_without_one_modality_at_all(request, corpus, name):
    """A store that was extracted without text has text of no known width."""
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    nothing = Packed(np.zeros((0, 1), np.float32), np.zeros(40, np.int64), np.zeros(0, np.float32))
    audio_only = Bags(bags.ids, bags.audio, nothing, bags.duration, bags.source)
    expected = bags.without("text")
    for method in ("predict_proba", "transform", "decision_function"):
        assert np.array_equal(getattr(model, method)(audio_only), getattr(model, method)(expected))
    assert all(np.array_equal(p, model.variants(expected)[k]) for k, p in model.variants(audio_only).items())


@pytest.mark.parametrize("preset", ["robust", "paper"])
@pytest.mark.parametrize("missing", ["audio", "text"])
def test_training_without_one_modality(corpus, tiny, preset, missing):
    bags, y, groups = corpus
    model = HilbertClassifier(preset, tiny).fit(bags.without(missing), y, groups=groups)
    assert np.isfinite(model.predict_proba(bags.without(missing))).all()
    assert np.isfinite(model.transform(bags)).all()


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_very_few_documents(make_bags, tiny, preset):
    bags, y, _ = make_bags(4, classes=2, missing=False)
    model = HilbertClassifier(preset, tiny).fit(bags, y)
    assert np.isfinite(model.predict_proba(bags)).all()


def test_joint_regime(corpus, tiny):
    bags, y, groups = corpus
    some = np.where(np.arange(40) % 4 == 1, None, y.astype(object))
    model = HilbertClassifier("paper", tiny | JOINT).fit(bags, some, groups=groups)
    assert set(model.epochs_) == {"joint"}
    assert {row["stage"] for row in model.history_} == {"joint"}
    assert {"label", "cka", "held_out_label"} <= set(model.history_[0])
    assert np.isfinite(model.predict_proba(bags)).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"stack.members": ["network"], "contrast.label_aware": True} | JOINT,
        {"stack.members": ["experts", "both"], "contrast.audio_text": 0.5, "stack.folds": 2} | JOINT,
        {"network.joint": "gated", "cka.debiased": False, "cka.target": "input", "cka.hinge": 0.9},
        {"head.top_k": 1, "network.joint": "sequence", "network.layers": 2, "network.components": 3},
        {"head.kind": "mlp", "head.top_k": None, "head.load_balance": 0.0, "head.class_weights": True},
        {"network.max_segments": None, "network.unimodal_source": "pre", "training.modality_dropout": 1.0},
        {"contrast.weight": 0.0, "balance.weight": 0.0, "cka.weight": 0.0},
        {"balance.estimator": "gaussian", "balance.form": "level_up", "training.batch_size": 7},
    ],
)
def test_every_choice_trains(corpus, tiny, changes):
    bags, y, groups = corpus
    model = HilbertClassifier("paper", tiny | changes).fit(bags, y, groups=groups)
    assert np.isfinite(model.predict_proba(bags)).all()


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_the_network_learns_what_is_there(make_bags, tiny, preset):
    bags, y, groups = make_bags(90, groups=45, signal=3.0)
    train, test = slice(0, 60), slice(60, 90)
    more = {"training.epochs": 8, "training.head_epochs": 40, "training.learning_rate": 0.02}
    model = HilbertClassifier(preset, tiny | more)
    model.fit(bags[train], y[train], groups=groups[train])
    for proba in (model.predict_proba(bags[test]), *model.variants(bags[test]).values()):
        assert (model.classes_[proba.argmax(axis=1)] == y[test]).mean() > 0.8


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_shuffled_labels_give_one_half(make_bags, tiny, preset):
    """The canary, with groups: no member may know anything of the tested documents' labels."""
    bags, y, groups = make_bags(96, groups=48, classes=2, audio_dim=3, text_dim=2)
    y = np.random.default_rng(1).permutation(y)
    scores, folds = {}, np.zeros(96)
    for split in grouped_folds(y, groups, 3):
        model = HilbertClassifier(preset, tiny | SHORTEST)
        model.fit(bags[split.train], y[split.train], groups=groups[split.train])
        tables = {"": model.predict_proba(bags[split.test])} | model.variants(bags[split.test])
        logits = model.member_logits(model.inputs_(bags[split.test]))
        for name, proba in (tables | {name: softmax(table) for name, table in logits.items()}).items():
            scores.setdefault(name, np.zeros((96, 2)))[split.test] = proba
        folds[split.test] = split.fold
    error = 0.059  # Hanley-McNeil at .5 with 48 of 96
    assert set(scores) == {"", *model.members_} | ({"no training"} if preset == "robust" else set())
    for name, table in scores.items():
        assert abs(within_fold_auc(y, table, folds) - 0.5) < 3 * error, name


# --- what is decided -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decide", ["balanced", "probable", {"a": 1, "b": 1, "c": 50}, {"a": 2, "b": 2, "c": 100}])
def test_decisions_are_by_cost_and_change_nothing_else(corpus, paper, decide):
    bags, y, groups = corpus
    model = clone(paper).set_params(decide=decide).fit(bags, y, groups=groups)
    proba = model.predict_proba(bags)
    assert np.array_equal(proba, paper.predict_proba(bags))
    costs = {"balanced": 1 / model.prior_, "probable": np.ones(3)}.get(str(decide), np.array([1, 1, 50]))
    assert model.predict(bags).tolist() == model.classes_[(proba * costs).argmax(axis=1)].tolist()
    assert model.classes_[model.decided(proba)].tolist() == model.predict(bags).tolist()


@pytest.mark.parametrize("decide", ["best", {"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 0}])
def test_decisions_that_are_none_are_found_before_the_training(corpus, tiny, decide):
    bags, y, groups = corpus
    said = []
    model = HilbertClassifier(config=tiny, decide=decide, progress=lambda *given: said.append(given))
    with pytest.raises(UsageError, match="decide: expected"):
        model.fit(bags, y, groups=groups)
    assert said == []


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_of_two_classes_there_is_one_logit(make_bags, tiny, preset):
    bags, y, groups = make_bags(40, groups=20, classes=2)
    model = HilbertClassifier(preset, tiny | SHORTEST).fit(bags, y, groups=groups)
    logit, proba = model.decision_function(bags), model.predict_proba(bags)
    assert logit.shape == (40,)
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), proba[:, 1], rtol=0, atol=1e-12)


# --- scikit-learn --------------------------------------------------------------------------------------------


def test_parameters_as_scikit_learn_handles_them(tiny):
    model = HilbertClassifier("paper", tiny, seed=4, checkpoint="x")
    names = {
        "preset": "paper", "config": tiny, "seed": 4, "device": "cpu", "checkpoint": "x", "decide": "balanced",
        "progress": None, "on_inner": None,
    }  # fmt: skip
    assert model.get_params() == names
    assert is_classifier(model)
    copy = clone(model)
    assert copy.get_params() == names
    assert copy.set_params(seed=5).seed == 5
    assert model.seed == 4
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(sede=1)
    resolved = HilbertClassifier(config=HilbertConfig.load("paper", tiny))
    assert clone(resolved).config == resolved.config


@pytest.mark.parametrize("kind", [HilbertClassifier, HilbertEmbedder])
def test_unfitted(corpus, kind, tmp_path):
    bags, _, _ = corpus
    methods = ["transform"] + ["predict", "predict_proba", "decision_function", "variants"] * (
        kind is HilbertClassifier
    )
    for method in methods:
        with pytest.raises(NotFittedError):
            getattr(kind(), method)(bags)
    with pytest.raises(NotFittedError):
        kind().save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("labels", [["ä b", "10", "9"], [10, 9, -1], [True, False], [1.5, 2.0]])
def test_labels_of_any_kind(make_bags, tiny, labels, tmp_path):
    bags, y, _ = make_bags(30, classes=len(labels))
    named = [labels["abc".index(v)] for v in y]
    model = HilbertClassifier("paper", tiny).fit(bags, named)
    assert model.classes_.tolist() == sorted(labels)
    predicted = model.predict(bags).tolist()
    assert set(predicted) <= set(labels)
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert again.classes_.tolist() == model.classes_.tolist()
    assert again.predict(bags).tolist() == predicted


def test_cross_validation_of_scikit_learn(corpus, tiny):
    bags, y, groups = corpus
    with sklearn.config_context(enable_metadata_routing=True):
        model = HilbertClassifier("paper", tiny).set_fit_request(groups=True)
        result = cross_validate(
            model,
            bags,
            y,
            cv=GroupKFold(2),
            params={"groups": groups},
            scoring=["accuracy", "roc_auc_ovr"],
            return_estimator=True,
            error_score="raise",
        )
    assert all(0 <= v <= 1 for v in [*result["test_accuracy"], *result["test_roc_auc_ovr"]])
    # the groups really arrived: the first fold by hand
    train, test = next(GroupKFold(2).split(np.zeros(40), y, groups))
    by_hand = HilbertClassifier("paper", tiny).fit(bags[train], y[train], groups=groups[train])
    fitted = result["estimator"][0]
    assert np.array_equal(fitted.predict_proba(bags[test]), by_hand.predict_proba(bags[test]))
    without = HilbertClassifier("paper", tiny).fit(bags[train], y[train])
    assert not np.array_equal(fitted.predict_proba(bags[test]), without.predict_proba(bags[test]))


def test_the_space_of_contrast_is_that_of_the_loss(corpus, paper, tmp_path):
    bags, _, _ = corpus
    pair, z = paper.retrieval_pair(bags), paper.embeddings(bags)
    assert {name: part.shape for name, part in pair.items()} == dict.fromkeys(
        z, (len(bags), paper.config_.network.projection)
    )
    objective = paper.fit_.objective
    with torch.no_grad():
        for name, head in (
            ("audio", objective.head_audio),
            ("text", objective.head_text),
            ("joint", objective.head_joint),
        ):
            expected = head.out(torch.nn.functional.gelu(head.hidden(torch.as_tensor(z[name]))))
            np.testing.assert_allclose(pair[name], expected.numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelError, match="does not hold the space of contrast"):
        HilbertClassifier.load(paper.save(tmp_path / "m")).retrieval_pair(bags)


def test_wrong_input(corpus, tiny):
    bags, y, groups = corpus
    model = HilbertClassifier("paper", tiny)
    with pytest.raises(InputError, match=r"hilbert\.Bags.*ndarray"):
        model.fit(np.zeros((40, 3)), y)
    with pytest.raises(InputError, match=r"at least two classes, found \['a'\]"):
        model.fit(bags, ["a"] * 40)
    with pytest.raises(InputError, match="for each of 40 documents, found 39"):
        model.fit(bags, y[:-1])
    with pytest.raises(InputError, match="for each of 40 documents, found 41"):
        model.fit(bags, [*y, "a"])
    with pytest.raises(UsageError, match="groups: expected one for each of 40"):
        model.fit(bags, y, groups=groups[:-1])
    with pytest.raises(UsageError, match="inner folds"):
        model.fit(bags, y, groups=["one"] * 40)
    with pytest.raises(ConfigError, match="'best'"):
        HilbertClassifier("best").fit(bags, y)
    with pytest.raises(ConfigError, match="wdith"):
        HilbertClassifier(config={"network.wdith": 3}).fit(bags, y)


def test_other_features_are_refused(corpus, robust, make_bags):
    bags, _, _ = corpus
    wide, _, _ = make_bags(8, audio_dim=7)
    other = Bags(bags.ids, bags.audio, bags.text, bags.duration, {"audio": {"encoder": "letters"}, "new": 1})
    for method in ("predict", "predict_proba", "transform", "variants"):
        with pytest.raises(ModelError, match="audio features: the model was fitted on 6 values a segment, found 7"):
            getattr(robust, method)(wide)
        with pytest.raises(ModelError, match=r"audio: expected .*numbers.*found .*letters"):
            getattr(robust, method)(other)
    bare = Bags(bags.ids, bags.audio, bags.text, bags.duration)  # says nothing of itself
    assert np.array_equal(robust.transform(bare), robust.transform(bags))


# --- the same bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["robust", "paper", "full"])
def test_same_seed_same_bytes_other_seed_other_bytes(request, tensors, corpus, name):
    bags, y, groups = corpus
    model = request.getfixturevalue(name)
    again = clone(model).fit(bags, y, groups=groups)
    assert tensors(again) == tensors(model)
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))
    assert all(np.array_equal(p, model.variants(bags)[k]) for k, p in again.variants(bags).items())
    assert again.history_ == model.history_
    other = clone(model).set_params(seed=1).fit(bags, y, groups=groups)
    assert tensors(other) != tensors(model)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_generators_of_the_caller_are_left_alone(tensors, corpus, tiny, tmp_path, preset):
    bags, y, groups = corpus

    def state():
        return torch.get_rng_state().numpy().tobytes(), str(np.random.get_state())

    torch.manual_seed(5)
    np.random.seed(5)
    before = state()
    model = HilbertClassifier(preset, tiny).fit(bags, y, groups=groups)
    model.transform(bags)
    HilbertClassifier.load(model.save(tmp_path / "m")).predict(bags)
    HilbertEmbedder(preset, tiny).fit(bags)
    assert state() == before
    torch.manual_seed(6)  # and what the caller seeds changes nothing
    assert tensors(HilbertClassifier(preset, tiny).fit(bags, y, groups=groups)) == tensors(model)


def test_threads_and_features_in_double_precision_change_nothing_that_matters(corpus, robust, paper):
    bags, _y, _groups = corpus
    double = Bags(
        bags.ids,
        Packed(bags.audio.values.astype(np.float64), bags.audio.lengths, bags.audio.times),
        Packed(bags.text.values.astype(np.float64), bags.text.lengths, bags.text.times),
        bags.duration,
        bags.source,
    )
    for model in (robust, paper):
        assert np.array_equal(model.predict_proba(double), model.predict_proba(bags))
