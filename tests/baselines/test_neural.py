"""The engine that neural baselines share: HILBERT's protocol, and nothing of what they must not know."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hilbert.baselines import MODELS, Abmil, ConcatLR, Gmc, GmcOnVectors, Simclr, Symile, make_model, neural
from hilbert.baselines.beside_linear import SHARES
from hilbert.baselines.neural import NeuralBaseline
from hilbert.baselines.trained import prepare_method, train_method
from hilbert.errors import InputError, UsageError
from hilbert.estimators import HilbertClassifier
from hilbert.evaluation.fitting import fit_fold
from hilbert.features.bags import Bags, Packed
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import LogisticMap, softmax
from hilbert.nn.pooled import pool
from hilbert.nn.vector_network import VectorNetwork
from hilbert.splits import encode_labels, grouped_folds
from hilbert.training.data import Rows

SMALL = {"width": 8, "epochs": 2, "batch_size": 16, "folds": 2, "components": 4, "max_segments": 4}
NEURAL = {name: kind for name, kind in MODELS.items() if isinstance(kind, type) and issubclass(kind, NeuralBaseline)}
KINDS = {"abmil": Abmil, "simclr": Simclr, "gmc": Gmc, "symile": Symile}


@pytest.fixture(scope="module")
def data(make_bags):
    """Labels of a quarter of the documents are unknown."""
    bags, y, groups = make_bags(40, groups=20, nan=True)
    return bags, np.where(np.arange(40) % 4 == 1, None, y.astype(object)), groups


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, data):
    bags, y, groups = data
    return KINDS[request.param](seed=1, **SMALL).fit(bags, y, groups=groups)


@pytest.fixture(scope="module")
def new(make_bags):
    """Documents that nobody has trained on."""
    return make_bags(18, seed=9, nan=True)[0]


# --- the protocol --------------------------------------------------------------------------------------------


def test_every_neural_baseline_is_of_this_engine():
    assert set(KINDS) < set(NEURAL)
    assert len(NEURAL) >= 15
    for kind in NEURAL.values():
        assert set(kind.space) <= {*kind.common, *kind.defaults}
        assert "predict_proba" not in vars(kind)
        assert "fit" not in vars(kind)


def test_main_output_and_variants(fitted, data, new):
    """A supervised method's own classifier, else logistic regression; every head also beside the linear model."""
    main = "own" if fitted.method.supervised else "lr"
    others = [name for name in ("lr", "moe") if name != main]
    assert list(fitted.beside_.shares) == [main, *others]
    assert set(fitted.beside_.shares.values()) <= {0.0, *SHARES}
    variants = fitted.variants(new)
    assert list(variants) == [*others, "core", *(f"{name}, core" for name in others)]
    for proba in (fitted.predict_proba(new), *variants.values()):
        assert proba.shape == (18, 3)
        assert proba.dtype == np.float64
        np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(fitted.predict(new), fitted.classes_[fitted.predict_proba(new).argmax(axis=1)])
    assert 1 <= fitted.epochs_ <= 2
    assert fitted.n_parameters_ == sum(p.numel() for p in fitted.fitted_.method.parameters())


def test_without_a_share_the_linear_model_is_concat_lr(fitted, data, new, monkeypatch):
    bags, y, groups = data
    known = np.flatnonzero([label is not None for label in y])
    plain = ConcatLR(seed=1, folds=2).fit(bags[known], y[known], groups=groups[known])
    monkeypatch.setattr(fitted, "beside_", replace(fitted.beside_, shares=dict.fromkeys(fitted.beside_.shares, 0.0)))
    for some in (bags, new, new.without("audio"), new.without("text"), new[:1]):
        expected = softmax(plain.raw_logits(some))
        for name, proba in fitted.variants(some).items():
            if name.endswith("core"):
                np.testing.assert_allclose(proba, expected, rtol=0, atol=1e-8)


def test_shares_blend_the_linear_model_and_a_head(fitted, new, monkeypatch):
    linear, heads = fitted.beside_.linear([pool(new.audio), pool(new.text)]), fitted.head_logits(new)
    for share in (0.25, 1.0):
        shares = dict.fromkeys(fitted.beside_.shares, share)
        monkeypatch.setattr(fitted, "beside_", replace(fitted.beside_, shares=shares))
        for name, proba in fitted.variants(new).items():
            if name.endswith("core"):
                head = heads[name.removesuffix("core").removesuffix(", ") or next(iter(heads))]
                np.testing.assert_allclose(proba, softmax((1 - share) * linear + share * head), rtol=0, atol=1e-12)


