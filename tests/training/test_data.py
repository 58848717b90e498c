"""Batches: every document once, random segments in order, one lost modality at most, all from one seed."""

import numpy as np
import pytest
import torch

from hilbert.features.bags import Packed
from hilbert.nn.documents import DocumentVectors
from hilbert.training.data import (
    SegmentData,
    Segments,
    VectorData,
    make_batch,
    make_dataset,
    pick,
    plain_batches,
    training_batches,
)

AUDIO, TEXT = [4, 0, 9, 1, 30, 2], [3, 5, 0, 1, 12, 7]
KEPT = np.zeros(6, bool)


def packed(lengths, first):
    """Values that say which document and which segment they are."""
    values = np.concatenate([np.stack([np.full(n, row), np.arange(n)], 1) for row, n in enumerate(lengths)])
    return Packed(values.astype(np.float64), np.array(lengths), first + np.arange(len(values)) / 1000)


def segments(lengths, first=0.0):
    return Segments.of(packed(lengths, first), "cpu")


def vectors(docs=6):
    """Values that say which document and which part they are; a part is never 0 where it is there."""
    has_audio, has_text = np.arange(docs) != 1, np.arange(docs) != 2
    values = {
        "audio": (np.where(has_audio, 10 + np.arange(docs), 0), 2),
        "text": (np.where(has_text, 20 + np.arange(docs), 0), 3),
        "cross": (np.where(has_audio & has_text, 30 + np.arange(docs), 0), 4),
    }
    parts = {name: np.repeat(value[:, None], width, axis=1).astype(float) for name, (value, width) in values.items()}
    return VectorData.of(DocumentVectors(**parts, has_audio=has_audio, has_text=has_text))


def dataset(inputs):
    references = np.arange(6.0)[:, None], 10 + np.arange(6.0)[:, None]
    return make_dataset(inputs, references, np.arange(6) % 2, np.arange(6))


@pytest.fixture
def data():
    return dataset(SegmentData.of((packed(AUDIO, 0.0), packed(TEXT, 0.5))))


def documents(ragged):
    return ragged.values.split(ragged.lengths.tolist())


@pytest.mark.parametrize("limit", [1, 3, 8, 30, None])
def test_at_most_so_many_segments_in_their_order(limit):
    source, rows = segments(AUDIO), np.array([4, 1, 0, 2])
    lengths, picks = pick(source, rows, limit, np.random.default_rng(0))
    assert lengths.tolist() == [min(AUDIO[r], limit or 99) for r in rows]
    ragged = source.ragged(rows, KEPT[:4], limit, np.random.default_rng(0))
    assert ragged.lengths.tolist() == lengths.tolist()
    for row, values in zip(rows, documents(ragged), strict=True):
        assert (values[:, 0] == row).all()
        assert (values[:, 1].diff() > 0).all()
    assert torch.equal(ragged.times, source.times[torch.as_tensor(picks)])
    assert torch.equal(ragged.values, source.values[torch.as_tensor(picks)])


def test_dropped_documents_have_no_segments_and_the_others_theirs():
    source, rows = segments(AUDIO), np.array([4, 2, 0, 4])
    drop = np.array([False, True, False, True])
    ragged = source.ragged(rows, drop, 3, np.random.default_rng(0))
    plain = source.ragged(rows, KEPT[:4], 3, np.random.default_rng(0))
    assert ragged.lengths.tolist() == [3, 0, 3, 0]
    kept = torch.repeat_interleave(torch.as_tensor(~drop), plain.lengths)
    assert torch.equal(ragged.values, plain.values[kept])
    assert torch.equal(ragged.times, plain.times[kept])


def test_every_segment_is_drawn_alike():
    source, generator = segments([10]), np.random.default_rng(0)
    drawn = [pick(source, np.array([0]), 3, generator)[1] for _ in range(2000)]
    counts = np.bincount(np.concatenate(drawn), minlength=10)
    assert counts.sum() == 6000
    assert np.abs(counts - 600).max() < 5 * np.sqrt(600 * 0.7)


def test_batch_holds_everything_of_its_documents(data):
    rows = np.array([5, 2, 0, 1])
    batch = make_batch(data, rows)
    for ragged, lengths in zip(batch.inputs, (AUDIO, TEXT), strict=True):
        assert ragged.lengths.tolist() == [lengths[r] for r in rows]
        assert ragged.values[:, 0].tolist() == np.repeat(rows, [lengths[r] for r in rows]).tolist()
    assert batch.references.audio.flatten().tolist() == rows.tolist()
    assert batch.references.text.flatten().tolist() == (10 + rows).tolist()
    assert batch.groups.tolist() == rows.tolist()
    assert batch.target.tolist() == (rows % 2).tolist()


