"""Fits that share what they have in common give the same bytes, and nothing is shared unless it was asked for."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.baselines import make_model
from hilbert.estimators import HilbertClassifier
from hilbert.nn.linear import LinearCore
from hilbert.splits import encode_labels, inner_folds
from hilbert.training import sharing as module
from hilbert.training.common import fit_core
from hilbert.training.sharing import KEPT, once, sharing

SMALL = {"training.epochs": 2, "training.head_epochs": 2, "segments.epochs": 2, "segments.width": 16, "model.width": 16}


@pytest.fixture(autouse=True)
def nothing_kept():
    module._kept.clear()
    yield
    module._kept.clear()


@pytest.fixture
def cores(monkeypatch):
    """How many linear cores are fitted."""
    fitted = []
    fit = LinearCore.fit

    def counting(self, *arguments):
        fitted.append(1)
        return fit(self, *arguments)

    monkeypatch.setattr(LinearCore, "fit", counting)
    return fitted


def models():
    return [
        HilbertClassifier(config={**SMALL, "cka.weight": weight, "head.experts": 2}, seed=0) for weight in (0.0, 2.0)
    ] + [make_model("gmc", epochs=1, width=16)]


@pytest.mark.slow
def test_shared_fits_are_the_same_to_the_last_bit(make_bags, cores):
    bags, y, groups = make_bags(24)
    alone = [model.fit(bags, y, groups).predict_proba(bags) for model in models()]
    assert len(cores) == 3
    assert not module._kept
    with sharing():
        shared = [model.fit(bags, y, groups).predict_proba(bags) for model in models()]
    assert len(cores) == 4
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])


def test_other_documents_labels_or_folds_are_not_shared(make_bags, cores):
    bags, y, _ = make_bags(24)
    target = encode_labels(y)[1]
    louder = replace(bags.audio, values=bags.audio.values * np.linspace(1, 2, len(bags.audio.values))[:, None])
    folds = inner_folds(target, None, 2, 0)
    known = [
        (bags, target, 3, folds),
        (replace(bags, audio=louder), target, 3, folds),
        (bags, np.roll(target, 1), 3, inner_folds(np.roll(target, 1), None, 2, 0)),
        (bags, target, 3, inner_folds(target, None, 2, 1)),
    ]
    with sharing():
        found = [fit_core(*arguments) for arguments in [*known, *known]]
    assert len(cores) == len(known)
    assert all(one is other for one, other in zip(found, found[len(known) :], strict=False))
    assert len({core.logits(bags).tobytes() for core in found}) > 1


def test_few_things_are_kept_and_only_inside():
    made = []

    def make(value):
        return once("value", [value, np.arange(3), ("a", 1.5, None)], lambda: made.append(value) or value)

    assert [make(1), make(1)] == [1, 1] == made
    with sharing():
        for value in [*range(KEPT + 1), KEPT, 0]:
            assert make(value) == value
    assert made[2:] == [*range(KEPT + 1), 0]
    assert len(module._kept) == KEPT


def test_keys_tell_shapes_types_and_places_apart():
    parts = [
        [1, 2], [[1, 2]], [1.0, 2.0], ["1", "2"], [np.array([1, 2])], [np.array([1.0, 2.0])], [np.array([[1, 2]])],
        [[1], 2], [[], [1, 2]],
    ]  # fmt: skip
    assert len({module._digest(part) for part in parts}) == len(parts)
    with sharing(), pytest.raises(TypeError, match="set cannot be part"):
        once("value", [{1}], lambda: 0)
