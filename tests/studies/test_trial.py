"""Trials: what is measured, and what a key depends on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hilbert.benchmark.models import build
from hilbert.losses.total import References, RepresentationObjective
from hilbert.monitors.network import trained_task
from hilbert.studies.arms import NETWORK
from hilbert.studies.experiment import Size
from hilbert.studies.experiments.base import corpus
from hilbert.studies.quantities import MEASURES, Seen, terms
from hilbert.studies.trial import Arm, Trial, run_trial
from hilbert.synthetic import Modality, generate
from hilbert.training.data import Dataset, make_batch

SIZE = Size(100, 60, 1, 1, True)
FEW = {"training.epochs": 3, "network.width": 32, "training.head_epochs": 5}
SMALL = {**FEW, "vectors.heads": 1, "vectors.prototypes": 16, "vectors.components": 32}
PRIORS = {"shared": 1.0, "audio": 1.0, "text": 1.0, "priors": (0.5, 0.5)}


def trial(model: str = "concat-lr", **options: object) -> Trial:
    from hilbert.synthetic import Target

    settings = {"hilbert-paper": {**NETWORK["paper"], **FEW}, "hilbert": {**NETWORK["robust"], **SMALL}}.get(model, {})
    design = corpus(SIZE, target=Target(**PRIORS))  # type: ignore[arg-type]
    made = Trial(Arm(model, model, settings), "case", 0.0, design, SIZE.train, 0, 0, tuple(MEASURES))
    return dataclasses.replace(made, **options)  # type: ignore[arg-type]


def test_a_linear_model_finds_the_signal_and_only_predicts() -> None:
    values, seconds = run_trial(trial())
    assert values["auc"] > 0.6
    assert 0.1 < values["reached"] < 1.05
    assert seconds > 0
    assert values["latent_audio"] > 0.2  # of the pooled inputs
    assert 0.5 < values["map audio → text"] < 1.0  # of the pooled inputs, too
    assert not {"retention_least", "padding", "term_cka", "raw audio → text"} & set(values)
    assert 0.5 < values["balanced"] <= 1.0
    assert 0.0 <= values["ece"] < 0.3


@pytest.mark.parametrize("model", ["hilbert", "hilbert-paper"])
def test_a_network_is_asked_everything(model: str) -> None:
    values, _ = run_trial(trial(model))
    wanted = {"auc", "dominance", "latent_shared", "retention_least", "term_cka", "gap", "padding"}
    wanted |= {f"{how} audio → {to}" for how in ("raw", "map") for to in ("text", "joint")}
    assert wanted <= set(values)
    assert values["padding"] < 1e-4
    assert values["term_contrast"] > 0


@pytest.mark.parametrize("model", ["hilbert", "hilbert-paper"])
def test_terms_are_those_of_the_loss_and_measured_where_it_lacks_them_too(model: str) -> None:
    made = trial(model)
    data, train, test = generate(made.design, 0), np.arange(SIZE.train), np.arange(SIZE.train, made.design.documents)
    every = {f"{term}.weight": 0.5 for term in ("cka", "balance", "contrast")}
    fitted = build(model, {**made.arm.options, **every}).fit(data.bags[train], data.y[train], data.groups[train])
    seen = Seen(fitted, data, data.bags, train, test, 0)
    task = trained_task(fitted.fit_, fitted.fit_.objective, fitted.config_, fitted.data_)
    with torch.no_grad():
        parts = task.losses(make_batch(fitted.data_, train), 1.0)
    found = terms(seen)
    assert found["term_cka"] == pytest.approx(float(parts["cka"]), rel=1e-5)
    assert found["gap"] == pytest.approx(float(parts["information_audio"] - parts["information_text"]), abs=1e-5)
    bare = fitted.config_.replace({name: 0.0 for name in every})
    objective = RepresentationObjective(bare)
    objective.load_state_dict(fitted.fit_.objective.state_dict())
    fitted.config_, fitted.fit_.objective = bare, objective
    empty = References(*(torch.zeros(len(train), 1) for _ in range(2)))
    fitted.data_ = Dataset(fitted.data_.inputs, empty, fitted.data_.groups, fitted.data_.target)
    assert terms(seen) == pytest.approx(found, rel=1e-5)


def test_the_same_trial_gives_the_same_values_whatever_the_threads() -> None:
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(run_trial(trial("hilbert-paper"))[0])
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


def test_latents_that_a_modality_does_not_show_are_not_found() -> None:
    design = corpus(SIZE, audio={"noise": 0.3}, text={"noise": 50.0})
    values, _ = run_trial(trial("hilbert", design=dataclasses.replace(design, target=trial().design.target)))
    assert values["latent_audio"] > 0.2
    assert abs(values["latent_text"]) < 0.15
    assert values["dominance"] > 0.5
    # not of the inputs' components, of which the text's noise has as many
    expected = (values["latent_audio"] - max(values["latent_text"], 0.0)) / (
        values["latent_audio"] + max(values["latent_text"], 0.0)
    )
    assert values["dominance"] == pytest.approx(expected, rel=1e-4)
    assert values["dominance_inputs"] < values["dominance"]


def test_shuffled_training_pairs_lose_what_alignment_needs() -> None:
    sides = {"noise": 0.5, "unique": 0.2}
    clear = corpus(SIZE, sides, sides)
    real, _ = run_trial(trial("clip", design=clear, measures=("retrieval",)))
    shuffled, _ = run_trial(trial("clip", design=clear, measures=("retrieval",), shuffled=True))
    assert real["raw audio → text"] > 0.8
    assert shuffled["raw audio → text"] < 0.65


def test_an_arm_that_sees_one_modality_does_not_use_the_other() -> None:
    arm = dataclasses.replace(trial("hilbert").arm, only="audio")
    alone = trial("hilbert", arm=arm, measures=("prediction",))
    noise = dataclasses.replace(alone, design=dataclasses.replace(alone.design, text=Modality(dim=64, noise=50.0)))
    assert run_trial(alone)[0] == run_trial(noise)[0]


def test_unlabelled_documents_train_the_network_but_no_linear_model() -> None:
    few, all_labelled = (run_trial(trial(labelled=n, measures=("prediction",)))[0] for n in (40, None))
    assert few != all_labelled
    design = corpus(SIZE, {"noise": 0.5}, {"noise": 0.5}, target=trial().design.target)
    wide = trial("hilbert-paper", labelled=40, design=design, measures=("latents",))
    narrow = dataclasses.replace(wide, train=40, labelled=None)
    assert run_trial(wide)[0]["latent_audio"] > run_trial(narrow)[0]["latent_audio"]


def test_data_seeds_have_model_seeds_of_their_own() -> None:
    one, other = (run_trial(trial("hilbert-paper", repeat=r, measures=("prediction",)))[0] for r in (0, 1))
    assert one != other


def test_parts_of_a_model_are_scored_beside_it() -> None:
    whole = trial("gmc", measures=("prediction",), arm=Arm("gmc", "gmc", {"epochs": 3}))
    assert {"auc", "auc_core"} <= set(run_trial(whole)[0])
    all_members = trial("hilbert", measures=("prediction",), arm=Arm("hilbert", "hilbert", {**SMALL, "stack.least": 1}))
    assert {"auc", "auc_network", "auc_untrained"} <= set(run_trial(all_members)[0])


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
        trial(labelled=50),
        trial(arm=dataclasses.replace(base.arm, only="text")),
        trial(design=dataclasses.replace(base.design, icc=0.5)),
    ]
    assert len({base.key, *(other.key for other in others)}) == 1 + len(others)


def test_the_oracle_bounds_what_is_reached() -> None:
    clear = corpus(SIZE, {"noise": 0.0}, {"noise": 0.0}, target=trial().design.target)
    values, _ = run_trial(trial(design=clear))
    assert np.isfinite(values["reached"])
    assert values["reached"] > 0.7
