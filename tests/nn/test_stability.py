"""Weightings of document vectors: what changes within a recording is shrunk or stretched, and no part gains weight."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilbert.config import VectorConfig
from hilbert.features.bags import Bags, Packed
from hilbert.nn.documents import STRENGTHS, DocumentVectors, Vectorizer, halves, weightings

PARTS = ("audio", "text", "cross")
CONFIG = VectorConfig(heads=2, prototypes=4, components=8)


def means(bags, scale=1.0):
    """The simplest of vectorizers: mean segments, and both side by side where a document has both modalities."""
    found = {}
    for name in ("audio", "text"):
        packed = getattr(bags, name)
        documents = [packed.document(row) for row in range(len(bags))]
        found[name] = np.array([d.mean(axis=0) if len(d) else np.zeros(packed.dim) for d in documents])
    has = [bags.audio.lengths > 0, bags.text.lengths > 0]
    cross = np.hstack(list(found.values())) * (has[0] & has[1])[:, None]
    return DocumentVectors(scale * found["audio"], scale * found["text"], scale * cross, *has)


def bags_of(audio, text):
    """Documents (segments, dim) of either modality."""
    ids = np.array([f"d{row}" for row in range(len(audio))])
    made = ([np.asarray(d, dtype=np.float64) for d in documents] for documents in (audio, text))
    packed = (Packed.from_documents(documents, 2) for documents in made)
    return Bags(ids, *packed, np.ones(len(ids)))


def swinging(steps, seed=0):
    """Two segments a document: a place of its own, plus and minus a step, (docs, 4), two columns a modality."""
    places = np.random.default_rng(seed).normal(size=steps.shape)
    documents = np.stack([places + steps, places - steps], axis=1)
    return bags_of(documents[:, :, :2], documents[:, :, 2:])


def drawn(docs=12, seed=0, least=0):
    """Documents of any number of segments, some of which lack a modality."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(least, 6, (2, docs))
    lengths[:, 0] = 4
    made = [[rng.normal(size=2) + rng.normal(size=(n, 2)) * (2.0, 0.5) for n in own] for own in lengths]
    return bags_of(*made)


def blocks(matrix, vectors):
    """The map of each part; nothing leads from one into another."""
    ends = np.cumsum([0, *(getattr(vectors, part).shape[1] for part in PARTS)])
    places = [slice(a, b) for a, b in pairwise(ends)]
    found = {part: matrix[place, place] for part, place in zip(PARTS, places, strict=True)}
    assert np.count_nonzero(matrix) == sum(np.count_nonzero(block) for block in found.values())
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-12)
    return found


