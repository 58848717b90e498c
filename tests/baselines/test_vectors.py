"""Methods on document vectors: encoders that start as principal components, and a part that needs both modalities."""

import numpy as np
import pytest
import torch

from hilbert.baselines import ClipOnVectors, GmuOnVectors, LmfOnVectors, MisaOnVectors
from hilbert.baselines.method import VectorEncoder
from hilbert.baselines.trained import COMMON, prepare_method, train_method
from hilbert.splits import encode_labels
from hilbert.training.data import Rows, make_batch

KINDS = (GmuOnVectors, LmfOnVectors, MisaOnVectors, ClipOnVectors)
SMALL = {"width": 8, "epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def data(make_bags):
    bags, y, groups = make_bags(48, groups=24, signal=3.0)
    return bags, y, groups, encode_labels(y)[1]


def trained(kind, data, **options):
    """The method, its options, and the documents that it was trained on."""
    options = {**COMMON, **kind.defaults, **SMALL, **options}
    prepared = prepare_method(options, data[0], data[3], np.arange(48), 0, "cpu")
    return train_method(kind.method, options, prepared, Rows(np.arange(48), np.arange(0)), 3, 0), prepared.data


def test_an_encoder_starts_as_principal_components():
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(40, 6)) * np.geomspace(3, 0.1, 6)
    x[3] = 0.0
    encoder = VectorEncoder("audio", 6, 2, 0.1).eval()
    encoder.start(x)
    z = encoder(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    axes = np.linalg.svd(x - x.mean(axis=0))[2][:2]
    expected = x @ axes.T * np.sqrt(2 / (x**2).sum(axis=1).mean())
    np.testing.assert_allclose(np.abs(np.delete(z, 3, axis=0)), np.abs(np.delete(expected, 3, axis=0)), atol=1e-5)
    np.testing.assert_allclose(z[3], encoder.null.detach())  # it lacks the part


@pytest.mark.parametrize("kind", KINDS)
def test_all_parts_are_read_and_what_can_be_is_learnt(kind, data):
    fitted, dataset = trained(kind, data, epochs=4)
    batch, method = make_batch(dataset, np.arange(48)), fitted.method
    names = ["audio", "text", "cross"] if kind is ClipOnVectors else ["joint"]
    z = method.embed(batch)
    assert list(z) == names
    for part in ("audio", "text", "cross"):
        other = batch._replace(inputs=batch.inputs._replace(**{part: getattr(batch.inputs, part).flip(0)}))
        changed = method.embed(other)
        moved = [name for name in names if not torch.allclose(changed[name], z[name])]
        assert moved == ([part] if kind is ClipOnVectors else ["joint"])
    learnt = {m.part for m in method.modules() if isinstance(m, VectorEncoder) and m.map.out.weight.any()}
    assert learnt == ({"audio", "text"} if kind is ClipOnVectors else {"audio", "text", "cross"})


@pytest.mark.parametrize("kind", KINDS)
def test_fit(kind, data):
    bags, y, groups, _ = data
    some = np.where(np.arange(48) % 6 == 0, None, y.astype(object))
    model = kind(folds=2, learning_rate=2e-2, modality_dropout=0.2, **SMALL).fit(bags, some, groups=groups)
    assert (model.predict(bags) == y).mean() > 0.6
    order = np.random.default_rng(0).permutation(48)
    np.testing.assert_allclose(model.predict_proba(bags[order]), model.predict_proba(bags)[order], rtol=0, atol=1e-5)
    for lost in (bags.without("audio"), bags.without("text"), bags.without("audio").without("text"), bags[:0]):
        assert np.isfinite(model.predict_proba(lost)).all()
    pair = model.retrieval_pair(bags)
    assert list(pair) == (["audio", "text"] if kind is ClipOnVectors else [])
