"""The public part: rows for every term and every draw, and goals that can be missed."""

from __future__ import annotations

from hilbert.config import HilbertConfig
from hilbert.studies import public
from hilbert.studies.arms import TERMS, raised_weights


def row(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def test_every_term_is_taken_away_from_both_starts() -> None:
    weights = public.variants()

    def weight(name: str, option: str) -> float:
        term = getattr(HilbertConfig.load("robust", weights[name]), option.partition(".")[0])
        return 0.0 if term is None else term.weight

    for option in TERMS.values():
        for start in (public.BASE, public.RAISED):
            assert weight(start, option) > 0
            assert any(weight(name, option) == 0 for name in weights if name.startswith(start))
    assert weights[public.RAISED] == raised_weights("robust")
    shipped = HilbertConfig.load("robust")
    assert HilbertConfig.load("robust", weights[public.SHIPPED]).hash == shipped.hash
    assert HilbertConfig.load("robust", weights[public.BASE]).hash != shipped.hash


def test_each_task_has_all_rows_and_each_row_its_own_configuration() -> None:
    cases = public.cases(small=False)
    assert [case.name for case in cases] == list(public.TASKS)
    models = {name: model for name, model in cases[0].models.items() if name not in ("concat-lr", "gmc")}
    assert len(models) == len(public.variants()) + 30 + len(public.changes())
    hashes = {name: HilbertConfig.load("robust", model.config).hash for name, model in models.items()}
    drawn = [hashes[name] for name in hashes if name.startswith("draw")]
    assert len(set(drawn)) == len(drawn)
    assert cases[1].models.keys() == cases[0].models.keys()
    dear = cases[2].models.keys()  # maec-b, where a fit takes minutes
    assert dear == cases[0].models.keys() - public.changes().keys()
    single = [hashes[name] for name in public.changes()]
    assert len({*single, hashes[public.SHIPPED]}) == len(single) + 1


def test_the_goal_is_met_or_missed_by_the_numbers() -> None:
    good = {f"d{i}": row(0.001 * i) for i in range(30)}
    assert "30 draws: median difference +.014, from +.000 to +.029; 29 above concat-lr; 0 int" in public.said(good)
    assert public.said(good).endswith("below): met.")
    assert public.said({**good, "d0": row(-0.05)}).endswith("missed.")
    assert public.said({name: row(-0.004) for name in good}).endswith("missed.")
    del good["d29"]
    assert public.said(good).endswith("undecided before all 30 are made.")


def test_draws_are_judged_against_no_training_too() -> None:
    (case, *_) = public.cases(small=True)
    pairs = public._pairs(case)
    assert ("draw-1", "hilbert (no training)") in pairs
    assert ("draw-1", "gmc (core)") in pairs
    shown = [row for row in ("hilbert", "draw-1") for v in ("no training", "network", "") if public._shown(row, v)]
    assert shown == ["hilbert", "hilbert", "hilbert", "draw-1", "draw-1"]
    assert "30 above no training" in public.said({f"d{i}": row(0.02) for i in range(30)}, "no training")


def test_a_term_is_worth_it_where_its_absence_costs_something() -> None:
    verdicts = {value: public.worth_of(row(value, 0.003)) for value in (-0.02, -0.006, 0.0, 0.02)}
    assert verdicts == {-0.02: "supported", -0.006: "undecided", 0.0: "not supported", 0.02: "not supported"}
    assert public.worth_of(None) == ""