def test_inner_folds_are_those_of_hilbert(data, tiny):
    """So that methods and HILBERT are compared on the same choices; a caller may watch both."""
    bags, y, groups = data
    seen = {"method": [], "hilbert": []}

    def watch(name):
        return lambda z, train, test: seen[name].append((list(z), train.tolist(), test.tolist(), len(z["joint"])))

    Gmc(seed=1, **SMALL, on_inner=watch("method")).fit(bags, y, groups=groups)
    config = tiny | {"training.epochs": 1, "stack.folds": 2, "stack.members": ["network"]}
    HilbertClassifier(config=config, seed=1, on_inner=watch("hilbert")).fit(bags, y, groups=groups)
    assert seen["method"] == seen["hilbert"]
    assert [found[0] for found in seen["method"]] == [["audio", "text", "joint"]] * 2
    assert {found[3] for found in seen["method"]} == {30}


def test_what_it_found_out_of_fold_is_of_the_main_head(fitted, new):
    assert fitted.out_of_fold_.shape == (30, 3)
    assert np.array_equal(fitted.raw_logits(new), next(iter(fitted.head_logits(new).values())))
    np.testing.assert_allclose(fitted.predict_proba(new), softmax(fitted.raw_logits(new)))


def test_regression_is_fitted_on_the_embeddings_of_labelled_documents(fitted, data, new):
    bags, y, _ = data
    known = np.flatnonzero([label is not None for label in y])
    z, unseen = (fitted.fitted_.embed(fitted.fitted_.dataset(some)) for some in (bags[known], new))
    head = fitted.heads_[0]
    power = np.sqrt(((z - z.mean(axis=0)) ** 2).sum(axis=1).mean())
    by_hand = LogisticMap.fit((z - z.mean(axis=0)) / power, encode_labels(y[known])[1], 3, head.strength)
    found = fitted.head_logits(new)["lr"]
    np.testing.assert_allclose(softmax(found), softmax(by_hand((unseen - z.mean(axis=0)) / power)), rtol=0, atol=1e-4)


def test_embeddings_by_name(fitted, new):
    names = {"Abmil": ["joint"], "Simclr": ["audio", "text"]}.get(type(fitted).__name__, ["audio", "text", "joint"])
    found = fitted.embeddings(new)
    assert list(found) == names
    assert np.array_equal(np.concatenate(list(found.values()), axis=1), fitted.transform(new))
    assert fitted.transform(new).dtype == np.float32


def test_pairs_are_taken_where_the_loss_compares_them(fitted, new):
    """After the projection heads, with the joint embedding of those that contrast it."""
    pair, name = fitted.retrieval_pair(new), type(fitted).__name__
    assert list(pair) == ([] if name == "Abmil" else list(fitted.embeddings(new)))
    if name in ("Gmc", "Symile"):
        heads = {"Gmc": lambda m: [m.head] * 3, "Symile": lambda m: list(m.heads)}[name](fitted.fitted_.method)
        for head, (key, z) in zip(heads, fitted.embeddings(new).items(), strict=True):
            np.testing.assert_allclose(pair[key], head(torch.as_tensor(z)).detach().numpy(), rtol=1e-4, atol=1e-5)


# --- scikit-learn's face -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEURAL)
def test_parameters(name):
    model = make_model(name, seed=4, width=16, learning_rate=0.01)
    expected = {"seed": 4, "folds": 3, "device": "cpu", "width": 16, "learning_rate": 0.01}
    assert model.get_params() == expected
    copy = clone(model)
    assert copy.get_params() == expected
    assert copy.set_params(width=32, dropout=0.0, seed=5) is copy
    assert copy.get_params() == expected | {"width": 32, "dropout": 0.0, "seed": 5}
    assert model.get_params() == expected
    with pytest.raises(UsageError, match=r"unknown option 'widht'; known: .*width"):
        make_model(name, widht=3)
    with pytest.raises(UsageError, match="unknown option 'widht'"):
        model.set_params(widht=3)
    assert model.get_params() == expected
    reads = {**NEURAL[name].common, **NEURAL[name].defaults}["backbone"]
    with pytest.raises(UsageError, match=f"reads {reads}"):
        make_model(name, backbone={"segments": "vectors", "vectors": "segments"}[reads])
    watched = make_model(name, on_inner=print)
    assert (
        clone(watched).get_params()
        == watched.get_params()
        == {"seed": 0, "folds": 3, "device": "cpu", "on_inner": print}
    )


