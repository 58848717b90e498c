"""The parts of the classifier: the linear baseline inside, the second network, and their shares."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hilbert import estimators
from hilbert.baselines import ConcatLR
from hilbert.estimators import HilbertClassifier
from hilbert.nn.linear import softmax

SHORTEST = {"training.epochs": 2, "training.head_epochs": 2}


@pytest.mark.parametrize(("classes", "old"), [(2, False), (3, False), (3, True)])
def test_without_the_network_it_is_concat_lr(make_bags, tiny, two_stages, classes, old):
    bags, y, groups = make_bags(40, groups=20, nan=True, classes=classes)
    config = tiny | {"core.alpha": 0.0, "core.evidence": 1e6, "segments.enabled": False} | (two_stages if old else {})
    model = HilbertClassifier(config=config, seed=2).fit(bags, y, groups=groups)
    plain = ConcatLR(seed=2).fit(bags, y, groups=groups)
    assert model.alpha_ == 0
    new, _, _ = make_bags(30, seed=9, nan=True)
    for data in (bags, new, new.without("audio"), new.without("text"), new[:1]):
        np.testing.assert_allclose(model.decision_function(data), plain.decision_function(data), rtol=0, atol=1e-8)
        np.testing.assert_allclose(model.predict_proba(data), plain.predict_proba(data), rtol=0, atol=1e-8)
    assert model.predict(new).tolist() == plain.predict(new).tolist()


def test_unlabelled_documents_do_not_touch_the_core(corpus, tiny):
    bags, y, groups = corpus
    some = np.where(np.arange(40) % 4 == 1, None, y.astype(object))
    known = np.flatnonzero([v is not None for v in some])
    model = HilbertClassifier(config=tiny | {"core.alpha": 0.0, "core.evidence": 1e6, "segments.enabled": False}).fit(
        bags, some, groups=groups
    )
    plain = ConcatLR().fit(bags[known], y[known], groups=groups[known])
    np.testing.assert_allclose(model.predict_proba(bags), plain.predict_proba(bags), rtol=0, atol=1e-8)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_no_group_is_on_both_sides_of_an_inner_fold(corpus, tiny, monkeypatch, preset):
    """Unlabelled documents are trained on, too, but not beside held-out ones of their group."""
    bags, y, groups = corpus
    some = np.where(np.arange(40) % 4 == 1, None, y.astype(object))
    known = np.array([v is not None for v in some])
    trained, fit = [], estimators.classifier.fit_network

    def remembered(config, data, target, numbers, rows, **options):
        trained.append(rows)
        return fit(config, data, target, numbers, rows, **options)

    monkeypatch.setattr(estimators.classifier, "fit_network", remembered)
    HilbertClassifier(preset, tiny | SHORTEST).fit(bags, some, groups=groups)
    networks = [trained[:4], trained[4:]] if preset == "robust" else [trained]
    for *inner, final in networks:
        for train, held_out in inner:
            assert not set(groups[train]) & set(groups[held_out])
            assert known[held_out].all()
            assert (~known[train]).any()
            assert sorted([*train[known[train]], *held_out]) == np.flatnonzero(known).tolist()
        assert final.train.tolist() == list(range(40))
        assert len(final.held_out) == 0


@pytest.mark.parametrize("name", ["robust", "staged"])
def test_shares_mix_the_logits_and_the_variants_are_the_parts_alone(request, corpus, name):
    bags, _y, _groups = corpus
    model = request.getfixturevalue(name)
    z = model.transform(bags).astype(np.float64)
    head, core = model.fit_.head_logits(z), model.core_.logits(bags)
    network = head if name == "staged" else model.network_.readout.logits(z)
    second = model.second_.judge(bags)
    assert model.alpha_ in (0.0, 0.75, 1.0)
    assert model.beta_ == 0.25
    forced = clone(model)
    forced.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    for alpha, beta in ((model.alpha_, 0.25), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 0.0)):
        forced.alpha_, forced.beta_ = alpha, beta
        expected = (1 - beta) * ((1 - alpha) * core + alpha * network) + beta * second
        np.testing.assert_allclose(forced.decision_function(bags), expected, rtol=0, atol=1e-12)
    assert np.array_equal(forced.decision_function(bags), network)
    alpha = model.alpha_
    first = (1 - alpha) * core + alpha * network
    whole = model.calibration_(0.75 * first + 0.25 * second)
    expected = {"calibrated": softmax(whole), "no core": softmax(network), "one network": softmax(first)}
    if name != "staged":
        inputs = model.fit_.representation.inputs
        vectors = model.untrained_.logits(inputs, inputs.documents(bags))
        expected |= {"experts": softmax(head), "no training": softmax(vectors)}
    found = model.variants(bags)
    assert list(found) == list(expected)
    for variant, proba in expected.items():
        np.testing.assert_allclose(found[variant], proba, rtol=0, atol=1e-12)
    assert list(model.selection_) == ["core", "segments"]
    head_on, beside = model.selection_["core"], model.selection_["segments"]
    assert head_on.start == pytest.approx(model.core_.score)
    assert 0 < beside.start < 1


def test_a_second_network_that_adds_nothing_is_left_out(corpus, tiny, tmp_path):
    """Trained on the inner folds, it is not finished where its share is 0; and the rest does not depend on it."""
    bags, y, groups = corpus
    zero, without = ({"segments.share": 0.0}, {"segments.enabled": False})
    names = []
    model = HilbertClassifier(config=tiny | zero)
    model.on_training = lambda done, total, name: names.append((done, total, name))
    model.fit(bags, y, groups=groups)
    assert [name for *_, name in names] == [
        *("inner-0", "inner-1", "inner-2", "final", "segments-inner-0", "segments-inner-1", "segments-inner-2")
    ]
    assert {total for _, total, _ in names} == {8}
    assert (model.beta_, model.second_) == (0.0, None)
    plain = HilbertClassifier(config=tiny | without).fit(bags, y, groups=groups)
    assert np.array_equal(model.decision_function(bags), plain.decision_function(bags))
    assert np.array_equal(model.variants(bags)["one network"], model.predict_proba(bags))
    assert "one network" not in plain.variants(bags)
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert (again.beta_, again.second_) == (0.0, None)
    assert np.array_equal(again.decision_function(bags), model.decision_function(bags))


def test_inner_folds_move_the_share(make_bags, tiny):
    """A second network that cannot learn adds nothing; one that can is taken."""
    bags, y, groups = make_bags(90, groups=45, signal=3.0)
    able = {"segments.learning_rate": 0.02, "segments.epochs": 8, "segments.width": 8, "segments.components": 6}
    unable = {"segments.learning_rate": 1e-5, "segments.epochs": 1}
    free = {"segments.share": 0.0, "segments.evidence": 0.0, "training.learning_rate": 1e-5, "training.epochs": 1}
    found = {}
    for name, changes in (("able", able), ("unable", unable)):
        config = tiny | free | {"core.enabled": False, "segments.shares": [0.5, 1.0]} | changes
        found[name] = HilbertClassifier("robust", config | {"head.readout": False}).fit(bags, y, groups=groups)
    gains = {name: model.selection_["segments"] for name, model in found.items()}
    assert found["able"].beta_ > 0
    assert gains["able"].gain > gains["able"].standard_error
    assert found["unable"].beta_ == 0
    assert gains["unable"].gain < 0
    assert list(found["able"].selection_) == ["segments"]  # there is no core


def test_without_a_core_the_second_network_is_saved_all_the_same(corpus, tiny, tmp_path):
    bags, y, groups = corpus
    model = HilbertClassifier(config=tiny | {"core.enabled": False}).fit(bags, y, groups=groups)
    assert (model.core_, model.alpha_, model.beta_) == (None, 1.0, 0.25)
    assert list(model.variants(bags)) == ["calibrated", "one network", "experts", "no training"]
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))


def test_a_fit_that_was_interrupted_is_none(corpus, tiny, tmp_path):
    bags, y, groups = corpus
    model = HilbertClassifier(config=tiny)

    def stop(done, total, name):
        if name == "segments-inner-1":
            raise KeyboardInterrupt

    model.on_training = stop
    with pytest.raises(KeyboardInterrupt):
        model.fit(bags, y, groups=groups)
    with pytest.raises(NotFittedError):
        model.predict(bags)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m")
    model.on_training = None
    assert np.isfinite(model.fit(bags, y, groups=groups).predict_proba(bags)).all()
    model.on_training = stop
    with pytest.raises(KeyboardInterrupt):
        model.fit(bags, y, groups=groups)
    with pytest.raises(NotFittedError):  # rather than a mixture of both fits
        model.predict(bags)


@pytest.mark.parametrize("name", ["robust", "paper", "staged"])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.5])
def test_recombined_documents_are_judged_as_if_they_were_made_so(request, corpus, name, alpha):
    bags = corpus[0][:20]
    model = request.getfixturevalue(name)
    forced = clone(model)
    forced.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    forced.alpha_ = model.alpha_ if alpha is None or name == "paper" else alpha
    rng = np.random.default_rng(0)
    predict = forced.recombined(bags)
    for audio, text in ((np.arange(20), np.arange(20)), (rng.permutation(20), rng.integers(0, 20, 20))):
        made, found = bags.recombine(audio, text), predict(audio, text)
        expected = {"": forced.predict_proba(made), **forced.variants(made)}
        assert list(found) == list(expected)
        for variant, proba in expected.items():
            np.testing.assert_allclose(found[variant], proba, rtol=0, atol=1e-5)


def test_paper_has_no_core(corpus, paper):
    bags, _, _ = corpus
    assert paper.core_ is None
    assert paper.network_.readout is None
    assert list(paper.variants(bags)) == ["calibrated"]
    assert np.array_equal(paper.decision_function(bags), paper.fit_.head_logits(paper.transform(bags)))
    assert (paper.alpha_, paper.beta_, paper.second_) == (1.0, 0.0, None)
