"""What the tests of neural methods share: ragged batches, the properties that all have, and layers by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.special import erf

from hilbert.baselines.method import Shape
from hilbert.baselines.trained import COMMON
from hilbert.nn.hilbert import SegmentBatch
from hilbert.nn.ragged import Ragged
from hilbert.training.data import Batch
from hilbert.training.loop import Plan, make_optimiser

AUDIO, TEXT, CLASSES = 6, 5, 3


def ragged(documents, dim):
    """Documents as (segments, dim) arrays, with times that rise."""
    lengths = [len(x) for x in documents]
    times = [np.arange(n) / n + 0.3 / n for n in lengths if n]
    return Ragged(
        torch.tensor(np.concatenate([np.zeros((0, dim)), *documents]), dtype=torch.float32),
        torch.tensor(lengths),
        torch.tensor(np.concatenate([np.zeros(0), *times]), dtype=torch.float32),
    )


def documents(segments):
    """The values of each document, and their times."""
    lengths = segments.lengths.tolist()
    return list(zip(segments.values.split(lengths), segments.times.split(lengths), strict=True))


@pytest.fixture(scope="session")
def segment_batch():
    """Random documents: one without audio, one without text, one with a single segment of each; pairs are groups."""

    def make(docs=12, seed=0, lengths=None, signal=0.0):
        rng = np.random.default_rng(seed)
        counts = rng.integers(2, 6, (docs, 2))
        counts[: min(docs, 3)] = [[0, 3], [4, 0], [1, 1]][: min(docs, 3)]
        counts = counts if lengths is None else np.broadcast_to(lengths, (docs, 2))
        target = np.arange(docs) % CLASSES
        parts = []
        for column, dim in enumerate((AUDIO, TEXT)):
            axes = signal * rng.normal(size=(CLASSES, dim))
            parts.append(
                ragged(
                    [axes[y] + rng.normal(size=(n, dim)) for y, n in zip(target, counts[:, column], strict=True)], dim
                )
            )
        target = torch.tensor(target)
        target[docs // 2 :: 5] = -1
        return Batch(SegmentBatch(*parts), None, torch.arange(docs) // 2, target)

    return make


@pytest.fixture(scope="session")
def take():
    """The given documents of a batch, in that order."""

    def of(batch, rows):
        parts = []
        for segments in (batch.inputs.audio, batch.inputs.text):
            found = documents(segments)
            parts.append(
                Ragged(
                    torch.cat([segments.values[:0], *(found[row][0] for row in rows)]),
                    segments.lengths[rows],
                    torch.cat([segments.times[:0], *(found[row][1] for row in rows)]),
                )
            )
        return Batch(SegmentBatch(*parts), None, batch.groups[rows], batch.target[rows])

    return of


@pytest.fixture(scope="session")
def make_method():
    """A small method of a baseline, in training mode but without dropout unless told."""

    def make(kind, seed=0, **options):
        chosen = {**COMMON, "width": 8, "dropout": 0.0, **kind.defaults, "backbone": "segments", **options}
        torch.manual_seed(seed)
        method = kind.method(Shape(AUDIO, TEXT, 0, CLASSES, torch.tensor([5, 3, 2])), chosen)
        with torch.no_grad():  # what starts at zero would hide mistakes
            for parameter in method.parameters():
                if not parameter.any():
                    parameter.normal_(std=0.3)
        return method

    return make


@pytest.fixture(scope="session")
def check_embedding(segment_batch, take):
    """Padding, batch mates, the order of documents and missing modalities change nothing in the embedding."""

    def check(method):
        method.eval()
        batch = segment_batch()
        with torch.no_grad():
            together = method.embed(batch)
            order = torch.randperm(12, generator=torch.Generator().manual_seed(1)).tolist()
            shuffled = method.embed(take(batch, order))
            for name, z in together.items():
                assert z.shape[0] == 12
                torch.testing.assert_close(shuffled[name], z[order], atol=1e-5, rtol=1e-5)
            for row in range(12):
                alone = method.embed(take(batch, [row]))
                for name, z in together.items():
                    torch.testing.assert_close(alone[name], z[row : row + 1], atol=1e-5, rtol=1e-5)

    return check


@pytest.fixture(scope="session")
def check_training(segment_batch, take):
    """Every parameter has a gradient within three steps; hard batches have finite losses and gradients."""

    def check(baseline, method):
        method.train()
        optimiser = make_optimiser(method, Plan(1, 1e-3, 1e-2, 0.1, 1.0, 3))
        torch.manual_seed(0)
        silent = dict(method.named_parameters())
        for seed in range(3):
            parts = method.losses(segment_batch(24, seed), 0.5)
            optimiser.zero_grad()
            parts["total"].backward()
            silent = {n: p for n, p in silent.items() if p.grad is None or not p.grad.any()}
            optimiser.step()
            method.after_step()
        assert not silent
        batch = segment_batch()
        hard = [take(batch, rows) for rows in ([0], [1], [2], [0, 0], [1, 1], [2, 2], [0, 1], [0, 1, 2])]
        for batch in [*hard, segment_batch(4, 0, (1, 1)), segment_batch(4, 0, (0, 2)), segment_batch(4, 0, (0, 0))]:
            parts = method.losses(batch, 0.5)
            assert {"total", "label"} <= set(parts) if method.supervised else "total" in parts
            optimiser.zero_grad()
            if parts["total"].requires_grad:
                parts["total"].backward()
            values = [*parts.values(), *method.embed(batch).values()]
            values += [method.logits(batch)] if method.supervised else []
            values += [p.grad for p in method.parameters() if p.grad is not None]
            assert all(torch.isfinite(value).all() for value in values)

    return check


@pytest.fixture(scope="session")
def check_fit(make_bags):
    """The whole protocol on a small corpus that is easy; returns the fitted model."""

    def check(kind, **options):
        bags, y, groups = make_bags(48, signal=3.0, groups=24)
        model = kind(width=8, epochs=2, batch_size=4, folds=2, learning_rate=2e-2, **options)
        model.fit(bags, y, groups=groups)
        proba = model.predict_proba(bags)
        assert proba.shape == (48, CLASSES)
        assert np.isfinite(proba).all()
        assert (model.predict(bags) == y).mean() > 0.5
        return model

    return check


def linear(layer, x):
    bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
    return x @ layer.weight.detach().double().numpy().T + bias


def norm(layer, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + layer.eps)
    return x * layer.weight.detach().double().numpy() + layer.bias.detach().double().numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def project(layer, values, times=None):
    """One document's segments (n, dim) → (n, width), its null token where there are none."""
    if not len(values):
        return layer.null.detach().double().numpy()[None]
    hidden = norm(layer.norm, linear(layer.linear, values.double().numpy())) + layer.modality.detach().double().numpy()
    if layer.time is not None:
        angles = 2 * np.pi * times.double().numpy()[:, None] * 2.0 ** np.arange(-1, 7)
        hidden = hidden + linear(layer.time, np.concatenate([np.sin(angles), np.cos(angles)], axis=1))
    return hidden


