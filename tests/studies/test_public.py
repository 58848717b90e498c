"""The public part: rows for every term and every draw, and goals that can be missed."""

from __future__ import annotations

from hilbert.config import HilbertConfig
from hilbert.studies import public
from hilbert.studies.arms import TERMS, raised_weights


def row(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def test_every_term_is_taken_away_from_both_starts() -> None:
    weights = public.variants()
    for option in TERMS.values():
        for start in (public.BASE, public.RAISED):
            alone = [name for name, own in weights.items() if name.startswith(start) and own.get(option) == 0.0]
            assert len(alone) >= 1
    assert weights[public.RAISED] == raised_weights("robust")
    assert weights[public.BASE] == {}


def test_each_task_has_all_rows_and_each_row_its_own_configuration() -> None:
    cases = public.cases(small=False)
    assert [case.name for case in cases] == list(public.TASKS)
    models = {name: model for name, model in cases[0].models.items() if name not in ("concat-lr", "gmc")}
    assert len(models) == len(public.variants()) + 30
    hashes = {name: HilbertConfig.load("robust", model.config).hash for name, model in models.items()}
    drawn = [hashes[name] for name in hashes if name.startswith("draw")]
    assert len(set(drawn)) == len(drawn)


def test_the_goal_is_met_or_missed_by_the_numbers() -> None:
    good = {f"d{i}": row(0.001 * i) for i in range(5)}
    assert "5 draws: median difference +.002, from +.000 to +.004; 4 above concat-lr; 0 intervals" in public.said(good)
    assert public.said(good).endswith("met.")
    assert public.said({**good, "bad": row(-0.05)}).endswith("missed.")
    assert public.said({name: row(-0.004) for name in "abc"}).endswith("missed.")
