"""Every head on every subset of a representation's embeddings, for every label of it."""

import numpy as np
import pytest

from hilbert.baselines.heads import ExpertHead, LogisticHead
from hilbert.benchmark.models import build
from hilbert.benchmark.studies.case import Material
from hilbert.benchmark.studies.heads import HEADS, direct, look, subsets
from hilbert.benchmark.studies.jobs import looked_at
from hilbert.benchmark.studies.probes import look as probe
from hilbert.splits import grouped_folds


def make(data, **targets):
    splits = grouped_folds(data.y, data.groups, 2, 1, 0, data.score)
    return Material(data.bags, data.y, data.groups, data.score, targets or {"label": data.y}, splits)


def test_subsets():
    assert subsets(["a", "t", "j"]) == [("a", "t", "j"), ("a",), ("t",), ("j",), ("a", "t"), ("a", "j"), ("t", "j")]
    assert subsets(["a", "t"]) == [("a", "t"), ("a",), ("t",)]
    assert subsets(["j"]) == [("j",)]


@pytest.mark.parametrize(("name", "count", "heads"), [("hilbert-paper", 7, 1), ("clip", 3, 1), ("gmu", 1, 3)])
def test_heads_predict_every_tested_document(paired_data, monkeypatch, name, count, heads):
    if heads == 1:  # experts and their control take seconds on every subset
        monkeypatch.setattr("hilbert.benchmark.studies.heads.make_heads", lambda: [LogisticHead()])
    data = paired_data(docs=48, labels=("1", "2", "3"))
    rare = np.where(data.y == "3", "3", "rest").astype(object)
    two = make(data, all=data.y, rare=rare)
    (found,) = looked_at(name, build(name, small=True), [(look, two)], two.splits[0], 0)
    assert len(found.tables) == 2 * count * heads
    assert {t.variant.rpartition(", ")[2] for t in found.tables} == set(HEADS[:heads])
    assert len({(t.target, t.variant) for t in found.tables}) == len(found.tables)
    for table in found.tables:
        assert table.columns == (["1", "2", "3"] if table.target == "all" else ["3", "rest"])
        assert table.values.shape == (len(two.splits[0].test), len(table.columns))
        np.testing.assert_allclose(table.values.sum(axis=1), 1)
        assert table.documents == data.bags.ids[two.splits[0].test].tolist()


def test_concat_lr_is_fitted_on_each_label(paired_data):
    data = paired_data(docs=48, labels=("1", "2"))
    partial = np.array([None if row % 3 == 0 else label for row, label in enumerate(data.y)], dtype=object)
    material = make(data, all=data.y, partial=partial)
    tables = {t.target: t for t in direct("concat-lr", build("concat-lr"), material, material.splits[0], 0).tables}
    test = material.splits[0].test
    assert len(tables["all"].documents) == len(test)
    assert len(tables["partial"].documents) == sum(partial[row] is not None for row in test)


def test_probes_see_only_documents_with_the_label(paired_data):
    data = paired_data(docs=48, labels=("1", "2"))
    partial = np.array([None if row % 3 == 0 else f"p{row % 2}" for row in range(len(data))], dtype=object)
    material = make(data, partial=partial)
    ((table,),) = (
        f.tables for f in looked_at("clip", build("clip", small=True), [(probe, material)], material.splits[0], 0)
    )
    wanted = [i for i in material.splits[0].test if partial[i] is not None]
    assert table.documents == data.bags.ids[wanted].tolist()
    assert table.columns == ["p0", "p1"]


def test_the_control_has_as_many_units_as_all_experts_and_another_name():
    assert [head.name for head in (LogisticHead(), ExpertHead(), ExpertHead(kind="mlp"))] == list(HEADS)
    z, target = np.random.default_rng(0).normal(size=(24, 6)), np.arange(24) % 2
    sizes = []
    for kind in ("experts", "mlp"):
        head = ExpertHead(epochs=1, kind=kind)
        head.fit(z, target, 2, 0)
        assert head.logits(z).shape == (24, 2)
        sizes.append(sum(p.numel() for p in head.head.parameters()))
    router = 4 * 6 + 4 + 3 * 2  # its weights, and the biases of three more experts
    assert sizes[0] - sizes[1] == router
