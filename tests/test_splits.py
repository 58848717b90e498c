"""Splits: disjoint groups, every scored document tested once a repeat, errors with numbers in them."""

import numpy as np
import pytest

from hilbert.errors import UsageError
from hilbert.splits import (
    Split,
    check_disjoint,
    encode_groups,
    encode_labels,
    grouped_folds,
    inner_folds,
    split_by_column,
    split_notes,
)


def corpus(n=90, seed=0, unlabelled=0.0):
    rng = np.random.default_rng(seed)
    y = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).astype(object)
    y[rng.random(n) < unlabelled] = None
    return y, np.array([f"g{i}" for i in rng.integers(0, n // 3, n)])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unlabelled", [0.0, 0.4])
def test_groups_never_on_both_sides(seed, unlabelled):
    y, groups = corpus(seed=seed, unlabelled=unlabelled)
    splits = grouped_folds(y, groups, 5, 2, seed)
    assert [(s.repeat, s.fold) for s in splits] == [(r, f) for r in range(2) for f in range(5)]
    known = np.flatnonzero([v is not None for v in y])
    for s in splits:
        assert not set(groups[np.concatenate([s.train, s.unlabelled])]) & set(groups[s.test])
        assert all(y[i] is None for i in s.unlabelled)
        assert sorted([*s.train, *s.test]) == known.tolist()
    for repeat in range(2):
        tested = np.concatenate([s.test for s in splits if s.repeat == repeat])
        assert sorted(tested) == known.tolist()


def test_unlabelled_documents_are_trained_on_wherever_their_group_is_not_tested():
    y, groups = corpus(unlabelled=0.4)
    free = np.flatnonzero([v is None for v in y])
    for s in grouped_folds(y, groups, 5, 1, 0):
        assert s.unlabelled.tolist() == [i for i in free if groups[i] not in set(groups[s.test])]


def test_score_leaves_documents_out_of_test_only():
    y, groups = corpus()
    score = np.array([int(g[1:]) % 4 != 0 for g in groups])
    plain, masked = grouped_folds(y, groups, 5, 2, 3), grouped_folds(y, groups, 5, 2, 3, score)
    for a, b in zip(plain, masked, strict=True):
        assert b.train.tolist() == a.train.tolist()
        assert b.test.tolist() == [i for i in a.test if score[i]]


def test_seed_decides_the_folds():
    y, groups = corpus()
    first, again, other = (grouped_folds(y, groups, 5, 2, seed) for seed in (7, 7, 8))
    assert all((a.test == b.test).all() for a, b in zip(first, again, strict=True))
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(first, other, strict=True))
    # Repeat 1 of seed 7 is repeat 0 of seed 8.
    assert [s.test.tolist() for s in first[5:]] == [s.test.tolist() for s in other[:5]]


def test_without_groups_every_class_is_spread():
    y = np.repeat(["a", "b"], [40, 10])
    for s in grouped_folds(y, None, 5, 1, 0):
        assert (y[s.test] == "b").sum() == 2


def test_a_class_rarer_than_the_folds_is_legal_and_noted():
    y = np.array(["a"] * 20 + ["b"] * 20 + ["c"] * 2)
    assert len(grouped_folds(y, None, 5)) == 5
    assert split_notes(y, None, 5) == ["class c has 2 documents, fewer than 5 folds: some test folds lack it"]
    groups = [f"g{i // 2}" for i in range(42)]
    assert len(grouped_folds(y, groups, 5)) == 5
    assert "1 groups" in split_notes(y, groups, 5)[0]


def test_documents_without_group_stand_alone():
    assert encode_groups(["x", None, "x", "", float("nan"), "nan"], 6).tolist() == [0, 1, 0, 2, 3, 4]
    assert split_notes(["a", "b"] * 5, ["g", None] * 5, 2)[0].startswith("5 documents have no group")


def test_labels_are_numbered_in_order():
    classes, codes = encode_labels(["b", None, "a", "b", float("nan")])
    assert classes.tolist() == ["a", "b"]
    assert codes.tolist() == [1, -1, 0, 1, -1]


@pytest.mark.parametrize(
    ("y", "groups", "folds", "message"),
    [
        (["a", "b"] * 10, ["x", "y", "z", "w"] * 5, 5, "found 4; use folds=4"),
        (["a"] * 10, None, 5, "only a"),
        ([None] * 10, None, 5, "no label at all"),
        (["a", "b"] * 10, None, 1, "folds=1"),
        (["a", "b"] * 3, None, 4, "largest class has only 3"),
        (["a", "b"] * 10, ["x"] * 3, 5, "each of 20 documents, found 3"),
    ],
)
def test_impossible_folds_say_why(y, groups, folds, message):
    with pytest.raises(UsageError, match=message):
        grouped_folds(y, groups, folds)


def test_inner_folds_shrink_to_the_groups():
    y = ["a", "b"] * 6
    assert len(inner_folds(y, None, 4)) == 4
    folds = inner_folds(y, [0, 0, 1, 1, 2, 2] * 2, 4)
    assert len(folds) == 3
    for train, test in folds:
        assert not set(train) & set(test)
    with pytest.raises(UsageError, match="12 documents of 1;"):
        inner_folds(y, ["g"] * 12)


def test_a_leak_raises():
    with pytest.raises(UsageError, match="both training and test"):
        check_disjoint(Split(0, 2, np.array([0]), np.array([1]), np.array([], int)), ["g", "g"])


def test_split_by_column():
    split = split_by_column(["train", "dev", "TEST", None, "train"], ["a", "b", "a", "b", None])
    assert [part.tolist() for part in split[2:]] == [[0, 1], [2], [4]]
    with pytest.raises(UsageError, match="1 groups have documents in both"):
        split_by_column(["train", "test"], ["a", "b"], ["g", "g"])
    with pytest.raises(UsageError, match="found 'tset'"):
        split_by_column(["train", "tset"], ["a", "b"])
    with pytest.raises(UsageError, match="no labelled document is marked 'test'"):
        split_by_column(["train", "train"], ["a", "b"])


def test_shuffled_groups_are_stratified():
    # scikit-learn before 1.8 assigned shuffled groups at random (PR #32540), which this bound would catch
    y = np.repeat(["rare"] * 10 + ["common"] * 40, 2)
    groups = np.repeat(np.arange(50), 2)
    for split in grouped_folds(y, groups, 5, 4, 0):
        assert (y[split.test] == "rare").sum() == 4
