"""Documents of a case: cut to their first segments, labelled by thirds, and never tested where they do not count."""

import numpy as np
import pytest

from hilbert.benchmark.studies.case import Material
from hilbert.benchmark.studies.material import first_segments, terciles
from hilbert.features.bags import Packed
from hilbert.features.table import even
from hilbert.splits import Split, grouped_folds


def test_first_segments_are_those_of_an_import_that_kept_no_more():
    rng = np.random.default_rng(0)
    documents = [rng.normal(size=(n, 3)).astype(np.float32) for n in (9, 2, 5, 1)]
    whole = Packed.from_documents(documents, 3)
    expected = Packed.from_documents([d[:4] for d in documents], 3)
    bags = _bags(whole)
    cut = first_segments(bags, 4)
    assert np.array_equal(cut.audio.values, expected.values)
    assert np.array_equal(cut.audio.lengths, [4, 2, 4, 1])
    np.testing.assert_allclose(cut.audio.times, np.concatenate([even(n) for n in (4, 2, 4, 1)]), atol=1e-6)


def test_a_document_without_a_modality_stays_without():
    whole = Packed.from_documents([np.zeros((0, 2)), np.ones((6, 2))], 2)
    assert first_segments(_bags(whole), 3).text.lengths.tolist() == [0, 3]


def _bags(packed):
    from hilbert.features.bags import Bags

    docs = len(packed.lengths)
    return Bags(np.array([f"d{i}" for i in range(docs)]), packed, packed, np.full(docs, np.nan))


def test_thirds():
    labels = terciles(np.array([*range(9), np.nan]))
    assert labels[:9].tolist() == ["low"] * 3 + ["middle"] * 3 + ["high"] * 3
    assert labels[9] is None


def test_a_document_that_does_not_count_cannot_be_tested(paired_data):
    data = paired_data()
    unscored = np.flatnonzero(~data.score)
    splits = grouped_folds(data.y, data.groups, 2, 1, 0, data.score)
    kept = Material(data.bags, data.y, data.groups, data.score, {"label": data.y}, splits)
    assert not set(unscored) & set(np.concatenate([s.test for s in kept.splits]))
    wrong = [Split(0, 0, np.arange(4), unscored[:1], unscored[:0])]
    with pytest.raises(ValueError, match="does not count"):
        Material(data.bags, data.y, data.groups, data.score, {"label": data.y}, wrong)