def pool(layer, hidden):
    """One document's (n, width) → its attended mean, and spread."""
    scores = linear(layer.score, np.tanh(linear(layer.tanh, hidden)) * sigmoid(linear(layer.gate, hidden)))[:, 0]
    weights = softmax(scores)
    mean = weights @ hidden
    if layer.kind == "attention":
        return mean
    return np.concatenate([mean, np.sqrt(np.maximum(weights @ (hidden - mean) ** 2, 1e-6))])


def encode(encoder, values):
    """A SegmentEncoder for one document: (width,)."""
    return linear(encoder.out, pool(encoder.pool, project(encoder.project, values)))


def attend(layer, query, key, bias=0.0):
    """A CrossAttention layer for one document, a head at a time; ``bias`` is added to the scores of each key."""
    keys = norm(layer.norm_key, key)
    q, k, v = linear(layer.query, norm(layer.norm_query, query)), linear(layer.key, keys), linear(layer.value, keys)
    size, found = q.shape[1] // layer.heads, []
    for start in range(0, q.shape[1], size):
        part = slice(start, start + size)
        found.append(softmax(q[:, part] @ k[:, part].T / np.sqrt(size) + bias) @ v[:, part])
    query = query + linear(layer.out, np.concatenate(found, axis=1))
    return query + linear(layer.contract, gelu(linear(layer.expand, norm(layer.norm_feedforward, query))))


def label_loss(method, logits, batch):
    """Mean over labelled documents of w_y (−log p_y), w_c = n / (classes n_c)."""
    counts, found = method.shape.counts.double().numpy(), []
    for row, y in enumerate(batch.target.tolist()):
        if y >= 0:
            found.append(counts.sum() / (len(counts) * counts[y]) * -np.log(softmax(logits[row])[y]))
    return np.mean(found)


def nt_xent(x, y, scale, groups):
    """Anchor by anchor, candidate by candidate: −log softmax of the partner among all rows of other groups."""
    rows = [np.asarray(row.detach() if isinstance(row, torch.Tensor) else row, np.float64) for row in (*x, *y)]
    docs, losses = len(x), []
    for anchor in range(2 * docs):
        partner = (anchor + docs) % (2 * docs)
        similar = {}
        for other in range(2 * docs):
            if other == partner or groups[other % docs] != groups[anchor % docs]:
                similar[other] = np.exp(scale * rows[anchor] @ rows[other])
        losses.append(-np.log(similar[partner] / sum(similar.values())))
    return np.mean(losses)


@pytest.fixture(scope="session")
def by_hand():
    """Layers in float64 numpy, for one document at a time."""
    return SimpleNamespace(
        linear=linear, norm=norm, sigmoid=sigmoid, gelu=gelu, softmax=softmax, project=project, pool=pool,
        encode=encode, attend=attend, label_loss=label_loss, documents=documents, nt_xent=nt_xent,
    )  # fmt: skip


@pytest.fixture(scope="session")
def constant_null():
    """For losses that leave out documents with one modality: null tokens, which get no gradient, made constant."""

    def of(method):
        for module in method.modules():
            if "null" in module._parameters:
                module.register_buffer("null", module._parameters.pop("null").detach())
        return method

    return of
