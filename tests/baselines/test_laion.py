"""LAION-CLAP's fusion: chunks in their thirds, the formula by hand, and CLIP's loss on top."""

import math

import numpy as np
import pytest
import torch

from hilbert.baselines.laion import AttentionalFusion, ClapFusion, chunk_places


def by_loops(encoder, values, by_hand):
    """One document's embedding (width,), its chunks in the middle of their thirds."""
    hidden = by_hand.project(encoder.project, values)
    count = len(hidden)
    x, chunks = hidden.mean(0), []
    for third in range(3):
        start, end = third * count // 3, (third + 1) * count // 3
        room = max(1, end - start)
        size = min(encoder.chunk, room)
        first = start + (room - size) // 2
        chunks.append(hidden[first : first + size].mean(0))

    def gate(layers, both):
        inner = np.maximum(by_hand.norm(layers[1], by_hand.linear(layers[0], both)), 0)
        return by_hand.norm(layers[4], by_hand.linear(layers[3], inner))

    of_all = gate(encoder.fuse.of_all, np.mean([x + r for r in chunks], axis=0))
    fused = []
    for r in chunks:
        w = by_hand.sigmoid(gate(encoder.fuse.of_each, x + r) + of_all)
        fused.append(2 * x * w + 2 * r * (1 - w))
    return by_hand.linear(encoder.out, np.mean(fused, axis=0))


@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_the_embedding_and_the_loss_by_hand(chunk, make_method, segment_batch, by_hand):
    lengths = np.random.default_rng(0).integers(1, 20, (8, 2))
    lengths[0, 0], lengths[1, 1], lengths[2:4, 0] = 0, 0, [1, 2]
    batch, method = segment_batch(8, lengths=lengths), make_method(ClapFusion, chunk=chunk).eval()
    audio = np.array([by_loops(method.audio, values, by_hand) for values, _ in by_hand.documents(batch.inputs.audio)])
    text = np.array([by_hand.encode(method.text, values) for values, _ in by_hand.documents(batch.inputs.text)])
    z = method.embed(batch)
    np.testing.assert_allclose(z["audio"].detach(), audio, atol=1e-5)
    np.testing.assert_allclose(z["text"].detach(), text, atol=1e-5)
    sides = []
    for head, own in ((method.head_audio, audio), (method.head_text, text)):
        v = by_hand.linear(head.layers[2], by_hand.gelu(by_hand.linear(head.layers[0], own[2:])))
        sides.append(v / np.linalg.norm(v, axis=1, keepdims=True))
    groups, losses = batch.groups[2:].tolist(), []
    for x, y in (sides, sides[::-1]):
        for i in range(6):
            terms = {k: math.exp(x[i] @ y[k] / 0.1) for k in range(6) if k == i or groups[k] != groups[i]}
            losses.append(-math.log(terms[i] / sum(terms.values())))
    assert float(method.losses(batch, 0.0)["total"].detach()) == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_chunks_are_consecutive_and_lie_anywhere_in_their_third(size):
    torch.manual_seed(0)
    lengths = torch.tensor([1, 2, 3, 7, 12, 30])
    seen = [[set() for _ in range(3)] for _ in lengths]
    for _ in range(300):
        places, inside = chunk_places(lengths, size, random=True)
        for doc, count in enumerate(lengths.tolist()):
            for third in range(3):
                chunk = places[doc, third][inside[doc, third]].tolist()
                start, end = third * count // 3, max((third + 1) * count // 3, third * count // 3 + 1)
                assert chunk == list(range(chunk[0], chunk[-1] + 1))
                assert len(chunk) == min(size, end - start)
                assert start <= chunk[0] <= chunk[-1] < end <= count
                seen[doc][third] |= set(chunk)
    for doc, count in enumerate(lengths.tolist()):
        assert set.union(*seen[doc]) == set(range(1 if count == 2 else 0, count)) | {0}
    fixed = [chunk_places(lengths, size, random=False) for _ in range(2)]
    assert torch.equal(fixed[0][0], fixed[1][0])
    alone = [chunk_places(lengths[row : row + 1], size, random=False)[0][0] for row in range(6)]
    assert torch.equal(torch.stack(alone), fixed[0][0])


def test_equal_sides_are_doubled_whatever_the_weight():
    fuse, x = AttentionalFusion(8), torch.randn(4, 1, 8)
    torch.testing.assert_close(fuse(x, x.expand(4, 3, 8)), 2 * x.expand(4, 3, 8))


def test_training_draws_chunks_and_evaluation_does_not(make_method, segment_batch):
    method, batch = make_method(ClapFusion), segment_batch(4, lengths=(20, 3))
    method.train()
    assert not torch.equal(method.embed(batch)["audio"], method.embed(batch)["audio"])
    method.eval()
    assert torch.equal(method.embed(batch)["audio"], method.embed(batch)["audio"])


def test_what_every_method_keeps(make_method, check_training, check_embedding, constant_null):
    method = make_method(ClapFusion, dropout=0.2)
    check_training(ClapFusion, constant_null(method))
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(ClapFusion)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
