"""All experiments: plans that can run, claims that follow from what is stored."""

from __future__ import annotations

import numpy as np
import pytest

from hilbert.errors import UsageError
from hilbert.studies.arms import TERMS, raised_weights, without
from hilbert.studies.experiment import FULL, QUICK
from hilbert.studies.experiments import dominance, sensitivity, weights
from hilbert.studies.experiments.all import EXPERIMENTS, choose
from hilbert.studies.pages import markdown
from hilbert.studies.rows import Found, row_of
from hilbert.studies.trial import Trial

COUNT = 11  # the weights, and the ten questions


def stored(trials: list[Trial], values: object) -> Found:
    return Found(trials, {t.key: row_of(t, values(t), 1.0) for t in trials})  # type: ignore[operator]


def test_there_are_ten_and_the_weights() -> None:
    assert len(EXPERIMENTS) == COUNT
    with pytest.raises(UsageError, match=r"study: expected some of weights, dominance, .*, found 'nothing'"):
        choose(["nothing"])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_trial_has_a_key_and_quick_is_smaller(name: str) -> None:
    experiment = EXPERIMENTS[name]
    quick, full = experiment.trials(QUICK), experiment.trials(FULL)
    assert len({t.key for t in full}) > len({t.key for t in quick})
    assert all(t.train < t.design.documents for t in full)
    # the same name never stands for two things
    cells = {(t.arm.name, t.case, t.seed, t.repeat): t.key for t in full}
    assert len(cells) == len({(t.arm.name, t.case, t.seed, t.repeat, t.key) for t in full})


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_pages_and_claims_can_be_made_of_a_part(name: str) -> None:
    experiment = EXPERIMENTS[name]
    rng = np.random.default_rng(0)
    quantities = (*experiment.columns, *experiment.panels, "auc", "imbalance", "least", "retention_least")
    trials = experiment.trials(QUICK)
    for part in (trials, trials[: len(trials) // 2], trials[:1]):
        found = stored(part, lambda t: {q: float(rng.random()) for q in quantities})
        page = markdown(experiment, found, experiment.claims(found), False, True)
        assert experiment.question in page


def test_dominance_is_supported_only_where_balance_comes_free() -> None:
    trials = dominance.trials(QUICK)
    bare = {without(p, "CKA", "balance").name for p in ("paper", "robust")}

    def values(cost: float) -> Found:
        def of(t: Trial) -> dict[str, float]:
            off = t.arm.name in bare
            jitter = 0.001 * t.seed
            return {"imbalance": (0.8 if off else 0.1) + jitter, "retention_least": (0.4 if off else 0.8) + jitter * 2,
                    "auc": (0.7 if off else 0.7 - cost) + jitter * (1 + off)}  # fmt: skip

        return stored(trials, of)

    assert {claim.verdict for claim in dominance.claims(values(0.0))} == {"supported"}
    assert {claim.verdict for claim in dominance.claims(values(0.05))} == {"not supported"}


def test_weights_are_the_least_that_halve_the_excess() -> None:
    trials = weights.trials(FULL)
    halves_at = {"CKA": 3.0, "balance": 30.0, "dual": 10.0}

    def of(t: Trial) -> dict[str, float]:
        found = {}
        for term, quantity in weights.MEASURED.items():
            _, _, factor = t.arm.name.partition(f"{term} × ")
            own = float(factor) if factor else 1.0
            found[quantity] = 1.0 / (1.0 + own / halves_at[term])
        return found

    # the shipped model is one trial under three names: only its own quantity is looked at under each
    chosen = weights.chosen(stored([t for t in trials if not t.arm.name.endswith("× 1")], of))
    assert chosen["robust"]["cka.weight"] == 3 * weights.shipped_weight("robust", "CKA")
    assert chosen["paper"]["balance.weight"] == 30 * weights.shipped_weight("paper", "balance")
    assert chosen["paper"]["contrast.weight"] == 10 * weights.shipped_weight("paper", "dual")


def test_the_weights_in_use_name_every_term() -> None:
    for preset in ("paper", "robust"):
        assert set(raised_weights(preset)) == set(TERMS.values())


def test_the_share_of_draws_decides_itself() -> None:
    trials = [t for t in sensitivity.trials(FULL) if t.case == "unique"]

    def of(share: float) -> Found:
        def values(t: Trial) -> dict[str, float]:
            if not t.arm.name.startswith("draw"):
                return {"auc": 0.7 + 0.001 * t.seed}
            return {"auc": 0.71 if int(t.arm.name.split()[1]) <= 30 * share else 0.69}

        return stored(trials, values)

    verdicts = {share: sensitivity.claims(of(share))[0].verdict for share in (1.0, 0.9, 0.8)}
    assert verdicts == {1.0: "supported", 0.9: "supported", 0.8: "not supported"}
    options = [arm.options for arm in sensitivity.draws()]
    for weight in sensitivity.WEIGHTS:
        values = np.array([o[weight] for o in options]) / sensitivity.shipped(weight)
        assert 0.1 <= values.min() < 0.2
        assert 5 < values.max() <= 10
