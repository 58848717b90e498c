"""What the classifier is made of: each member alone, how they are mixed, and which of them are trained at all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hilbert.estimators import AudioLR, ConcatLR, HilbertClassifier, Stack, TextLR
from hilbert.estimators import network as network_module
from hilbert.estimators.base import Targets
from hilbert.estimators.classifier import POOLED, TRAINED, VECTOR_STRENGTHS
from hilbert.estimators.mixture import Mixture
from hilbert.nn.documents import Vectorizer, weightings
from hilbert.nn.linear import PooledLogistic, VectorLogistic, softmax

SHORTEST = {"training.epochs": 2, "training.head_epochs": 2}
MODELS = ["robust", "paper", "full"]
ALONE = {"voice": AudioLR, "words": TextLR, "both": ConcatLR}


def without_some_labels(y):
    return np.where(np.arange(len(y)) % 4 == 1, None, y.astype(object))


# --- each member alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", list(ALONE))
@pytest.mark.parametrize("classes", [2, 3])
def test_a_pooled_member_alone_is_the_linear_model_of_its_modalities(make_bags, tiny, member, classes):
    bags, y, groups = make_bags(40, groups=20, nan=True, classes=classes)
    model = HilbertClassifier(config=tiny | {"stack.members": [member]}, seed=2).fit(bags, y, groups=groups)
    plain = ALONE[member](seed=2).fit(bags, y, groups=groups)
    new, _, _ = make_bags(30, seed=9, nan=True)
    for data in (bags, new, new.without("audio"), new.without("text"), new[:1]):
        np.testing.assert_allclose(model.decision_function(data), plain.decision_function(data), rtol=0, atol=1e-8)
        np.testing.assert_allclose(model.predict_proba(data), plain.predict_proba(data), rtol=0, atol=1e-8)
    assert model.predict(new).tolist() == plain.predict(new).tolist()
    assert model.shares_ == {member: 1.0}


def test_voice_and_words_are_a_stack_of_both_linear_models(corpus, tiny):
    bags, y, groups = corpus
    model = HilbertClassifier(config=tiny | {"stack.members": ["voice", "words"]}).fit(bags, y, groups=groups)
    stack = Stack({"voice": AudioLR(), "words": TextLR()}).fit(bags, y, groups=groups)
    np.testing.assert_allclose(model.predict_proba(bags), stack.predict_proba(bags), rtol=0, atol=1e-8)
    assert model.shares_ == pytest.approx(stack.shares_)


@pytest.mark.parametrize("member", ["steady", "changing"])
def test_a_member_on_vectors_alone_is_a_regression_on_its_weighting_of_them(make_bags, corpus, tiny, member):
    bags, y, groups = corpus
    some = without_some_labels(y)  # all documents say what is steady, and those with a label which class is
    model = HilbertClassifier(config=tiny | {"stack.members": [member]}, seed=1).fit(bags, some, groups=groups)
    targets = Targets.of(some, groups, 40, 3, 1)
    vectorizer, vectors = Vectorizer.fit(bags, model.config_.vectors, 1)
    weighting = weightings(bags, vectorizer, vectors)[member]
    rows = (vectors.rows @ weighting)[targets.labelled]
    expected = VectorLogistic.fit(rows, targets.known, 3, targets.folds, strengths=VECTOR_STRENGTHS)
    assert np.array_equal(model.linear_[member].out_of_fold, expected.out_of_fold)
    mixture = Mixture.fit([expected.out_of_fold], targets.known)
    for data in (bags, make_bags(20, seed=9, nan=True)[0]):
        logits = expected(vectorizer(data).rows @ weighting)
        np.testing.assert_allclose(model.predict_proba(data), softmax(mixture([logits])), rtol=0, atol=1e-8)


@pytest.mark.parametrize("member", ["network", "experts"])
def test_a_trained_member_alone_is_what_is_said_of_the_embeddings(corpus, tiny, member):
    bags, y, groups = corpus
    model = HilbertClassifier(config=tiny | {"stack.members": [member]}).fit(bags, y, groups=groups)
    z = model.transform(bags).astype(np.float64)
    logits = model.network_.readout(z) if member == "network" else model.fit_.head_logits(z)
    assert (model.network_.readout is None) == (member == "experts")
    np.testing.assert_allclose(model.predict_proba(bags), softmax(model.mixture_([logits])), rtol=0, atol=1e-12)
    assert model.variants(bags) == {}


def test_unlabelled_documents_do_not_touch_the_pooled_members(corpus, tiny):
    bags, y, groups = corpus
    some = without_some_labels(y)
    known = np.flatnonzero([v is not None for v in some])
    model = HilbertClassifier(config=tiny | {"stack.members": ["both"]}).fit(bags, some, groups=groups)
    plain = ConcatLR().fit(bags[known], y[known], groups=groups[known])
    np.testing.assert_allclose(model.predict_proba(bags), plain.predict_proba(bags), rtol=0, atol=1e-8)


# --- together ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_members_are_mixed_as_the_mixture_says(request, corpus, name):
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    assert model.members_ == model.config_.stack.members
    assert list(model.shares_) == list(model.members_)
    assert sum(model.shares_.values()) == pytest.approx(1)
    assert all(share > 0 for share in model.shares_.values())
    logits = model.member_logits(model.inputs_(bags))
    assert set(logits) == set(model.members_)
    mixed = model.mixture_([logits[member] for member in model.members_])
    np.testing.assert_allclose(model.decision_function(bags), mixed, rtol=0, atol=1e-12)
    for member, table in logits.items():
        if member not in TRAINED:
            kind = PooledLogistic if member in POOLED else VectorLogistic
            assert isinstance(model.linear_[member], kind)
        assert table.shape == (40, 3)
        assert np.isfinite(table).all()
    assert set(model.linear_) == set(model.members_) - set(TRAINED)


@pytest.mark.parametrize("name", MODELS)
def test_variants_are_parts_that_are_mixed_by_themselves(request, corpus, name):
    bags, y, groups = corpus
    model = request.getfixturevalue(name)
    found = model.variants(bags)
    trained = [m for m in model.members_ if m in TRAINED]
    untrained = [m for m in model.members_ if m not in TRAINED]
    assert list(found) == (["no training", "network"] if trained and untrained else [])
    if not found:
        return
    targets = Targets.of(y, groups, 40, model.config_.stack.folds, model.seed)
    logits = model.member_logits(model.inputs_(bags))
    out_of_fold = {m: part.out_of_fold for m, part in model.linear_.items()} | model.network_.out_of_fold
    for part, members in (("no training", untrained), ("network", trained)):
        mixture = Mixture.fit([out_of_fold[m] for m in members], targets.numbers)
        np.testing.assert_allclose(found[part], softmax(mixture([logits[m] for m in members])), rtol=0, atol=1e-9)
    plain = clone(model).set_params(config=model.config_.replace({"stack.members": untrained}))
    plain.fit(bags, y, groups=groups)
    np.testing.assert_allclose(plain.predict_proba(bags), found["no training"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_recombined_documents_are_judged_as_if_they_were_made_so(request, corpus, name):
    bags = corpus[0][:20]
    model, rng = request.getfixturevalue(name), np.random.default_rng(0)
    predict = model.recombined(bags)
    for audio, text in ((np.arange(20), np.arange(20)), (rng.permutation(20), rng.integers(0, 20, 20))):
        made, found = bags.recombine(audio, text), predict(audio, text)
        expected = {"": model.predict_proba(made), **model.variants(made)}
        assert list(found) == list(expected)
        for variant, proba in expected.items():
            np.testing.assert_allclose(found[variant], proba, rtol=0, atol=1e-5)


def test_distances_are_those_of_the_pooled_members(corpus, robust, paper, full):
    bags, _, _ = corpus
    assert paper.distances(bags) == {}
    for model in (robust, full):
        found = model.distances(bags)
        assert list(found) == ["audio", "text"]
        for name, distance in found.items():
            lacked = getattr(bags, name).lengths == 0
            assert np.array_equal(np.isnan(distance), lacked)
            assert np.mean(distance[~lacked] ** 2) == pytest.approx(1.0)
            packed = getattr(bags, name)
            far = type(packed)(packed.values + 100, packed.lengths, packed.times)
            moved = type(bags)(bags.ids, *(far if n == name else getattr(bags, n) for n in found), bags.duration)
            assert np.nanmin(model.distances(moved)[name]) > np.nanmax(distance)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_network_and_its_head(request, name):
    model = request.getfixturevalue(name)
    modules = torch.nn.ModuleList([model.fit_.network, model.fit_.head])
    assert model.n_parameters_ == sum(p.numel() for p in modules.parameters()) > 100


# --- which are trained ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("members", [["words", "network"], ["both", "experts", "network"]])
def test_with_few_labels_the_network_is_left_out_and_documents_are_embedded_all_the_same(corpus, tiny, members):
    bags, y, groups = corpus
    some = without_some_labels(y)  # thirty labels
    names = []
    config = tiny | SHORTEST | {"stack.members": members, "stack.few": ["words", "both"]}
    model = HilbertClassifier(config=config | {"stack.least": 31}, progress=lambda *said: names.append(said))
    model.fit(bags, some, groups=groups)
    assert model.members_ == (members[0],)
    assert model.shares_ == {members[0]: 1.0}
    assert names == [(0, 1, "start")]
    assert (model.epochs_, model.history_) == ({}, [])
    assert model.network_.readout is None
    z = model.transform(bags)
    assert z.shape == (40, 24)
    assert np.isfinite(z).all()
    assert np.ptp(z, axis=0).min() > 0  # of principal components
    known = np.flatnonzero([v is not None for v in some])
    alone = ALONE[members[0]]().fit(bags[known], y[known], groups=groups[known])
    np.testing.assert_allclose(model.predict_proba(bags), alone.predict_proba(bags), rtol=0, atol=1e-8)
    enough = clone(model).set_params(config=config | {"stack.least": 30})
    assert enough.fit(bags, some, groups=groups).members_ == tuple(members)


def test_a_network_that_is_alone_is_trained_on_any_number_of_labels(corpus, tiny):
    bags, y, groups = corpus
    config = tiny | SHORTEST | {"stack.members": ["experts"], "stack.least": 1000}
    assert HilbertClassifier(config=config).fit(bags, y, groups=groups).members_ == ("experts",)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_no_group_is_on_both_sides_of_an_inner_fold(corpus, tiny, monkeypatch, preset):
    """Unlabelled documents are trained on, too, but not beside held-out ones of their group."""
    bags, y, groups = corpus
    some = without_some_labels(y)
    known = np.array([v is not None for v in some])
    trained, fit = [], network_module.fit_network

    def remembered(config, data, rows, **options):
        trained.append((rows, options["epochs"]))
        return fit(config, data, rows, **options)

    monkeypatch.setattr(network_module, "fit_network", remembered)
    model = HilbertClassifier(preset, tiny | SHORTEST).fit(bags, some, groups=groups)
    *inner, (final, epochs) = trained
    assert len(inner) == model.config_.stack.folds
    held = np.concatenate([rows.held_out for rows, _ in inner])
    assert sorted(held) == np.flatnonzero(known).tolist()  # each of the labelled once
    for (train, held_out), ends in inner:
        assert ends is None
        assert not set(groups[train]) & set(groups[held_out])
        assert (~known[train]).any()
        assert sorted([*train[known[train]], *held_out]) == np.flatnonzero(known).tolist()
    assert final.train.tolist() == list(range(40))
    assert len(final.held_out) == 0
    assert epochs == model.epochs_


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_out_of_fold_logits_are_of_networks_that_had_not_seen_the_documents_label(corpus, tiny, preset):
    """Other labels of one fold's test documents, at the same epochs: what is said of them there stays to the bit."""
    bags, y, groups = corpus
    targets, seen = Targets.of(y, groups, 40, 3, 0), []
    test = targets.folds[0][1]
    other = targets.numbers.copy()
    other[test] = (other[test] + 1) % 3
    stages = ["joint"] if preset == "robust" else ["representation", "head"]
    for numbers in (targets.numbers, other):
        model, labelled = HilbertClassifier(preset, tiny), replace(targets, numbers=numbers)
        config = model._begin(bags)
        model._read(bags, numbers, targets.groups)

        def train(name, rows, epochs, config=config, data=model.data_):
            # without held-out documents nothing chooses an epoch by their labels
            ends = dict.fromkeys(stages, 2) if epochs is None else epochs
            return network_module.fit_network(
                config, data, rows._replace(held_out=rows.held_out[:0]), classes=3, epochs=ends
            )

        seen.append(network_module.NetworkClassifier.train(model.data_, labelled, ["experts"], train).out_of_fold)
    rest = np.setdiff1d(np.arange(40), test)
    assert np.array_equal(seen[0]["experts"][test], seen[1]["experts"][test])
    assert not np.array_equal(seen[0]["experts"][rest], seen[1]["experts"][rest])


