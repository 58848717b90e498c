"""Kernels between documents: equal norms, centred, and a place for documents without a modality."""

import numpy as np
import pytest

from hilbert.baselines.gram import CentredKernel, KernelSum
from hilbert.errors import UsageError
from hilbert.nn.pooled import pool


@pytest.fixture(scope="module")
def pooled(make_bags):
    """Both modalities, of unequal width and size; some documents lack one, some values are missing."""
    bags, _, _ = make_bags(48, audio_dim=20, nan=True)
    return [100.0 * pool(bags.audio), pool(bags.text)]


def slow_kernel(x, kind, gamma):
    """The centred, scaled kernel of documents that all have the modality, pair by pair."""
    x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    x = x - x.mean(0)
    mean = np.nanmean(x, axis=0)
    pairs = [((x[i] - x[j]) ** 2).sum() for i in range(len(x)) for j in range(i)]
    rate = gamma / np.median(pairs)
    raw = np.array([[a @ b if kind == "linear" else np.exp(-rate * ((a - b) ** 2).sum()) for b in x] for a in x - mean])
    centring = np.eye(len(x)) - 1 / len(x)
    centred = centring @ raw @ centring
    return centred / np.linalg.norm(centred)


@pytest.mark.parametrize(("kind", "gamma"), [("linear", 1.0), ("rbf", 1.0), ("rbf", 0.3)])
def test_the_slow_definition(kind, gamma):
    x = np.random.default_rng(0).normal(size=(15, 4))
    x = (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(CentredKernel.fit(x, kind, gamma)(x), slow_kernel(x, kind, gamma), atol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_equal_norms_centred_and_positive(pooled, kind):
    grams = [CentredKernel.fit(x, kind)(x) for x in pooled]
    for gram in grams:
        assert np.linalg.norm(gram) == pytest.approx(1.0)
        np.testing.assert_allclose(gram, gram.T, atol=1e-12)
        np.testing.assert_allclose(gram.sum(0), 0, atol=1e-12)
        assert np.linalg.eigvalsh(gram).min() > -1e-12
    both = KernelSum.fit(pooled, kind)
    total = both(pooled)
    np.testing.assert_allclose(total, both.constant * (grams[0] + grams[1]), atol=1e-12)
    assert np.diag(total).mean() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_without_the_modality_a_document_is_at_the_mean(pooled, kind):
    x = pooled[0]
    lost = np.isnan(x).all(1)
    assert 0 < lost.sum() < len(x)
    gram = CentredKernel.fit(x, kind)(x)
    assert (gram[lost] == 0).all()
    assert (gram[:, lost] == 0).all()
    assert (gram[~lost][:, ~lost] != 0).all()
    alone = CentredKernel.fit(x[~lost], kind)(x[~lost])
    np.testing.assert_allclose(gram[np.ix_(~lost, ~lost)], alone, atol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_test_documents_change_nothing(pooled, kind):
    train, test = np.arange(30), np.arange(30, 48)
    both = KernelSum.fit([x[train] for x in pooled], kind)
    together = both(pooled)
    assert together.shape == (48, 30)
    np.testing.assert_allclose(together[test], both([x[test] for x in pooled]), atol=1e-12)
    np.testing.assert_allclose(np.concatenate([both([x[i : i + 1] for x in pooled]) for i in test]), together[test])
    assert both([x[:0] for x in pooled]).shape == (0, 30)


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_units_of_a_feature_change_nothing(pooled, kind):
    units = np.random.default_rng(0).uniform(0.1, 10, pooled[0].shape[1])
    other = [pooled[0] * units + 3.0, pooled[1]]
    np.testing.assert_allclose(KernelSum.fit(other, kind)(other), KernelSum.fit(pooled, kind)(pooled), atol=1e-9)


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_a_modality_that_says_nothing_is_no_rounding_blown_up(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 3))
    one = np.full((12, 2), np.nan)
    one[4] = 1.0
    repeated = np.repeat(rng.normal(size=(2, 3)), [10, 2], axis=0)
    for other in (np.full((12, 2), np.nan), np.full((12, 2), 0.1), one):
        assert (CentredKernel.fit(other, kind)(other) == 0).all()
        pair = [x, other]
        np.testing.assert_allclose(KernelSum.fit(pair, kind)(pair), KernelSum.fit([x], kind)([x]))
    assert np.isfinite(CentredKernel.fit(repeated, kind)(x)).all()  # most distances are 0, so the median is


def test_an_unknown_kind_is_named():
    with pytest.raises(UsageError, match=r"linear, rbf.*'cubic'"):
        CentredKernel.fit(np.zeros((3, 2)), "cubic")
