"""Parts of a training fold are nested, made of whole groups, and keep the shares of the classes."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hilbert.benchmark.studies.nested import nested_groups, quotas, thinned
from hilbert.errors import UsageError

SIZES = (20, 40, 80, 160)


@pytest.fixture
def corpus():
    rng = np.random.default_rng(3)
    groups = np.array([f"g{i}" for i in rng.integers(0, 120, 300)], dtype=object)
    y = np.array(rng.choice(["a", "b", "c"], 300, p=[0.6, 0.3, 0.1]), dtype=object)
    return y, groups


@pytest.mark.parametrize("seed", range(4))
def test_each_part_lies_inside_the_next_and_holds_whole_groups(corpus, seed):
    y, groups = corpus
    parts = nested_groups(y, groups, SIZES, seed)
    for smaller, larger in pairwise(parts):
        assert set(smaller) < set(larger)
    for part, size in zip(parts, SIZES, strict=True):
        inside, outside = set(groups[part]), set(np.delete(groups, part))
        assert not inside & outside
        assert size - 2 <= len(part) <= size
        counts, quota = Counter(y[part].tolist()), quotas(y, size)
        assert all(abs(counts[name] - quota[name]) <= 4 for name in quota)
        assert min(counts.values()) >= 2


def test_a_part_does_not_depend_on_larger_ones_or_on_the_order_of_documents(corpus):
    y, groups = corpus
    whole = nested_groups(y, groups, SIZES, 0)
    assert np.array_equal(nested_groups(y, groups, SIZES[:2], 0)[-1], whole[1])
    back = np.arange(len(y))[::-1]
    assert set(back[nested_groups(y[back], groups[back], SIZES, 0)[0]]) == set(whole[0])


def test_another_draw_is_another_part(corpus):
    assert not np.array_equal(nested_groups(*corpus, (40,), 0)[0], nested_groups(*corpus, (40,), 1)[0])


def test_documents_without_a_group_are_alone():
    y, groups = np.array(["a", "b"] * 20, dtype=object), np.array([None, ""] * 20, dtype=object)
    assert len(nested_groups(y, groups, (10,), 0)[0]) == 10


@pytest.mark.parametrize("sizes", [(40, 20), (), (20, 1000)])
def test_impossible_sizes_are_refused(corpus, sizes):
    with pytest.raises(UsageError, match="sizes: expected ascending ones up to 300"):
        nested_groups(*corpus, sizes, 0)


@pytest.mark.parametrize("ratio", [1, 3, 10, 30])
def test_the_minority_is_thinned_to_its_ratio(ratio):
    positive = np.arange(200) < 90
    rows, ids = np.arange(200), np.array([f"d{i}" for i in range(200)])
    if ratio == 1:
        with pytest.raises(UsageError, match="1:1: expected 110 of 90"):
            thinned(rows, positive, ids, ratio, 0)
        return
    kept = thinned(rows, positive, ids, ratio, 0)
    assert positive[kept].sum() == round(110 / ratio)
    assert (~positive[kept]).sum() == 110
    assert set(kept) <= set(thinned(rows, positive, ids, 2, 0))
