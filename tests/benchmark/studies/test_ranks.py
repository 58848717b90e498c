"""Ranks against a slow reference, chance in closed form, and none above it after shuffled pairs."""

import numpy as np
import pytest

from hilbert.benchmark.models import build
from hilbert.benchmark.studies.case import Material
from hilbert.benchmark.studies.jobs import looked_at
from hilbert.benchmark.studies.ranks import MEASURES, chance, difference, mapped, measured, ranks, samples
from hilbert.benchmark.studies.retrieval import look, measure_shuffled
from hilbert.evaluation.intervals import group_weights
from hilbert.splits import grouped_folds


def slow(queries, candidates, groups):
    found = []
    for i, q in enumerate(queries):
        scores = {
            j: float(q @ c / np.linalg.norm(q) / np.linalg.norm(c))
            for j, c in enumerate(candidates)
            if j == i or groups[j] != groups[i]
        }
        above = sum(s > scores[i] for s in scores.values())
        equal = sum(s == scores[i] for s in scores.values()) - 1
        found.append((1 + above + equal / 2, len(scores)))
    return np.array(found)


@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_those_of_a_slow_search(seed):
    rng = np.random.default_rng(seed)
    queries, candidates = rng.normal(size=(2, 30, 5))
    groups = rng.integers(0, 12, 30)
    rank, count = ranks(queries, candidates, groups)
    expected = slow(queries, candidates, groups)
    assert np.array_equal(rank, expected[:, 0])
    assert np.array_equal(count, expected[:, 1])


def test_ties_stand_in_the_middle():
    rank, count = ranks(np.ones((5, 2)), np.ones((5, 2)), np.arange(5))
    assert rank.tolist() == [3.0] * 5
    assert count.tolist() == [5] * 5


def test_chance_is_what_random_ranks_reach():
    counts = np.array([20, 30, 40])
    expected = chance(counts)
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.integers(1, n + 1, 40_000) for n in counts])
    for k in (1, 5, 10):
        assert (drawn <= k).mean() == pytest.approx(expected[f"R@{k}"], abs=0.005)
    assert (1 / drawn).mean() == pytest.approx(expected["MRR"], abs=0.005)
    assert expected["median rank"] == 15.5


def test_measures_and_their_resamples():
    rank = np.array([1.0, 2.0, 4.0, 20.0])
    found = measured(rank, group_weights(np.arange(4), 200, 0))
    assert tuple(found) == MEASURES
    assert [found[f"R@{k}"].value for k in (1, 5, 10)] == [0.25, 0.75, 0.75]
    assert found["MRR"].value == pytest.approx((1 + 0.5 + 0.25 + 0.05) / 4)
    assert found["median rank"].value == 2.0
    weights = np.array([[0.0, 3.0, 0.0, 1.0]], dtype=np.float32)
    repeated = samples(rank, weights)
    assert repeated["MRR"][0] == pytest.approx(np.mean([0.5, 0.5, 0.5, 0.05]))
    assert repeated["median rank"][0] == 2.0
    assert difference(rank, rank, weights).value == 0.0


def test_a_linear_relation_is_found_by_the_map():
    rng = np.random.default_rng(0)
    x, mixing = rng.normal(size=(120, 4)), rng.normal(size=(4, 7))
    z = x @ mixing + 5.0
    rank, _ = ranks(*mapped(x[:80], z[:80], x[80:], z[80:]), np.arange(40))
    assert (rank == 1).all()


def test_true_pairs_are_found_and_shuffled_ones_are_not(paired_data):
    data = paired_data(docs=120, labels=("1", "2"))
    splits = grouped_folds(data.y, data.groups, 2, 1, 0, data.score)
    material = Material(data.bags, data.y, data.groups, data.score, {"label": data.y}, splits)
    model = build("clip", small=True)
    rank = {}

    def true_pairs(name, model, material, split, seed):
        return looked_at(name, model, [(look, material)], split, seed)[0]

    for name, call in (("true", true_pairs), ("shuffled", measure_shuffled)):
        for split in splits:
            for table in call("clip", model, material, split, 0).tables:
                assert set(table.documents) == set(data.bags.ids[split.test])
                rank.setdefault((name, table.target, table.variant), []).append(table.values)
    assert set(rank) >= {(n, d, v) for n in ("true", "shuffled") for d in ("audio → text",) for v in ("map", "raw")}
    found = {key: np.concatenate(values) for key, values in rank.items()}
    expected = chance(found["true", "audio → text", "map"][:, 1].astype(int))["MRR"]
    weights = group_weights(np.arange(len(found["true", "audio → text", "map"])), 500, 0)
    mrr = {key: measured(values[:, 0], weights)["MRR"] for key, values in found.items()}
    assert mrr["true", "audio → text", "map"].low > 1.5 * expected
    assert mrr["shuffled", "audio → text", "map"].low < expected * 1.3
    assert mrr["shuffled", "audio → text", "map"].value < 0.6 * mrr["true", "audio → text", "map"].value
