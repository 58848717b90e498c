"""Batches: every document once, random segments in order, one lost modality at most, all from one seed."""

import numpy as np
import pytest
import torch

from hilbert.features.bags import Packed
from hilbert.losses.total import References
from hilbert.training.batches import Dataset, Segments, make_batch, pick, plain_batches, training_batches

AUDIO, TEXT = [4, 0, 9, 1, 30, 2], [3, 5, 0, 1, 12, 7]


def segments(lengths, first):
    """Values that say which document and which segment they are."""
    values = np.concatenate([np.stack([np.full(n, row), np.arange(n)], 1) for row, n in enumerate(lengths)])
    packed = Packed(values.astype(np.float64), np.array(lengths), first + np.arange(len(values)) / 1000)
    return Segments.of(packed, packed.values, torch.float64, "cpu")


@pytest.fixture
def data():
    references = References(torch.arange(6.0)[:, None], 10 + torch.arange(6.0)[:, None])
    return Dataset(segments(AUDIO, 0.0), segments(TEXT, 0.5), references, torch.arange(6), torch.arange(6) % 2)


def documents(ragged):
    return ragged.values.split(ragged.lengths.tolist())


@pytest.mark.parametrize("limit", [1, 3, 8, 30, None])
def test_pick_takes_at_most_so_many_in_their_order(limit):
    source = segments(AUDIO, 0.0)
    rows = np.array([4, 1, 0, 2])
    lengths, picks = pick(source, rows, limit, np.random.default_rng(0))
    assert lengths.tolist() == [min(AUDIO[r], limit or 99) for r in rows]
    ragged = source.ragged(rows, lengths, picks)
    for row, values in zip(rows, documents(ragged), strict=True):
        assert (values[:, 0] == row).all()
        assert (values[:, 1].diff() > 0).all()
        assert torch.equal(ragged.times.new_tensor(0), torch.tensor(0.0, dtype=torch.float64))
    assert torch.equal(ragged.times, source.times[torch.as_tensor(picks)])


def test_pick_draws_every_segment_alike():
    source = segments([10], 0.0)
    generator = np.random.default_rng(0)
    counts = np.bincount(
        np.concatenate([pick(source, np.array([0]), 3, generator)[1] for _ in range(2000)]), minlength=10
    )
    assert counts.sum() == 6000
    assert np.abs(counts - 600).max() < 5 * np.sqrt(600 * 0.7)


def test_batch_holds_everything_of_its_documents(data):
    rows = np.array([5, 2, 0, 1])
    batch = make_batch(data, rows)
    for ragged, lengths in ((batch.audio, AUDIO), (batch.text, TEXT)):
        assert ragged.lengths.tolist() == [lengths[r] for r in rows]
        assert ragged.values[:, 0].tolist() == np.repeat(rows, [lengths[r] for r in rows]).tolist()
    assert batch.references.audio.flatten().tolist() == rows.tolist()
    assert batch.references.text.flatten().tolist() == (10 + rows).tolist()
    assert batch.groups.tolist() == rows.tolist()
    assert batch.target.tolist() == (rows % 2).tolist()


def test_modality_dropout_takes_one_of_two_and_never_the_only_one(data):
    rows = np.arange(6)
    for seed in range(20):
        batch = make_batch(data, rows, dropout=1.0, generator=np.random.default_rng(seed))
        audio, text = batch.audio.lengths.numpy() > 0, batch.text.lengths.numpy() > 0
        assert (audio ^ text).all()
        assert not audio[1]
        assert audio[2]
        for ragged in (batch.audio, batch.text):
            assert len(ragged.values) == int(ragged.lengths.sum())
            assert ragged.values[:, 0].tolist() == np.repeat(rows, ragged.lengths.numpy()).tolist()
    kept = make_batch(data, rows, dropout=0.0, generator=np.random.default_rng(0))
    assert kept.audio.lengths.tolist() == AUDIO


def test_share_of_dropped_documents(small):
    many = 4000
    one = segments([1] * many, 0.0)
    nothing = torch.zeros(many, 1)
    data = Dataset(one, one, References(nothing, nothing), torch.arange(many), torch.arange(many))
    batch = make_batch(data, np.arange(many), dropout=0.2, generator=np.random.default_rng(0))
    lost = [(r.lengths == 0).double().mean().item() for r in (batch.audio, batch.text)]
    assert lost == pytest.approx([0.1, 0.1], abs=0.02)


@pytest.mark.parametrize("size", [2, 3, 4, 100])
def test_an_epoch_holds_every_document_once(data, small, size):
    config = small(training__batch_size=size).training
    rows = np.array([0, 2, 3, 4, 5])
    batches = list(training_batches(data, rows, config, (0, 1)))
    assert sorted(np.concatenate([b.groups.numpy() for b in batches])) == rows.tolist()
    sizes = [len(b.groups) for b in batches]
    assert max(sizes) - min(sizes) <= 1
    again = list(training_batches(data, rows, config, (0, 1)))
    assert all(torch.equal(a.audio.values, b.audio.values) for a, b in zip(batches, again, strict=True))
    orders = {tuple(np.concatenate([b.groups for b in training_batches(data, rows, config, (0, e))])) for e in range(9)}
    assert len(orders) > 3


def test_plain_batches_are_all_documents_in_order_with_all_their_segments(data):
    batches = list(plain_batches(data, np.arange(6), 4))
    assert [len(b.groups) for b in batches] == [4, 2]
    assert torch.cat([b.audio.lengths for b in batches]).tolist() == AUDIO
    assert list(plain_batches(data, np.arange(0), 4)) == []
