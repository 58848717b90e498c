"""`seq-lr` sees the order of the segments, which `concat-lr` cannot."""

import numpy as np

from hilbert.baselines import ConcatLR, SeqLR
from hilbert.features.bags import Bags, Packed
from hilbert.metrics import within_fold_auc


def rising_or_falling(docs=60):
    """The same values in each document's reverse: only the direction tells the class."""
    rng = np.random.default_rng(0)
    y = np.arange(docs) % 2
    packed = []
    for _ in range(2):
        documents = [np.linspace(-1, 1, rng.integers(12, 20))[:, None] * [1.0, 0.5] for _ in range(docs)]
        documents = [d[:: 1 if up else -1] + rng.normal(size=d.shape) for d, up in zip(documents, y, strict=True)]
        packed.append(Packed.from_documents(documents))
    return Bags(np.arange(docs).astype(str), *packed, np.ones(docs)), y


def permuted(bags):
    rng = np.random.default_rng(1)
    packed = [
        Packed.from_documents([rng.permutation(p.document(row)) for row in range(len(bags))], p.dim)
        for p in (bags.audio, bags.text)
    ]
    return Bags(bags.ids, *packed, bags.duration)


def test_only_the_order_tells_the_class():
    bags, y = rising_or_falling()
    train, test = np.arange(40), np.arange(40, 60)
    models = {kind: kind().fit(bags[train], y[train]) for kind in (ConcatLR, SeqLR)}
    found = {kind: within_fold_auc(y[test], model.predict_proba(bags[test])) for kind, model in models.items()}
    assert found[SeqLR] > 0.9
    assert abs(found[ConcatLR] - 0.5) < 0.4
    other = permuted(bags)
    np.testing.assert_allclose(models[ConcatLR].predict_proba(other), models[ConcatLR].predict_proba(bags))
    assert np.abs(models[SeqLR].predict_proba(other) - models[SeqLR].predict_proba(bags)).max() > 0.1