def test_batch_of_vectors():
    rows = np.array([5, 2, 0, 1])
    batch = make_batch(dataset(vectors()), rows, limit=1).inputs  # of segments, which vectors are not
    assert batch.audio[:, 0].tolist() == [15, 12, 10, 0]
    assert batch.text[:, 0].tolist() == [25, 0, 20, 21]
    assert batch.cross[:, 0].tolist() == [35, 0, 30, 0]
    assert batch.has_audio.tolist() == [True, True, True, False]
    assert batch.has_text.tolist() == [True, False, True, True]
    assert [part.shape[1] for part in batch[:3]] == [2, 3, 4]
    assert all(part.dtype == torch.float32 for part in batch[:3])


@pytest.mark.parametrize("kind", ["segments", "vectors"])
def test_modality_dropout_takes_one_of_two_and_never_the_only_one(data, kind):
    data = data if kind == "segments" else dataset(vectors())
    rows, seen = np.arange(6), []
    whole = (
        [part.numpy() for part in data.inputs.batch(rows, (KEPT, KEPT), None, None)[:3]] if kind == "vectors" else []
    )
    for seed in range(20):
        inputs = make_batch(data, rows, dropout=1.0, generator=np.random.default_rng(seed)).inputs
        if kind == "segments":
            audio, text = (ragged.lengths.numpy() > 0 for ragged in inputs)
            for ragged in inputs:
                assert ragged.values[:, 0].tolist() == np.repeat(rows, ragged.lengths.numpy()).tolist()
        else:
            audio, text = inputs.has_audio.numpy(), inputs.has_text.numpy()
            for part, before, there in zip(inputs[:3], whole, (audio, text, audio & text), strict=True):
                assert np.array_equal(part.numpy(), before * there[:, None])
        assert (audio ^ text).all()
        assert not audio[1]
        assert audio[2]
        seen.append(tuple(audio))
    assert len(set(seen)) > 5
    kept = make_batch(data, rows, dropout=0.0, generator=np.random.default_rng(0)).inputs
    has = [ragged.lengths > 0 for ragged in kept] if kind == "segments" else [kept.has_audio, kept.has_text]
    assert [h.tolist() for h in has] == [h.tolist() for h in data.inputs.has]


def test_share_of_dropped_documents():
    many = 4000
    one = segments([1] * many)
    batch = make_batch(make_dataset(SegmentData(one, one)), np.arange(many), None, 0.2, np.random.default_rng(0))
    lost = [(r.lengths == 0).double().mean().item() for r in batch.inputs]
    assert lost == pytest.approx([0.1, 0.1], abs=0.02)


def test_a_dataset_without_labels_groups_or_references():
    data = make_dataset(vectors())
    assert len(data) == 6
    assert data.target.tolist() == [-1] * 6
    assert data.groups.tolist() == list(range(6))
    assert [x.shape for x in data.references] == [(6, 1)] * 2


@pytest.mark.parametrize("size", [2, 3, 4, 100])
def test_an_epoch_holds_every_document_once(data, size):
    rows = np.array([0, 2, 3, 4, 5])

    def epoch(number):
        return list(training_batches(data, rows, size, 3, 0.5, (0, number)))

    batches, again = epoch(1), epoch(1)
    assert sorted(np.concatenate([b.groups.numpy() for b in batches])) == rows.tolist()
    sizes = [len(b.groups) for b in batches]
    assert max(sizes) - min(sizes) <= 1
    for one, other in zip(batches, again, strict=True):
        assert all(torch.equal(a.values, b.values) for a, b in zip(one.inputs, other.inputs, strict=True))
    assert len({tuple(np.concatenate([b.groups for b in epoch(e)])) for e in range(9)}) > 3


def test_plain_batches_are_all_documents_in_order(data):
    batches = list(plain_batches(data, np.arange(6), 4))
    assert [len(b.groups) for b in batches] == [4, 2]
    assert torch.cat([b.inputs.audio.lengths for b in batches]).tolist() == AUDIO
    assert list(plain_batches(data, np.arange(0), 4)) == []
    limited = [torch.cat([b.inputs.audio.values for b in plain_batches(data, np.arange(6), 4, 2)]) for _ in range(2)]
    assert torch.equal(*limited)  # the same segments each time
    assert len(limited[0]) == sum(min(n, 2) for n in AUDIO)
