"""Interrupted training goes on to the same bytes, and never with other data."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hilbert.estimators import HilbertClassifier, HilbertEmbedder
from hilbert.features.bags import Bags, Packed
from hilbert.training import loop

SHORTEST = {"training.epochs": 2, "training.head_epochs": 2}

KILLED = """
import importlib.util, os, signal, sys
import torch
from hilbert.estimators import HilbertClassifier
from hilbert.training import loop

conftest, checkpoint = sys.argv[1:]
spec = importlib.util.spec_from_file_location("shared", conftest)
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
torch.set_num_threads(1)
save, calls = loop.save_checkpoint, []

def then_die(*args):
    save(*args)
    calls.append(args)
    if len(calls) == 8:
        os.kill(os.getpid(), signal.SIGKILL)

loop.save_checkpoint = then_die
bags, y, groups = shared.make_bags(40, groups=20, nan=True)
HilbertClassifier("paper", shared.TINY, checkpoint=checkpoint).fit(bags, y, groups=groups)
"""


def test_killed_training_resumes_to_the_same_bytes(paper, tensors, corpus, tiny, tmp_path):
    bags, y, groups = corpus
    conftest = Path(__file__).parents[1] / "conftest.py"
    command = [sys.executable, "-c", KILLED, str(conftest), str(tmp_path / "c")]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, timeout=180)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    # both stages of the first inner fold and one of the second
    assert len(list((tmp_path / "c").rglob("*.safetensors"))) == 3
    resumed = HilbertClassifier("paper", tiny, checkpoint=tmp_path / "c").fit(bags, y, groups=groups)
    assert tensors(resumed) == tensors(paper)
    assert resumed.history_ == paper.history_
    assert resumed.epochs_ == paper.epochs_
    assert np.array_equal(resumed.predict_proba(bags), paper.predict_proba(bags))


class Interrupted(Exception):
    pass


def interrupt(monkeypatch, after):
    save, calls = loop.save_checkpoint, []

    def then_raise(*args):
        save(*args)
        calls.append(args)
        if len(calls) == after:
            raise Interrupted

    monkeypatch.setattr(loop, "save_checkpoint", then_raise)
    return calls


@pytest.mark.parametrize(
    ("kind", "regime", "members", "after"),
    [
        ("segments", "two_stage", ["experts"], 1),
        ("segments", "joint", ["experts"], 3),
        ("vectors", "two_stage", ["network", "experts"], 7),
        ("vectors", "joint", ["steady", "network"], 3),
    ],
)
def test_interrupted_training_resumes(tensors, corpus, tiny, tmp_path, monkeypatch, kind, regime, members, after):
    bags, y, groups = corpus
    config = tiny | SHORTEST | {"training.regime": regime, "network.kind": kind, "stack.members": members}
    whole = HilbertClassifier(config=config).fit(bags, y, groups=groups)
    with monkeypatch.context() as patch:
        interrupt(patch, after)
        with pytest.raises(Interrupted):
            HilbertClassifier(config=config, checkpoint=tmp_path).fit(bags, y, groups=groups)
    resumed = HilbertClassifier(config=config, checkpoint=tmp_path).fit(bags, y, groups=groups)
    assert tensors(resumed) == tensors(whole)
    assert resumed.history_ == whole.history_
    assert (resumed.epochs_, resumed.shares_) == (whole.epochs_, whole.shares_)
    assert np.array_equal(resumed.predict_proba(bags), whole.predict_proba(bags))
    calls = interrupt(monkeypatch, 10**6)
    HilbertClassifier(config=config, checkpoint=tmp_path).fit(bags, y, groups=groups)
    assert calls == []  # all of it was there


@pytest.fixture(scope="module")
def checkpointed(corpus, tiny, tmp_path_factory):
    bags, y, groups = corpus
    folder = tmp_path_factory.mktemp("checkpoints")
    HilbertClassifier("paper", tiny | SHORTEST, checkpoint=folder).fit(bags, y, groups=groups)
    return folder


@pytest.mark.parametrize("change", ["documents", "features", "labels", "groups", "seed", "config"])
def test_checkpoints_of_other_data_are_never_resumed(tensors, corpus, tiny, checkpointed, change):
    """Another fold of the same cross-validation must not continue from a training that saw its test documents."""
    bags, y, groups = corpus
    options = {"config": tiny | SHORTEST, "seed": 0}
    if change == "documents":
        rows = np.r_[0:20, 20:40][::-1]
        bags, y, groups = bags[rows], y[rows], groups[rows]
    elif change == "features":
        audio = Packed(bags.audio.values + 1e-3 * (np.arange(6) == 2), bags.audio.lengths, bags.audio.times)
        bags = Bags(bags.ids, audio, bags.text, bags.duration, bags.source)
    elif change == "labels":
        y = np.roll(y, 1)
    elif change == "groups":
        groups = np.roll(groups, 1)
    elif change == "seed":
        options["seed"] = 1
    else:
        options["config"] = tiny | SHORTEST | {"cka.weight": 0.1}
    fresh = HilbertClassifier("paper", **options).fit(bags, y, groups=groups)
    beside = HilbertClassifier("paper", **options, checkpoint=checkpointed).fit(bags, y, groups=groups)
    assert tensors(beside) == tensors(fresh)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_embedder_resumes(corpus, tiny, tmp_path, monkeypatch, preset):
    bags, _, groups = corpus
    whole = HilbertEmbedder(preset, tiny).fit(bags, groups=groups).transform(bags)
    with monkeypatch.context() as patch:
        interrupt(patch, 4)
        with pytest.raises(Interrupted):
            HilbertEmbedder(preset, tiny, checkpoint=tmp_path).fit(bags, groups=groups)
    resumed = HilbertEmbedder(preset, tiny, checkpoint=tmp_path).fit(bags, groups=groups)
    assert np.array_equal(resumed.transform(bags), whole)