@pytest.mark.parametrize("kind", [Abmil, Gmc])
def test_unusable_labels(data, kind):
    bags, y, _ = data
    for labels in (y[:-1], [*y, "a"], ["a"] * 40, [None] * 40):
        with pytest.raises(InputError, match="labels: expected"):
            kind(**SMALL).fit(bags, labels)
    for method in ("predict", "predict_proba", "variants", "transform", "embeddings", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(kind(), method)(bags)


# --- the same numbers ----------------------------------------------------------------------------------------


def test_same_seed_same_bytes(fitted, data, new):
    bags, y, groups = data
    before = torch.get_rng_state().numpy().tobytes(), str(np.random.get_state())
    again = clone(fitted).fit(bags, y, groups=groups)
    assert (torch.get_rng_state().numpy().tobytes(), str(np.random.get_state())) == before
    assert np.array_equal(again.predict_proba(new), fitted.predict_proba(new))
    assert np.array_equal(again.transform(new), fitted.transform(new))
    assert all(np.array_equal(p, again.variants(new)[name]) for name, p in fitted.variants(new).items())
    assert again.beside_.shares == fitted.beside_.shares


def test_a_document_is_judged_by_itself(fitted, new):
    """Alone, in another order, beside others than now: nothing of other test documents is used."""
    order = np.random.default_rng(0).permutation(18)
    for output in (fitted.predict_proba, fitted.transform, *(
        lambda some, name=name: fitted.variants(some)[name] for name in fitted.variants(new)
    )):  # fmt: skip
        whole = output(new)
        for rows in (order, np.array([3]), np.array([7, 3, 11])):
            np.testing.assert_allclose(output(new[rows]), whole[rows], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [Abmil, Gmc])
def test_test_documents_are_not_used_in_training(make_bags, kind):
    """Other test documents with other labels beside one: its prediction stays."""
    bags, y, groups = make_bags(40, groups=20)
    other, labels, _ = make_bags(40, seed=5, signal=9.0)
    split = next(iter(grouped_folds(y, groups, 2)))
    rows = np.concatenate([np.arange(40), 40 + np.setdiff1d(np.arange(40), split.test[:2])])
    both, both_y = concatenated(bags, other)[rows], np.concatenate([y, labels[::-1]])[rows].astype(object)
    both_groups = np.concatenate([groups, np.array([f"new{n}" for n in range(40)])])[rows]
    changed = split._replace(test=np.concatenate([split.test[:2], np.arange(40, len(rows))]))
    found = [
        fit_fold("it", kind(**SMALL), some, some_y, some_groups, where, ["a", "b", "c"], 0, True)
        for some, some_y, some_groups, where in (
            (bags, y.astype(object), groups, split),
            (both, both_y, both_groups, changed),
        )
    ]
    for name, proba in found[0].proba.items():
        np.testing.assert_allclose(found[1].proba[name][:2], proba[:2], rtol=0, atol=1e-5)


def concatenated(one, two):
    parts = [
        Packed.from_documents([p.document(row) for p in pair for row in range(len(p.lengths))], pair[0].dim)
        for pair in ((one.audio, two.audio), (one.text, two.text))
    ]
    ids = np.array([f"d{row}" for row in range(len(one) + len(two))])
    return Bags(ids, *parts, np.concatenate([one.duration, two.duration]), one.source)


# --- what is trained on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Abmil, Gmc])
def test_unlabelled_documents_and_groups(data, kind, monkeypatch):
    """Unsupervised methods train on documents without a label, but not beside held-out ones of their group."""
    bags, y, groups = data
    known = np.array([label is not None for label in y])
    trained, train = [], neural.train_method

    def remembered(method, options, prepared, rows, *rest):
        trained.append(rows)
        return train(method, options, prepared, rows, *rest)

    monkeypatch.setattr(neural, "train_method", remembered)
    kind(**SMALL).fit(bags, y, groups=groups)
    *inner, final = trained
    assert len(inner) == 2
    for rows, held_out in inner:
        assert not set(groups[rows]) & set(groups[held_out])
        assert known[held_out].all()
        assert known[rows].all() == kind.method.supervised
        assert sorted([*rows[known[rows]], *held_out]) == np.flatnonzero(known).tolist()
    expected = np.flatnonzero(known) if kind.method.supervised else np.arange(40)
    assert final.train.tolist() == expected.tolist()
    assert len(final.held_out) == 0


@pytest.mark.parametrize("name", NEURAL)
def test_only_supervised_methods_read_labels(data, name):
    bags, y, _ = data
    kind, target = NEURAL[name], encode_labels(y)[1]
    options = {**kind.common, **kind.defaults, **SMALL, "epochs": 1}
    rows = Rows(np.flatnonzero(target >= 0)[:24], np.flatnonzero(target >= 0)[24:])
    found = []
    for labels in (target, np.where(target >= 0, (target + 1) % 3, -1), np.where(target == 2, 0, target)):
        prepared = prepare_method(options, bags, labels, np.arange(40), 0, "cpu")
        trained = train_method(kind.method, options, prepared, rows, 3, 0)
        found.append(trained.embed(prepared.data))
    assert np.isfinite(found[0]).all()
    same = [np.array_equal(found[0], z) for z in found[1:]]
    assert same == [not kind.method.supervised] * 2


@pytest.mark.parametrize("kind", [Abmil, Gmc])
def test_shuffled_labels_give_one_half(make_bags, kind):
    """The canary: nothing of a test fold may reach its training."""
    bags, y, groups = make_bags(96, groups=48, classes=2, audio_dim=3, text_dim=2)
    y = np.random.default_rng(1).permutation(y)
    scores, folds = {}, np.zeros(96)
    for split in grouped_folds(y, groups, 2):
        model = kind(**SMALL).fit(bags[split.train], y[split.train], groups=groups[split.train])
        tables = {"": model.predict_proba(bags[split.test])} | model.variants(bags[split.test])
        for name, proba in tables.items():
            scores.setdefault(name, np.zeros((96, 2)))[split.test] = proba
        folds[split.test] = split.fold
    error = 0.059  # Hanley-McNeil at .5 with 48 of 96
    for name, table in scores.items():
        assert abs(within_fold_auc(y, table, folds) - 0.5) < 3 * error, name


# --- edges ---------------------------------------------------------------------------------------------------


def test_no_documents(fitted, new):
    assert fitted.predict_proba(new[:0]).shape == (0, 3)
    assert fitted.predict(new[:0]).shape == (0,)
    assert fitted.transform(new[:0]).shape == (0, fitted.transform(new).shape[1])
    assert all(proba.shape == (0, 3) for proba in fitted.variants(new[:0]).values())
    assert all(len(z) == 0 for z in fitted.embeddings(new[:0]).values())


def test_documents_that_lack_a_modality(fitted, new):
    for some in (new.without("audio"), new.without("text"), new.without("audio").without("text")):
        for proba in (fitted.predict_proba(some), *fitted.variants(some).values()):
            assert np.isfinite(proba).all()
    nothing = fitted.predict_proba(new.without("audio").without("text"))
    assert np.ptp(nothing, axis=0).max() < 1e-5


@pytest.mark.parametrize(("kind", "missing"), [(Abmil, "audio"), (Simclr, "text"), (Gmc, "audio"), (Symile, "text")])
def test_a_modality_that_no_training_document_has(data, new, kind, missing):
    bags, y, groups = data
    model = kind(**SMALL).fit(bags.without(missing), y, groups=groups)
    for some in (new, new.without(missing)):
        assert all(np.isfinite(p).all() for p in (model.predict_proba(some), *model.variants(some).values()))


@pytest.mark.parametrize("kind", [Abmil, Gmc])
def test_a_class_that_an_inner_fold_lacks(make_bags, kind):
    """Its logits are −∞ there, and no probability is undefined for it."""
    bags, y, groups = make_bags(24)
    y = np.where(np.arange(24) == 5, "rare", np.where(y == "a", "a", "b"))
    model = kind(**SMALL).fit(bags, y, groups=groups)
    for proba in (model.predict_proba(bags), *model.variants(bags).values()):
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize(("kind", "backbone"), [(Gmc, "segments"), (Symile, "segments"), (GmcOnVectors, "vectors")])
def test_bases_on_segments_and_on_vectors(data, kind, backbone):
    bags, y, _ = data
    options = {**kind.common, **kind.defaults, **SMALL}
    assert options["backbone"] == backbone
    prepared = prepare_method(options, bags, encode_labels(y)[1], np.arange(40), 0, "cpu")
    rows = Rows(np.arange(30), np.arange(30, 40))
    fits = [train_method(kind.method, options, prepared, rows, 3, seed) for seed in (0, 0, 1)]
    z = [fit.embed(prepared.data) for fit in fits]
    assert z[0].shape == (40, 24)
    assert np.isfinite(z[0]).all()
    assert np.array_equal(z[0], z[1])
    assert not np.array_equal(z[0], z[2])
    network = fits[0].method.network
    assert isinstance(network, VectorNetwork) == (backbone == "vectors")
    if backbone == "vectors":  # it starts from principal components, and has learnt something since
        assert float(network.joint.scale) != 1.0
        assert network.joint.out.weight.abs().max() > 0
