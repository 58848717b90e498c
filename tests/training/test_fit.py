"""What a fitted representation gives for documents that it may meet, and what is prepared for several trainings."""

import numpy as np
import pytest

from hilbert.nn.pooled import PooledBlocks
from hilbert.training.fit import fit_network, make_dataset, prepare
from hilbert.training.tasks import Rows

BACKBONES = ["segments", "prototypes"]


@pytest.fixture(scope="module", params=BACKBONES)
def fit(request, small, numbers):
    bags, target, groups = numbers
    rows = Rows(np.arange(30), np.arange(30, 40))
    return fit_network(small(model__backbone=request.param), bags, target, groups, rows, classes=3)


def test_no_documents_have_no_embeddings(fit, numbers):
    bags, _, _ = numbers
    assert fit.representation.embed(bags[:0]).shape == (0, 24)
    assert fit.head_logits(fit.representation.embed(bags[:0])).shape == (0, 3)
    mute = bags.without("audio").without("text")
    assert fit.representation.embed(mute[:0]).shape == (0, 24)


def test_the_size_of_a_batch_changes_no_embedding(fit, numbers):
    bags, _, _ = numbers
    data = make_dataset(fit.representation.inputs(bags))
    whole = fit.representation.embed_dataset(data)
    for size in (1, 7, 33):
        parts = np.split(np.arange(40), range(size, 40, size))
        found = np.concatenate([fit.representation.embed_dataset(data, rows) for rows in parts])
        np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)
        again = np.concatenate([fit.representation.embed(bags[rows]) for rows in parts])
        np.testing.assert_allclose(again, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("missing", ["audio", "text"])
def test_a_modality_may_lack_when_documents_are_embedded(fit, numbers, missing):
    """The other one's embedding stays, its own becomes that of a missing one, the same for all."""
    bags, _, _ = numbers
    names = ["audio", "text", "joint"]
    before = dict(zip(names, np.split(fit.representation.embed(bags), 3, axis=1), strict=True))
    after = dict(zip(names, np.split(fit.representation.embed(bags.without(missing)), 3, axis=1), strict=True))
    (other,) = {"audio", "text"} - {missing}
    np.testing.assert_allclose(after[other], before[other], rtol=0, atol=1e-5)
    lacked = np.flatnonzero(getattr(bags, missing).lengths == 0)
    assert len(lacked)
    assert np.ptp(after[missing], axis=0).max() < 1e-5
    np.testing.assert_allclose(after[missing][lacked], before[missing][lacked], rtol=0, atol=1e-5)
    np.testing.assert_allclose(after["joint"][lacked], before["joint"][lacked], rtol=0, atol=1e-5)
    rest = np.setdiff1d(np.arange(40), lacked)
    assert np.abs(after["joint"] - before["joint"])[rest].max(axis=1).min() > 1e-4


def test_documents_of_nothing_are_all_alike(fit, numbers):
    bags, _, _ = numbers
    z = fit.representation.embed(bags.without("audio").without("text"))
    assert np.isfinite(z).all()
    assert np.ptp(z, axis=0).max() < 1e-5


def test_without_labels_there_is_no_head(small, numbers):
    bags, target, groups = numbers
    config = small(training__epochs=1)
    fit = fit_network(config, bags, np.full(40, -1), groups, Rows(np.arange(40), np.arange(0)))
    assert fit.epochs == {"representation": 1}
    with pytest.raises(ValueError, match="no head"):
        fit.head_logits(fit.representation.embed(bags))
    # and labels that nobody asked a head for change nothing
    again = fit_network(config, bags, target, groups, Rows(np.arange(40), np.arange(0)))
    assert np.array_equal(again.representation.embed(bags), fit.representation.embed(bags))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_what_is_prepared_knows_only_its_rows(small, numbers, backbone):
    """Other documents are transformed, too, but change nothing for the rows that transforms are fitted on."""
    bags, target, groups = numbers
    config, rows = small(model__backbone=backbone), np.arange(5, 25)
    ready = prepare(config, bags, target, groups, rows, 0)
    alone = prepare(config, bags[rows], target[rows], groups[rows], np.arange(20), 0)
    assert all(np.array_equal(v, ready.inputs.arrays()[k]) for k, v in alone.inputs.arrays().items())
    for name, expected in zip(("audio", "text"), PooledBlocks.fit(bags[rows])(bags), strict=True):
        references = getattr(ready.data.references, name).numpy()
        np.testing.assert_allclose(references, expected, rtol=0, atol=1e-6)
        theirs, ours = getattr(alone.data, name), getattr(ready.data, name)
        packed = ours.packed(rows)
        np.testing.assert_allclose(packed.values, theirs.values.numpy(), rtol=0, atol=1e-5)
        assert packed.lengths.tolist() == theirs.lengths.tolist()
    assert ready.data.target.tolist() == target.tolist()
    assert ready.data.groups.tolist() == groups.tolist()
