"""All monitors of a fitted model together, and where they are undefined."""

import copy
import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from hilbert.estimators import HilbertClassifier, HilbertEmbedder
from hilbert.monitors import embedded, used

KEPT = {
    "retention_audio", "retention_text", "retention_least", "ceiling", "recovery_audio", "recovery_text", "dominance",
}  # fmt: skip
INSIDE = {"share_audio", "share_text", "width_audio", "segments_audio"}
GRADIENT = {"gradient_audio", "gradient_text"}
CROSS = {"share_cross", "gradient_cross"}


@pytest.fixture(scope="module")
def fitted(corpus, tiny):
    """Both presets on 30 of 40 documents."""
    bags, y, groups = corpus
    return {p: HilbertClassifier(p, tiny).fit(bags[:30], y[:30], groups=groups[:30]) for p in ("robust", "paper")}


def as_saved(model):
    """The same without what the network was trained on."""
    other = copy.copy(model)
    del other.data_
    return other


def seeds():
    return np.random.SeedSequence(5)


@pytest.mark.parametrize(("preset", "more"), [("robust", CROSS), ("paper", set())])
def test_every_monitor_of_hilbert(fitted, corpus, preset, more):
    bags, _, _ = corpus
    model = fitted[preset]
    found = embedded(model, bags[:30], bags[30:], seeds())
    assert set(found) == KEPT | INSIDE | GRADIENT | more
    assert all(math.isfinite(value) for name, value in found.items() if name != "dominance")
    for name in ("share", "gradient"):
        assert sum(value for key, value in found.items() if key.startswith(name)) == pytest.approx(1)
    assert found["width_audio"] == 0.6
    assert embedded(model, bags[:30], bags[30:], seeds()) == found
    # a saved model reads its training documents again, and only the gradients need more
    again = embedded(as_saved(model), bags[:30], bags[30:], seeds())
    assert set(again) == set(found) - GRADIENT - CROSS | (more & {"share_cross"})
    assert again == pytest.approx({name: found[name] for name in again}, abs=1e-4, nan_ok=True)


def test_watching_leaves_the_model_as_it_was(fitted, corpus, tensors):
    bags, _, _ = corpus
    for model in fitted.values():
        before, proba = tensors(model), model.predict_proba(bags)
        embedded(model, bags[:30], bags[30:], seeds())
        assert tensors(model) == before
        assert np.array_equal(model.predict_proba(bags), proba)


def test_the_order_of_test_documents_changes_only_what_is_drawn(fitted, corpus):
    bags, _, _ = corpus
    model = fitted["robust"]
    order = 30 + np.random.default_rng(0).permutation(10)
    first, other = (embedded(model, bags[:30], bags[rows], seeds()) for rows in (np.arange(30, 40), order))
    for name in KEPT:
        assert other[name] == pytest.approx(first[name], abs=1e-5, nan_ok=True), name


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_missing_modalities_and_few_documents_are_undefined(fitted, corpus, preset):
    bags, _, _ = corpus
    model = fitted[preset]
    spoken = embedded(model, bags[:30], bags[30:].without("text"), seeds())
    undefined = {name for name, value in spoken.items() if math.isnan(value)}
    share = {name for name in spoken if name.startswith("share")}
    assert undefined == (KEPT - {"recovery_audio"}) | share
    few = embedded(model, bags[:30], bags[30:33], seeds())
    assert {name for name, value in few.items() if math.isnan(value)} == KEPT | share
    assert set(embedded(model, bags[:30], bags[:0], seeds())) == set(few)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_a_corpus_without_one_modality(tiny, make_bags, preset):
    bags, y, groups = make_bags(30, groups=15, missing=False)
    bags = bags.without("text")
    model = HilbertClassifier(preset, tiny).fit(bags[:20], y[:20], groups=groups[:20])
    found = embedded(model, bags[:20], bags[20:], seeds())
    rng = np.random.default_rng(0)
    assert math.isfinite(found["recovery_audio"])
    assert all(math.isnan(found[name]) for name in ("recovery_text", "retention_audio", "gradient_audio"))
    proba = {"": model.predict_proba(bags[20:])}
    flow = used(y[20:], proba, lambda a, t: {"": model.recombined(bags[20:])(a, t)[""]}, model.classes_, rng)
    assert flow[""]["drop_text"] == 0
    assert flow[""]["auc"] > 0.5 or preset == "paper"


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_a_constant_modality_takes_nothing_away(fitted, corpus, preset):
    bags, y, _ = corpus
    model = fitted[preset]
    own = np.arange(40)
    for constant in ("audio", "text"):
        rows = {"audio": own, "text": own} | {constant: np.zeros(40, np.int64)}
        same = bags.recombine(**rows)
        proba = {"": model.predict_proba(same), **model.variants(same)}
        for flow in used(y, proba, model.recombined(same), model.classes_, np.random.default_rng(0)).values():
            assert abs(flow[f"drop_{constant}"]) < 1e-6


def test_a_network_without_training_has_no_gradient_but_an_embedding(corpus, tiny):
    bags, y, groups = corpus
    model = HilbertClassifier("robust", tiny | {"stack.least": 100}).fit(bags[:30], y[:30], groups=groups[:30])
    found = embedded(model, bags[:30], bags[30:], seeds())
    assert set(found) == KEPT | INSIDE | {"share_cross"}
    assert all(math.isfinite(value) for name, value in found.items() if name != "dominance")


def test_an_embedder_is_watched_without_labels(corpus, tiny):
    bags, _, groups = corpus
    model = HilbertEmbedder("robust", tiny).fit(bags[:30], groups=groups[:30])
    found = embedded(model, bags[:30], bags[30:], seeds())
    assert set(found) == KEPT | INSIDE | GRADIENT | CROSS


class Named(BaseEstimator):
    """A model that names its embeddings."""

    def __init__(self, names):
        self.names = names

    def embeddings(self, bags):
        mean = np.stack([bags.audio.document(i).mean(0) for i in range(len(bags))]).astype(np.float32)
        return dict.fromkeys(self.names, mean)


def test_any_joint_embedding_is_watched_and_others_are_not(make_bags):
    bags, _, _ = make_bags(40, missing=False)
    found = embedded(Named(["audio", "joint"]), bags[:30], bags[30:], seeds())
    assert set(found) == KEPT
    assert found["recovery_audio"] > found["recovery_text"] - 0.1
    assert embedded(Named(["audio", "text"]), bags[:30], bags[30:], seeds()) == {}
    assert embedded(BaseEstimator(), bags[:30], bags[30:], seeds()) == {}


def test_one_class_alone_is_undefined():
    same = {"": np.tile([0.4, 0.6], (6, 1))}
    found = used(["a"] * 6, same, lambda audio, text: same, ["a", "b"], np.random.default_rng(0))
    assert all(map(math.isnan, found[""].values()))
