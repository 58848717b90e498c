"""How strongly stability counts is chosen on inner folds, and part of the fitted model."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.config import HilbertConfig
from hilbert.estimators import HilbertClassifier
from hilbert.features.bags import Bags, Packed
from hilbert.nn.build import load_inputs
from hilbert.splits import inner_folds
from hilbert.training.fit import prepare
from hilbert.training.stability import VectorReadout

DOCS, SEGMENTS, DIM = 90, 12, 8


@pytest.fixture(scope="module")
def config(tiny):
    return HilbertConfig.load("robust", tiny | {"prototypes.stability": [0.0, -3.0, 30.0]})


def made(label_in_person):
    """Documents of a weak constant part and a strong one that is another in each half.

    The label is the sign of a coordinate of the one or of the other.
    """
    rng = np.random.default_rng(5)
    person = 0.4 * rng.normal(size=(DOCS, 1, DIM // 2))
    mood = 2.0 * np.repeat(rng.normal(size=(DOCS, 2, DIM // 2)), SEGMENTS // 2, axis=1)
    values = np.concatenate([np.repeat(person, SEGMENTS, axis=1), mood], axis=2)
    values = values + 0.1 * rng.normal(size=values.shape)
    target = ((person[:, 0, 0] if label_in_person else mood.mean(axis=1)[:, 0]) > 0).astype(int)
    packed = Packed.from_documents(list(values.astype(np.float32)), DIM)
    noise = Packed.from_documents(list(rng.normal(size=(DOCS, SEGMENTS, 3)).astype(np.float32)), 3)
    return Bags(np.array([f"d{row}" for row in range(DOCS)]), packed, noise, np.ones(DOCS)), target


def chosen(config, bags, target, choices=(0.0, -3.0, 30.0)):
    rows = np.arange(len(bags))
    ready = prepare(config, bags, target, rows, rows, 0)
    readout = VectorReadout()
    folds = inner_folds(target, None, 3, 0)
    return readout, ready, readout.fit(ready, choices, bags, target, rows, folds, 2)


def test_inner_folds_choose_what_the_label_depends_on(config):
    for label_in_person in (True, False):
        bags, target = made(label_in_person)
        readout, _, _ = chosen(config, bags, target)
        assert readout.strength == max(readout.scores, key=readout.scores.get)
        assert (readout.scores[30.0] > readout.scores[-3.0]) == label_in_person
        assert (readout.strength == 30.0) == label_in_person


def test_one_strength_is_no_choice(config):
    bags, target = made(True)
    readout, ready, scaled = chosen(config, bags, target, (3.0,))
    assert readout.strength == 3.0
    assert scaled.inputs.scaling.keys() == {"audio", "text", "cross"}
    assert not np.array_equal(scaled.data.audio.values, ready.data.audio.values)
    _, ready, plain = chosen(config, bags, target, (0.0,))
    assert np.array_equal(plain.data.audio.values, ready.data.audio.values)


def test_the_first_of_equals(config):
    """Of noise, all strengths are as good where no document changes within itself."""
    bags, target = made(True)
    still = Packed.from_documents([bags.audio.document(row)[:1] for row in range(DOCS)], DIM)
    words = Packed.from_documents([bags.text.document(row)[:1] for row in range(DOCS)], 3)
    readout, _, _ = chosen(config, replace(bags, audio=still, text=words), target, (3.0, 0.0, -3.0))
    assert len(set(readout.scores.values())) == 1
    assert readout.strength == 3.0


def test_data_vectors_and_saved_arrays_are_scaled_alike(config):
    bags, target = made(True)
    readout, _, scaled = chosen(config, bags, target, (30.0,))
    audio, text = scaled.inputs(bags)
    assert scaled.data.audio.values.numpy() == pytest.approx(audio.values, rel=1e-6, abs=1e-7)
    assert scaled.data.text.values.numpy() == pytest.approx(text.values, rel=1e-6, abs=1e-7)
    again = load_inputs(config, scaled.inputs.arrays())
    assert np.array_equal(again(bags)[0].values, audio.values)
    logits = [readout.logits(inputs, inputs.documents(bags)) for inputs in (again, scaled.inputs)]
    assert logits[0] == pytest.approx(logits[1])
    power = [float((x.values**2).sum()) for x in (audio, text)]
    plain = [float((x.values**2).sum()) for x in scaled.inputs.scaled(0)(bags)]
    assert power == pytest.approx(plain, rel=1e-4)  # a modality's weight against the other does not change


def test_the_classifier_keeps_its_choice(config, tmp_path):
    bags, target = made(True)
    y = np.array(["no", "yes"])[target]
    model = HilbertClassifier(config=config).fit(bags, y)
    assert model.untrained_.strength == 30.0
    again = HilbertClassifier.load(model.save(tmp_path / "model"))
    mine, theirs = model.variants(bags), again.variants(bags)
    assert mine.keys() == theirs.keys() == {"calibrated", "no core", "one network", "experts", "no training"}
    for name, proba in mine.items():
        assert theirs[name] == pytest.approx(proba, abs=1e-12)
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))


def test_documents_recombined_with_themselves_are_the_same_to_the_readout_without_training(corpus, robust):
    bags, own = corpus[0], np.arange(len(corpus[0]))
    found = robust.recombined(bags)(own, own)["no training"]
    np.testing.assert_allclose(found, robust.variants(bags)["no training"], rtol=0, atol=1e-12)
    mixed = robust.recombined(bags)(own[::-1], own)["no training"]
    assert np.abs(mixed - found).max() > 0.01
