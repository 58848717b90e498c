"""Late fusion: the mean of two judgements, each with a temperature of its own."""

import numpy as np

from hilbert.baselines import AudioLR, LateMean, TextLR
from hilbert.baselines.calibration import fit_temperature
from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.nn.linear import softmax
from hilbert.splits import encode_labels


def test_its_parts_are_audio_lr_and_text_lr(make_bags):
    bags, y, groups = make_bags(60, groups=30, nan=True)
    mean = LateMean(seed=5).fit(bags, y, groups=groups)
    target, logits = encode_labels(y)[1], []
    for number, kind in enumerate((AudioLR, TextLR)):
        part = kind(seed=5).fit(bags, y, groups=groups)
        assert mean.temperatures_[number] == fit_temperature(part.out_of_fold_, target)
        logits.append(part.raw_logits(bags) / mean.temperatures_[number])
    np.testing.assert_allclose(mean.predict_proba(bags), softmax((logits[0] + logits[1]) / 2))


def test_a_useless_modality_is_left_alone(make_bags):
    bags, y, groups = make_bags(100, signal=2.0, missing=False)
    noise, _, _ = make_bags(100, seed=1, signal=0.0, missing=False)
    mixed = Bags(bags.ids, bags.audio, noise.text, bags.duration)
    train, test = np.arange(60), np.arange(60, 100)
    model = LateMean().fit(mixed[train], y[train], groups=groups[train])
    audio, text = model.temperatures_
    assert text > 1.2 * audio
    assert within_fold_auc(y[test], model.predict_proba(mixed[test])) > 0.95


def test_a_class_that_an_inner_fold_lacks(make_bags):
    bags, y, _ = make_bags(40)
    y = np.where(np.arange(40) == 5, "c", np.where(y == "a", "a", "b"))  # one document of the third class
    model = LateMean().fit(bags, y)
    assert np.isneginf(model.parts_[0].out_of_fold_).any()
    assert np.isfinite(model.decision_function(bags)).all()