def power(x):
    """Mean squared norm about the mean."""
    return ((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()


# --- halves --------------------------------------------------------------------------------------------------


@given(st.integers(0, 99))
def test_halves_are_the_first_and_the_second_of_each_document(seed):
    bags = drawn(seed=seed)
    first, second = halves(bags)
    for name in ("audio", "text"):
        whole, early, late = (getattr(part, name) for part in (bags, first, second))
        assert np.array_equal(early.lengths + late.lengths, whole.lengths)
        assert set(early.lengths - late.lengths) <= {0, 1}
        for row in range(len(bags)):
            assert np.array_equal(np.vstack([early.document(row), late.document(row)]), whole.document(row))
        assert np.array_equal(np.sort(np.concatenate([early.times, late.times])), np.sort(whole.times))
    assert np.array_equal(first.ids, bags.ids)
    assert np.array_equal(second.ids, bags.ids)


def test_a_lone_segment_is_all_first_half():
    first, second = halves(bags_of([[(1, 2)], []], [[(3, 4)] * 2, [(5, 6)]]))
    assert (first.audio.lengths.tolist(), second.audio.lengths.tolist()) == ([1, 0], [0, 0])
    assert (first.text.lengths.tolist(), second.text.lengths.tolist()) == ([1, 1], [1, 0])


# --- the maps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_what_changes_alike_in_all_directions_weighs_all_alike(size):
    """A multiple of the identity, which keeps the norm: the identity itself."""
    bags = swinging(size * np.vstack([np.eye(4), -np.eye(4)]))
    for matrix in weightings(bags, means, means(bags)).values():
        np.testing.assert_allclose(matrix, np.eye(8), rtol=0, atol=1e-9)


def test_steady_shrinks_the_direction_that_changes_and_changing_stretches_it():
    """Step sizes 2 and 1: W = diag(4, 1) / 2 in each modality, so that w = 17 / 10."""
    steps = np.tile([[2.0, 0.0], [0.0, 1.0]], (4, 2)) * np.random.default_rng(0).choice([-1, 1], (8, 1))
    bags = swinging(steps)
    vectors = means(bags)
    found = {name: blocks(matrix, vectors) for name, matrix in weightings(bags, means, vectors).items()}
    assert list(found) == ["steady", "changing"]
    assert STRENGTHS == {"steady": 3.0, "changing": -3.0}
    ratio = np.sqrt((1 + 3 * 2 / 1.7) / (1 + 3 * 0.5 / 1.7))  # of both directions, first over second
    for part in ("audio", "text"):
        steady, changing = found["steady"][part], found["changing"][part]
        assert changing[0, 0] / changing[1, 1] == pytest.approx(ratio)
        assert steady[1, 1] / steady[0, 0] == pytest.approx(ratio)
        np.testing.assert_allclose([steady[0, 1], changing[0, 1]], 0, atol=1e-12)
        assert steady[0, 0] < 1 < steady[1, 1]
        assert changing[1, 1] < 1 < changing[0, 0]


@settings(max_examples=30)
@given(st.integers(0, 99))
def test_each_part_keeps_its_mean_squared_norm_and_one_map_undoes_the_other(seed):
    bags = drawn(seed=seed)
    vectors = means(bags)
    found = {name: blocks(matrix, vectors) for name, matrix in weightings(bags, means, vectors).items()}
    for part in PARTS:
        x = getattr(vectors, part)
        for maps in found.values():
            assert power(x @ maps[part]) == pytest.approx(power(x))
            assert np.linalg.eigvalsh(maps[part]).min() > 0
        both = found["steady"][part] @ found["changing"][part]
        np.testing.assert_allclose(both, both[0, 0] * np.eye(len(both)), rtol=0, atol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 99), st.floats(1e-4, 1e4))
def test_the_unit_of_the_vectors_does_not_matter(seed, unit):
    bags = drawn(seed=seed)
    one = weightings(bags, means, means(bags))
    other = weightings(bags, lambda half: means(half, unit), means(bags, unit))
    for name, matrix in one.items():
        np.testing.assert_allclose(other[name], matrix, rtol=0, atol=1e-8)


# --- what a document lacks -----------------------------------------------------------------------------------


def test_documents_of_one_segment_change_nothing_within():
    bags = bags_of([[(1, 2)], [(3, 5)], []], [[(2, 1)], [], [(0, 7)]])
    for matrix in weightings(bags, means, means(bags)).values():
        assert np.array_equal(matrix, np.eye(8))
    nobody = bags_of([], [])
    empty = DocumentVectors(*(np.zeros((0, 2)) for _ in PARTS), *(np.zeros(0, bool) for _ in range(2)))
    for matrix in weightings(nobody, lambda _: empty, empty).values():
        assert np.array_equal(matrix, np.eye(6))


@pytest.mark.parametrize("missing", ["audio", "text"])
def test_documents_that_have_no_second_half_do_not_shape_the_map(missing):
    """Of one segment, or without the modality: directions are those of the others, up to a factor."""
    bags = drawn(least=2)
    (other,) = {"audio", "text"} - {missing}
    alone = bags.without(missing)
    vectors = means(alone)
    for name, matrix in weightings(alone, means, vectors).items():
        found = blocks(matrix, vectors)
        assert np.array_equal(found[missing], np.eye(2))
        assert np.array_equal(found["cross"], np.eye(4))
        np.testing.assert_allclose(found[other], blocks(weightings(bags, means, means(bags))[name], vectors)[other])
    short = np.random.default_rng(1).normal(size=(5, 1, 2))
    audio, text = ([getattr(bags, n).document(row) for row in range(12)] for n in ("audio", "text"))
    more = bags_of([*audio, *short, *[[]] * 5], [*text, *[[]] * 5, *short])
    for name, matrix in weightings(more, means, means(more)).items():
        found, expected = (blocks(m, means(more)) for m in (matrix, weightings(bags, means, means(bags))[name]))
        for part in PARTS:
            np.testing.assert_allclose(found[part] / np.trace(found[part]), expected[part] / np.trace(expected[part]))


# --- of document vectors -------------------------------------------------------------------------------------


def test_on_document_vectors(make_bags):
    bags, _, _ = make_bags(40, nan=True)
    vectorizer, vectors = Vectorizer.fit(bags, CONFIG, 0)
    for name, matrix in weightings(bags, vectorizer, vectors).items():
        assert np.isfinite(matrix).all()
        first, second = (vectorizer(half) for half in halves(bags))
        for part, block in blocks(matrix, vectors).items():
            x = getattr(vectors, part)
            assert power(x @ block) == pytest.approx(power(x))
            both = np.abs(getattr(first, part)).any(axis=1) & np.abs(getattr(second, part)).any(axis=1)
            change = (getattr(first, part) - getattr(second, part))[both]
            before, after = ((change @ m) ** 2 for m in (np.eye(len(block)), block))
            assert (after.sum() < before.sum()) == (name == "steady")


def test_documents_that_say_the_same_twice_change_nothing_within(make_bags):
    """But for rounding, which must not be taken for a change."""
    made = make_bags(30, missing=False)[0]
    packed = [
        Packed.from_documents([np.repeat(part.document(row)[:1], 7, axis=0) for row in range(30)])
        for part in (made.audio, made.text)
    ]
    bags = Bags(made.ids, *packed, made.duration)
    vectorizer, vectors = Vectorizer.fit(bags, CONFIG, 0)
    for matrix in weightings(bags, vectorizer, vectors).values():
        found = blocks(matrix, vectors)
        for part in ("audio", "text"):  # what is attended to also hangs on the number of segments
            assert np.array_equal(found[part], np.eye(len(found[part])))
