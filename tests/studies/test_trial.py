"""Trials: what is measured, and what a key depends on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hilbert.studies.arms import NETWORK
from hilbert.studies.experiment import Size
from hilbert.studies.experiments.base import corpus
from hilbert.studies.quantities import MEASURES
from hilbert.studies.trial import Arm, Trial, run_trial

SIZE = Size(100, 60, 1, 1, True)
FEW = {"training.epochs": 3, "model.width": 32, "training.head_epochs": 5}
PRIORS = {"shared": 1.0, "audio": 1.0, "text": 1.0, "priors": (0.5, 0.5)}


def trial(model: str = "concat-lr", **options: object) -> Trial:
    from hilbert.synthetic import Target

    settings = {**NETWORK, **FEW} if model.startswith("hilbert") else {}
    design = corpus(SIZE, target=Target(**PRIORS))  # type: ignore[arg-type]
    made = Trial(Arm(model, model, settings), "case", 0.0, design, SIZE.train, 0, 0, tuple(MEASURES))
    return dataclasses.replace(made, **options)  # type: ignore[arg-type]


def test_a_linear_model_finds_the_signal_and_only_predicts() -> None:
    values, seconds = run_trial(trial())
    assert values["auc"] > 0.6
    assert 0.1 < values["reached"] < 1.05
    assert seconds > 0
    assert values["latent_audio"] > 0.2  # of the pooled inputs
    assert not {"retention_least", "padding", "term_cka", "found audio → text"} & set(values)


@pytest.mark.parametrize("model", ["hilbert", "hilbert-paper"])
def test_a_network_is_asked_everything(model: str) -> None:
    values, _ = run_trial(trial(model))
    wanted = {"auc", "dominance", "latent_shared", "retention_least", "found audio → text", "term_cka", "padding"}
    assert wanted <= set(values)
    assert values["padding"] < 1e-4
    assert values["term_contrast"] > 0


def test_the_same_trial_gives_the_same_values() -> None:
    assert run_trial(trial("hilbert-paper"))[0] == run_trial(trial("hilbert-paper"))[0]


def test_latents_that_a_modality_does_not_show_are_not_found() -> None:
    design = corpus(SIZE, audio={"noise": 0.3}, text={"noise": 50.0})
    values, _ = run_trial(trial("hilbert", design=dataclasses.replace(design, target=trial().design.target)))
    assert values["latent_audio"] > 0.2
    assert abs(values["latent_text"]) < 0.15
    assert values["dominance"] > 0.5


def test_shuffled_training_pairs_lose_what_alignment_needs() -> None:
    sides = {"noise": 0.5, "unique": 0.2}
    clear = corpus(SIZE, sides, sides)
    real, _ = run_trial(trial("clip", design=clear, measures=("retrieval",)))
    shuffled, _ = run_trial(trial("clip", design=clear, measures=("retrieval",), shuffled=True))
    assert real["found audio → text"] > 0.8
    assert shuffled["found audio → text"] < 0.65


def test_the_key_follows_everything_but_names() -> None:
    base = trial()
    assert trial(case="other", level=5.0).key == base.key
    others = [
        trial("audio-lr"),
        trial(seed=1),
        trial(repeat=1),
        trial(shuffled=True),
        trial(train=50),
        trial(measures=("prediction",)),
        trial(design=dataclasses.replace(base.design, icc=0.5)),
    ]
    assert len({base.key, *(other.key for other in others)}) == 1 + len(others)


def test_the_oracle_bounds_what_is_reached() -> None:
    clear = corpus(SIZE, {"noise": 0.0}, {"noise": 0.0}, target=trial().design.target)
    values, _ = run_trial(trial(design=clear))
    assert np.isfinite(values["reached"])
    assert values["reached"] > 0.7
