"""CrossCLR against loops; what is pruned is gone, and weights stay tame in small batches."""

import math

import pytest
import torch

from hilbert.baselines.crossclr import Crossclr, connectivity, importance, one_sided, pruned
from hilbert.losses.contrastive import unit

LENGTHS = [[2, 1], [1, 2], [3, 2], [4, 1], [1, 3], [2, 1], [2, 4], [5, 2]]


def slow_connectivity(part):
    """Mean over all documents of (1 + cosine) / 2 of mean-pooled inputs."""
    means = [x.double().mean(0) for x in part.values.split(part.lengths.tolist())]
    cosines = [[float(a @ b / a.norm() / b.norm()) for b in means] for a in means]
    return [sum((1 + c) / 2 for c in row) / len(row) for row in cosines]


def slow_loss(x, y, cx, cy, groups, o):
    """One direction, document by document, in float64."""
    x, y, docs = x.double(), y.double(), range(len(x))
    out_x, out_y = (
        [k for k in docs if (c[k] - min(c)) / (max(c) - min(c)) >= o["threshold"]] for c in (cx, cy)
    )  # fmt: skip
    losses = []
    for i in docs:
        positive = math.exp(float(x[i] @ y[i]) / o["temperature"])
        total = positive
        for k in docs:
            if groups[k] != groups[i]:
                if k not in out_y:
                    total += math.exp(float(x[i] @ y[k]) / o["temperature"])
                if k not in out_x:
                    total += math.exp(o["intra"] * float(x[i] @ x[k]) / o["temperature"])
        losses.append(-math.log(positive / total))
    weights = [math.exp(c / sum(cx) / (o["kappa"] / len(x))) for c in cx]
    return sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)


@pytest.mark.parametrize(("threshold", "groups"), [(0.9, list(range(8))), (0.5, [0, 0, 1, 2, 3, 3, 4, 5])])
def test_the_slow_definition(make_method, segment_batch, threshold, groups):
    batch = segment_batch(8, lengths=LENGTHS)._replace(groups=torch.tensor(groups))
    method = make_method(Crossclr, threshold=threshold)
    audio = unit(method.head_audio(method.audio(batch.inputs.audio))).detach()
    text = unit(method.head_text(method.text(batch.inputs.text))).detach()
    ca, ct = slow_connectivity(batch.inputs.audio), slow_connectivity(batch.inputs.text)
    slow = [slow_loss(*rows, groups, method.options) for rows in ((audio, text, ca, ct), (text, audio, ct, ca))]
    assert float(method.losses(batch, 0.0)["total"].detach()) == pytest.approx(sum(slow) / 2, abs=1e-5)


def test_connectivity_is_that_of_the_documents_kept(segment_batch, take):
    batch = segment_batch()
    keep = torch.arange(12) % 4 != 0  # the first has no audio
    found = connectivity(batch.inputs.audio, keep)
    kept = take(batch, keep.nonzero().squeeze(1).tolist()).inputs.audio
    assert found.tolist() == pytest.approx(slow_connectivity(kept), abs=1e-5)


def test_a_pruned_document_is_no_negative_at_all():
    """Its logit is minus infinity: with a logit of 0, moving it would change nothing but its e⁰ would stay."""
    torch.manual_seed(0)
    x, y = (unit(torch.randn(5, 3)) for _ in range(2))
    weights, none = torch.full((5,), 0.2), torch.eye(5, dtype=torch.bool)
    drop = torch.tensor([False, True, False, False, False])
    fewer = [0, 2, 3, 4]
    whole = one_sided(x, y, drop, drop, weights * torch.tensor([1, 0, 1, 1, 1]), 5.0, 0.8, none)
    kept = torch.zeros(4, dtype=torch.bool)
    alone = one_sided(x[fewer], y[fewer], kept, kept, weights[fewer], 5.0, 0.8, none[:4, :4])
    torch.testing.assert_close(whole, alone)


def test_the_best_connected_is_pruned_unless_all_are_alike():
    assert pruned(torch.tensor([0.1, 0.5, 0.48, 0.3]), 0.9).tolist() == [False, True, True, False]
    for docs in (1, 2, 7):
        assert not pruned(torch.full((docs,), 0.5) + 1e-8 * torch.randn(docs), 0.7).any()


@pytest.mark.parametrize("docs", [2, 16, 64, 256])
def test_weights_do_not_depend_on_the_size_of_the_batch(docs):
    """With a fixed κ the largest of 16 documents would have e¹⁸ times the weight it has in a large batch."""
    weights = importance(torch.linspace(0.4, 0.6, docs), 0.22)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights[-1] / weights[0]) == pytest.approx(math.exp(0.2 / 0.5 / 0.22), rel=1e-4)


def test_what_every_method_keeps(make_method, check_training, check_embedding, constant_null):
    method = make_method(Crossclr, dropout=0.2)
    check_training(Crossclr, constant_null(method))
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Crossclr)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
