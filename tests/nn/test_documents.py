"""Document vectors: blocks of one weight, parts of a document that lacks something, and what is recombined."""

import numpy as np
import pytest

from hilbert.config import VectorConfig
from hilbert.nn.documents import BLOCKS, WEIGHTS, DocumentVectors, Vectorizer

PARTS = ("audio", "text", "cross")
CONFIG = VectorConfig(heads=2, prototypes=4, components=8)


@pytest.fixture(scope="module")
def bags(make_bags):
    return make_bags(40, nan=True)[0]


@pytest.fixture(scope="module")
def fitted(bags):
    return Vectorizer.fit(bags, CONFIG, seed=0)


def test_vectors_of_the_training_documents_come_with_the_fit(fitted, bags):
    vectorizer, vectors = fitted
    again = vectorizer(bags)
    assert isinstance(vectors, DocumentVectors)
    assert len(vectors) == len(bags)
    for name in (*PARTS, "has_audio", "has_text", "rows"):
        assert np.array_equal(getattr(again, name), getattr(vectors, name))
    assert np.array_equal(vectors.rows, np.hstack([getattr(vectors, part) for part in PARTS]))
    assert vectorizer.widths == {part: getattr(vectors, part).shape[1] for part in PARTS}
    assert np.isfinite(vectors.rows).all()


def test_blocks_contribute_grams_of_their_weight(fitted, bags):
    vectorizer, vectors = fitted
    features = vectorizer.features(bags)
    assert set(features) == set(vectorizer.blocks) == {name for names in BLOCKS.values() for name in names}
    for name, block in vectorizer.blocks.items():
        rows = block(features[name])
        assert rows.shape[1] <= CONFIG.components
        assert np.linalg.norm(rows @ rows.T) == pytest.approx(1.0), name
    whole = (vectors.has_audio & vectors.has_text).nonzero()[0]
    for part, names in BLOCKS.items():
        expected = np.hstack([WEIGHTS.get(n, 1.0) * vectorizer.blocks[n](features[n]) for n in names])[whole]
        assert np.array_equal(getattr(vectors, part)[whole], expected)


def test_what_a_document_lacks_is_zero(fitted, bags):
    _, vectors = fitted
    lacks = {"audio": bags.audio.lengths == 0, "text": bags.text.lengths == 0}
    lacks["cross"] = lacks["audio"] | lacks["text"]
    for part, lost in lacks.items():
        assert lost.any()
        assert (getattr(vectors, part)[lost] == 0).all()
        assert (np.abs(getattr(vectors, part)[~lost]).max(axis=1) > 0).all()
    assert np.array_equal(vectors.has_audio, ~lacks["audio"])
    assert np.array_equal(vectors.has_text, ~lacks["text"])


@pytest.mark.parametrize("missing", ["audio", "text"])
def test_a_part_reads_its_own_modality_alone(fitted, bags, missing):
    vectorizer, vectors = fitted
    (other,) = {"audio", "text"} - {missing}
    found = vectorizer(bags.without(missing))
    assert np.array_equal(getattr(found, other), getattr(vectors, other))
    assert not found.cross.any()
    assert not getattr(found, missing).any()


def test_a_document_is_the_same_alone_and_in_any_company(fitted, bags):
    vectorizer, vectors = fitted
    order = np.random.default_rng(0).permutation(len(bags))
    for rows in (order, np.array([5]), np.array([3, 7]), np.arange(0)):
        np.testing.assert_allclose(vectorizer(bags[rows]).rows, vectors.rows[rows], rtol=1e-5, atol=1e-6)


def test_recombined_documents_are_those_made_so(fitted, bags):
    vectorizer, vectors = fitted
    recombine, rng = vectorizer.recombiner(bags), np.random.default_rng(1)
    for audio, text in (
        (np.arange(40), np.arange(40)),
        (rng.permutation(40), rng.integers(0, 40, 40)),
        (np.full(40, 3), np.arange(40)[::-1]),
    ):
        found, expected = recombine(audio, text), vectorizer(bags.recombine(audio, text))
        for name in (*PARTS, "has_audio", "has_text"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)
        assert np.array_equal(found.audio, vectors.audio[audio])
        assert np.array_equal(found.text, vectors.text[text])


def test_rebuilt_from_arrays(fitted, bags):
    vectorizer, vectors = fitted
    arrays = vectorizer.arrays()
    again = Vectorizer.from_arrays(arrays)
    assert np.array_equal(again(bags).rows, vectors.rows)
    assert all(np.array_equal(array, arrays[name]) for name, array in again.arrays().items())
    assert again.widths == vectorizer.widths


def test_the_same_seed_gives_the_same_vectors_and_another_one_others(fitted, bags):
    again, other = (Vectorizer.fit(bags, CONFIG, seed)[1].rows for seed in (0, 1))
    assert np.array_equal(again, fitted[1].rows)
    assert again.shape != other.shape or not np.allclose(again, other)


def test_fitted_on_its_documents_alone(fitted, bags):
    """More documents to read than to fit on: nothing of them is in the vectors."""
    vectorizer, vectors = Vectorizer.fit(bags[:25], CONFIG, 0)
    np.testing.assert_allclose(vectorizer(bags).rows[:25], vectors.rows, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("missing", ["audio", "text"])
def test_a_corpus_without_one_modality_has_the_other_part(bags, missing):
    vectorizer, vectors = Vectorizer.fit(bags.without(missing), CONFIG, 0)
    (other,) = {"audio", "text"} - {missing}
    assert np.isfinite(vectors.rows).all()
    assert getattr(vectors, other).any()
    assert np.isfinite(vectorizer(bags).rows).all()
