"""The real features in the package are what they are said to be."""

from __future__ import annotations

import doctest
import os
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from hilbert import Corpus
from hilbert.baselines import make_model
from hilbert.corpus import probe
from hilbert.datasets import load_speechocean762, packed
from hilbert.errors import ManifestError
from hilbert.metrics import within_fold_auc
from hilbert.splits import grouped_folds


@pytest.fixture(scope="module")
def data():
    return load_speechocean762()


def test_shapes_labels_and_size(data):
    assert data.bags.shape == (125,)
    assert (data.bags.audio.lengths == 20).all()
    assert (data.bags.audio.dim, data.bags.text.dim) == (512, 384)
    assert np.isfinite(data.bags.audio.values).all()
    counts = Counter(data.column("age_gender"))
    assert counts == {"adult_f": 41, "adult_m": 26, "child_m": 24, "youth_f": 14, "child_f": 12, "youth_m": 8}
    assert len(set(data.column("group"))) == 125
    stored = resources.files("hilbert.datasets").joinpath("speechocean762.safetensors").read_bytes()
    assert len(stored) < 8_000_000
    assert "2104.01378" in data.attribution
    with pytest.raises(ManifestError, match="age_gender"):
        data.column("diagnosis")


def test_the_voice_tells_age_and_gender_and_shuffled_voices_do_not(data):
    y, g = data.column("age_gender"), data.column("group")
    split = grouped_folds(y, g, 3, 1, 0)[0]
    model = make_model("audio-lr").fit(data.bags[split.train], y[split.train], groups=g[split.train])
    scores = model.predict_proba(data.bags[split.test])
    assert within_fold_auc(y[split.test], scores) > 0.8
    shuffled = np.random.default_rng(0).permutation(split.test)
    assert within_fold_auc(y[split.test], model.predict_proba(data.bags[shuffled])) < 0.65


@pytest.mark.data
def test_they_belong_to_the_public_recordings(data):
    folder = os.environ.get("HILBERT_DATA")
    if not folder:
        pytest.skip("HILBERT_DATA is not set")
    corpus = Corpus.from_manifest(Path(folder) / "speechocean762" / "manifest.csv")
    assert corpus.ids.tolist() == data.bags.ids.tolist()
    assert corpus.column("age_gender").tolist() == data.column("age_gender").tolist()
    for row in (0, 60, 124):
        assert probe(corpus.documents[row].audio).duration == pytest.approx(data.bags.duration[row])


def test_the_documented_example_is_true():
    done = doctest.testmod(packed)
    assert done.attempted == 2
    assert done.failed == 0