def test_inner_embeddings_are_handed_over_with_their_folds(corpus, tiny):
    bags, y, groups = corpus
    some = without_some_labels(y)
    seen = []
    model = HilbertClassifier("paper", tiny | SHORTEST, on_inner=lambda *given: seen.append(given))
    model.fit(bags, some, groups=groups)
    targets = Targets.of(some, groups, 40, 3, 0)
    assert len(seen) == 3
    for (z, train, test), (train_places, test_places) in zip(seen, targets.folds, strict=True):
        assert {name: part.shape for name, part in z.items()} == dict.fromkeys(("audio", "text", "joint"), (30, 8))
        assert np.array_equal(train, train_places)
        assert np.array_equal(test, test_places)
    assert not np.array_equal(seen[0][0]["joint"], seen[1][0]["joint"])


def test_progress_names_every_training_before_it_begins(corpus, tiny):
    bags, y, groups = corpus
    said = []
    HilbertClassifier("paper", tiny | SHORTEST, progress=lambda *given: said.append(given)).fit(bags, y, groups=groups)
    names = ["inner-0", "inner-1", "inner-2", "final"]
    assert said == [(done, 4, name) for done, name in enumerate(names)]


def test_a_fit_that_was_interrupted_is_none(corpus, tiny, tmp_path):
    bags, y, groups = corpus

    def stop(done, total, name):
        if name == "inner-1":
            raise KeyboardInterrupt

    model = HilbertClassifier("paper", tiny | SHORTEST, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(bags, y, groups=groups)
    for method in ("predict", "transform", "variants", "distances", "recombined"):
        with pytest.raises(NotFittedError):
            getattr(model, method)(bags)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m")
    model.set_params(progress=None).fit(bags, y, groups=groups)
    assert np.isfinite(model.predict_proba(bags)).all()
    model.set_params(progress=stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(bags, y, groups=groups)
    with pytest.raises(NotFittedError):  # rather than a mixture of both fits
        model.predict(bags)


def test_paper_is_the_experts_alone_of_whom_two_judge_each_document(corpus, paper):
    bags, _, _ = corpus
    assert paper.members_ == ("experts",)
    assert paper.linear_ == {}
    assert paper.inputs_.vectorizer is None
    head = paper.fit_.head
    assert (paper.config_.head.top_k, head.top_k) == (2, 2)
    z = torch.as_tensor(paper.transform(bags))
    with torch.inference_mode():
        gate = head.gate(head.router(head.norm(z)))
    assert ((gate > 0).sum(dim=1) == 2).all()
    np.testing.assert_allclose(gate.sum(dim=1), 1, atol=1e-6)
    # calibration does not turn them round: the order of each class is that of the experts, within ±5 spreads
    logits = paper.fit_.head_logits(paper.transform(bags))
    mixed = paper.mixture_.weights[0] / paper.mixture_.scales[0] * (logits - logits.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(paper.decision_function(bags), mixed + paper.mixture_.offsets, rtol=0, atol=1e-9)
