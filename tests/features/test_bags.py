"""Bags slice as scikit-learn slices."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _num_samples

from hilbert.errors import InputError
from hilbert.features.bags import Bags, Packed


@pytest.fixture
def bags(make_bags):
    return make_bags(12)[0]


def same(bags, other, rows):
    assert other.ids.tolist() == bags.ids[rows].tolist()
    assert np.array_equal(other.duration, bags.duration[rows])
    assert other.source == bags.source
    for name in ("audio", "text"):
        one, two = getattr(bags, name), getattr(other, name)
        assert two.lengths.tolist() == one.lengths[rows].tolist()
        assert two.values.dtype == one.values.dtype
        starts = two.offsets[:-1]
        for place, row in enumerate(rows):
            assert np.array_equal(two.document(place), one.document(row))
            span = slice(one.offsets[row], one.offsets[row + 1])
            assert np.array_equal(two.times[starts[place] : starts[place] + two.lengths[place]], one.times[span])


MASK = np.arange(12) % 3 == 0
KEYS = [
    (np.array([3, 0, 7]), [3, 0, 7]),
    ([3, 3, 11], [3, 3, 11]),
    (MASK, [0, 3, 6, 9]),
    (MASK.tolist(), [0, 3, 6, 9]),
    (slice(2, 9, 3), [2, 5, 8]),
    (slice(None, None, -1), list(range(11, -1, -1))),
    (np.array([-1, -12]), [11, 0]),
    (5, [5]),
    (np.int64(-2), [10]),
    (np.array([], dtype=int), []),
    ([], []),
    (np.zeros(12, bool), []),
    (slice(0, 0), []),
]


@pytest.mark.parametrize(("key", "rows"), KEYS)
def test_every_way_to_name_rows(bags, key, rows):
    same(bags, bags[key], rows)
    same(bags, bags[key, ...], rows)


@pytest.mark.parametrize("key", [99, [99], np.ones(11, bool), "d001", 1.5, (1, 2), (1, ..., 2)])
def test_other_keys_are_refused(bags, key):
    with pytest.raises(IndexError):
        bags[key]


def test_scikit_learn_finds_documents(bags):
    assert bags.shape == (12,)
    assert len(bags) == _num_samples(bags) == 12
    assert indexable(bags, np.arange(12))[0] is bags
    same(bags, _safe_indexing(bags, np.array([4, 2])), [4, 2])
    same(bags, _safe_indexing(bags, MASK), [0, 3, 6, 9])


def test_slices_of_slices(bags):
    same(bags, bags[2:10][[1, 3]][::-1], [5, 3])


def test_packed_documents_and_offsets():
    documents = [np.ones((2, 3)), np.zeros((0, 3)), np.full((1, 3), 2.0)]
    packed = Packed.from_documents(documents)
    assert packed.dim == 3
    assert packed.lengths.tolist() == [2, 0, 1]
    assert packed.offsets.tolist() == [0, 2, 2, 3]
    assert packed.times.tolist() == [0.25, 0.75, 0.5]
    for row in range(-3, 3):
        assert np.array_equal(packed.document(row), documents[row])
    taken = packed.take(np.array([2, 1, 0, 2]))
    assert taken.lengths.tolist() == [1, 0, 2, 1]
    assert taken.values[:, 0].tolist() == [2, 1, 1, 2]
    assert Packed.from_documents([], 5).values.shape == (0, 5)
    assert Packed.from_documents([np.zeros((0, 5))] * 2).dim == 5


def test_packed_and_bags_check_their_sizes(bags):
    with pytest.raises(InputError, match="lengths add up to 3 segments"):
        Packed(np.zeros((2, 3)), np.array([3]), np.zeros(3))
    with pytest.raises(InputError, match="times"):
        Packed(np.zeros((3, 3)), np.array([3]), np.zeros(2))
    with pytest.raises(InputError, match="11 ids, 12 audio and 12 text"):
        Bags(bags.ids[:11], bags.audio, bags.text, bags.duration)


def test_without_a_modality(bags):
    for name, other in (("audio", "text"), ("text", "audio")):
        less = bags.without(name)
        assert (getattr(less, name).lengths == 0).all()
        assert getattr(less, name).dim == getattr(bags, name).dim
        assert getattr(less, other) is getattr(bags, other)
        assert len(less[[1, 2]]) == 2
    with pytest.raises(InputError, match="'video'"):
        bags.without("video")


def test_the_audio_of_some_and_the_text_of_others(bags):
    audio, text = np.arange(len(bags))[::-1], np.roll(np.arange(len(bags)), 1)
    made = bags.recombine(audio, text)
    assert made.ids.tolist() == bags.ids.tolist()
    assert made.duration.tolist() == bags.duration[audio].tolist()
    for row in range(len(bags)):
        assert np.array_equal(made.audio.document(row), bags.audio.document(audio[row]), equal_nan=True)
        assert np.array_equal(made.text.document(row), bags.text.document(text[row]), equal_nan=True)
    same = bags.recombine(np.arange(len(bags)), np.arange(len(bags)))
    assert same.fingerprints() == bags.fingerprints()


def test_contents_follow_the_origins_where_they_are_known(bags):
    assert bags.contents() == bags.fingerprints()
    known = replace(bags, origins=np.char.add("key of ", bags.ids))
    rows = [3, 1, 7]
    assert known[rows].contents() == [known.contents()[row] for row in rows]
    other = Packed(bags.audio.values + np.float32(1e-6), bags.audio.lengths, bags.audio.times)
    again = replace(known, audio=other)
    assert again.contents() == known.contents()
    assert again.fingerprints() != known.fingerprints()
    assert known.without("text").contents() == known.without("text").fingerprints() != known.contents()


def test_missing_values_stay_missing(make_bags):
    bags, _, _ = make_bags(12, nan=True)
    total = np.isnan(bags.audio.values).sum()
    assert total > 0
    assert np.isnan(bags[::-1].audio.values).sum() == total
