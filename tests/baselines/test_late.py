"""Late fusion: only judgements out of fold are combined."""

import numpy as np
import pytest

from hilbert.baselines import AudioLR, LateMean, LateStack, TextLR
from hilbert.baselines.calibration import fit_temperature
from hilbert.features.bags import Bags, Packed
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import LogisticMap, softmax
from hilbert.splits import encode_labels


@pytest.fixture(scope="module")
def fitted(make_bags):
    bags, y, groups = make_bags(60, groups=30, nan=True)
    return bags, y, groups, LateStack(seed=5).fit(bags, y, groups=groups)


def test_its_parts_are_audio_lr_and_text_lr(fitted):
    bags, y, groups, stack = fitted
    mean = LateMean(seed=5).fit(bags, y, groups=groups)
    target, logits = encode_labels(y)[1], []
    for number, kind in enumerate((AudioLR, TextLR)):
        part = kind(seed=5).fit(bags, y, groups=groups)
        assert stack.temperatures_[number] == fit_temperature(part.core_.out_of_fold, target)
        logits.append(part.decision_function(bags) / stack.temperatures_[number])
        np.testing.assert_array_equal(stack.inner_logits_[number], part.core_.out_of_fold / stack.temperatures_[number])
    np.testing.assert_allclose(mean.decision_function(bags), (logits[0] + logits[1]) / 2)
    np.testing.assert_allclose(stack.decision_function(bags), stack.stack_(np.hstack(logits)))


def test_the_stack_is_fitted_on_the_logits_out_of_fold(fitted):
    _, y, _, stack = fitted
    again = LogisticMap.fit(np.hstack(list(stack.inner_logits_)), encode_labels(y)[1], 3, stack.chosen_["C"])
    np.testing.assert_array_equal(stack.stack_.weights, again.weights)


def test_random_features_say_nothing_out_of_fold_but_much_in_it():
    """What the stack is fitted on ranks at random; logits of the refits on their own documents would not."""
    outside, inside = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        packed = [Packed.from_documents(list(rng.normal(size=(90, 1, 40)))) for _ in range(2)]
        bags = Bags(np.arange(90).astype(str), *packed, np.ones(90))
        y = rng.permutation(np.arange(90) % 2)
        model = LateStack().fit(bags, y)
        for logits, core in zip(model.inner_logits_, model.cores_, strict=True):
            outside.append(within_fold_auc(y, softmax(logits), core.fold_of))
            inside.append(within_fold_auc(y, softmax(core.logits(bags))))
    # six values of .06 standard error each, every one the best of 26 settings
    assert abs(np.mean(outside) - 0.5) < 0.1
    assert np.mean(inside) > 0.75


def test_a_useless_modality_is_left_alone(make_bags):
    bags, y, groups = make_bags(100, signal=2.0, missing=False)
    noise, _, _ = make_bags(100, seed=1, signal=0.0, missing=False)
    mixed = Bags(bags.ids, bags.audio, noise.text, bags.duration)
    train, test = np.arange(60), np.arange(60, 100)
    for kind in (LateMean, LateStack):
        model = kind().fit(mixed[train], y[train], groups=groups[train])
        audio, text = model.temperatures_
        assert text > 1.2 * audio
        assert within_fold_auc(y[test], model.predict_proba(mixed[test])) > 0.95


def test_a_class_that_an_inner_fold_lacks(make_bags):
    bags, y, _ = make_bags(40)
    y = np.where(np.arange(40) == 5, "c", np.where(y == "a", "a", "b"))  # one document of the third class
    for kind in (LateMean, LateStack):
        model = kind().fit(bags, y)
        assert np.isneginf(model.inner_logits_).any()
        assert np.isfinite(model.decision_function(bags)).all()
