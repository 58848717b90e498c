"""Order statistics: the slow definition, and what the order of the segments may and may not change."""

from itertools import pairwise

import numpy as np
import pytest

from hilbert.features.bags import Packed
from hilbert.nn import pooled as order
from hilbert.nn.pooled import STATISTICS, order_statistics, ordered_pool, pool


def slow_statistics(packed):
    rows = []
    for row in range(len(packed.lengths)):
        found = np.full((len(STATISTICS), packed.dim), np.nan)
        for column in range(packed.dim):
            values = packed.document(row)[:, column].astype(np.float64)
            if np.isnan(values).all():  # also of an empty document
                continue
            values = [np.nanmean(values) if np.isnan(v) else v for v in values]
            window, extremes, ranked = min(8, len(values)), min(3, len(values)), sorted(values)
            smooth = [np.mean(values[i : i + window]) for i in range(len(values) - window + 1)]
            steps = [abs(b - a) for a, b in pairwise(values)]
            found[:, column] = [
                max(smooth) - min(smooth),
                np.std(smooth),
                np.mean(steps) if steps else 0.0,
                np.mean(ranked[-extremes:]),
                np.mean(ranked[:extremes]),
                np.mean(values[:window]),
                np.mean(values[-window:]),
            ]
        rows.append(found.reshape(-1))
    return np.array(rows).reshape(len(packed.lengths), 7 * packed.dim)


def ragged(lengths, dim=3, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    documents = [rng.normal(5.0, 2.0, size=(n, dim)).astype(np.float32) for n in lengths]
    for document in documents:
        document[rng.random(document.shape) < missing] = np.nan
    return Packed.from_documents(documents, dim)


def named(table, dim):
    return dict(zip(STATISTICS, np.moveaxis(table.reshape(len(table), -1, dim), 1, 0), strict=True))


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(
    "lengths", [[0, 1, 2, 3, 4, 7, 8, 9, 30, 9, 1, 0, 64], [20] * 5, [1], [0], [], [0, 0], [2, 1, 1]]
)
def test_the_slow_definition(lengths, missing):
    packed = ragged(lengths, missing=missing)
    found = order_statistics(packed)
    assert found.shape == (len(lengths), 7 * 3)
    np.testing.assert_allclose(found, slow_statistics(packed), rtol=1e-9, atol=1e-9)


def test_large_groups_are_cut_into_pieces(monkeypatch):
    packed = ragged([5] * 9 + [12] * 4, missing=0.2)
    whole = order_statistics(packed)
    for chunk in (1, 30, 70):
        monkeypatch.setattr(order, "_CHUNK", chunk)
        assert np.array_equal(order_statistics(packed), whole, equal_nan=True)


def test_what_is_missing_is_what_pool_misses():
    packed = ragged([0, 1, 2, 3, 9, 20], missing=0.7)
    lost = np.isnan(pool(packed)[:, :3])
    assert lost.any()
    assert not lost.all()
    assert np.array_equal(np.isnan(order_statistics(packed)), np.tile(lost, 7))
    assert np.array_equal(ordered_pool(packed)[:, :6], pool(packed), equal_nan=True)
    assert np.array_equal(ordered_pool(packed)[:, 6:], order_statistics(packed), equal_nan=True)


def test_one_segment_takes_no_step_and_short_documents_have_one_window():
    found = named(order_statistics(ragged([1, 1])), 3)
    assert (found["step"] == 0).all()
    assert (found["spread"] == 0).all()
    for other in ("smallest", "first", "last"):
        np.testing.assert_allclose(found[other], found["largest"])
    found = named(order_statistics(ragged([2, 8, 5])), 3)
    assert (found["range"] == 0).all()
    assert (found["spread"] == 0).all()
    assert (found["step"] > 0).all()
    np.testing.assert_allclose(found["first"], found["last"])


def test_a_constant_feature_does_not_move_by_rounding():
    packed = Packed.from_documents([np.full((n, 1), 0.1) for n in (3, 11, 49)])
    found = named(order_statistics(packed), 1)
    assert all((found[name] == 0).all() for name in ("range", "spread", "step"))
    assert all((found[name] == 0.1).all() for name in ("largest", "smallest", "first", "last"))


def test_order_changes_what_it_should():
    packed = ragged([30, 17, 9])
    rng = np.random.default_rng(1)
    documents = [packed.document(row) for row in range(3)]
    plain = named(order_statistics(packed), 3)
    mixed = named(order_statistics(Packed.from_documents([rng.permutation(d) for d in documents])), 3)
    turned = named(order_statistics(Packed.from_documents([d[::-1] for d in documents])), 3)
    for name in ("largest", "smallest"):
        np.testing.assert_allclose(mixed[name], plain[name])
    for name in ("range", "spread", "step", "first", "last"):
        assert not np.isclose(mixed[name], plain[name]).any()
    for name in ("range", "spread", "step", "largest", "smallest"):
        np.testing.assert_allclose(turned[name], plain[name])
    np.testing.assert_allclose(turned["first"], plain["last"])


def test_shift_and_scale():
    packed = ragged([0, 4, 20, 33], missing=0.1)
    other = named(order_statistics(Packed(3.0 * packed.values - 2.0, packed.lengths, packed.times)), 3)
    for name, values in named(order_statistics(packed), 3).items():
        moved = 0.0 if name in ("range", "spread", "step") else -2.0
        np.testing.assert_allclose(other[name], 3.0 * values + moved, rtol=1e-5)


def test_documents_are_judged_one_by_one():
    packed = ragged([9, 0, 9, 3, 12], missing=0.2)
    taken = packed.take(np.array([4, 2, 1]))
    assert np.array_equal(order_statistics(taken), order_statistics(packed)[[4, 2, 1]], equal_nan=True)
