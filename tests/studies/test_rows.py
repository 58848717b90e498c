"""Stored trials: what is read back, what an interruption leaves, and the means over seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilbert.errors import InputError
from hilbert.studies.experiment import Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found, append, read_rows, row_of, tidy
from hilbert.studies.trial import Arm, Trial

TINY = Size(20, 20, 2, 2, True)
CASES = {"a": (1.0, corpus(TINY)), "b": (3.0, corpus(TINY, {"noise": 5.0}))}


def trials() -> list[Trial]:
    return crossed([Arm("one", "concat-lr"), Arm("two", "audio-lr")], CASES, TINY, ("prediction",), first=0)


def value(trial: Trial) -> float:
    return (trial.level + 1) * (trial.seed + 1) + 0.5 * trial.repeat


def test_means_over_model_seeds_then_cases(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.jsonl", trials()
    for trial in plan:
        append(path, row_of(trial, {"auc": value(trial)}, 0.5))
    found = Found(plan, read_rows(path))
    assert found.values("auc", "one", "a") == {0: 2.25, 1: 4.25}
    assert found.values("auc", "one") == {0: 3.25, 1: 6.25}
    assert found.slope("auc", "two") == pytest.approx({0: 1.0, 1: 2.0})
    assert found.change("auc", "one", "two") == {0: 0.0, 1: 0.0}
    assert found.seconds == 0.5 * len({trial.key for trial in plan})


def test_a_fit_that_stands_for_two_arms_is_kept_and_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    plan = crossed([Arm("one", "concat-lr"), Arm("the same", "concat-lr")], CASES, TINY, ("prediction",), first=0)
    for trial in {trial.key: trial for trial in plan}.values():
        append(path, row_of(trial, {"auc": value(trial)}, 0.5))
    tidy(path, [trial.key for trial in plan])
    lines = path.read_text().splitlines()
    assert len(lines) == len(set(lines)) == len(plan) / 2
    found = Found(plan, read_rows(path))
    assert found.values("auc", "one") == found.values("auc", "the same") != {}
    assert found.described().startswith(f"{len(lines)} fits:")


def test_a_seed_without_one_of_the_cases_is_left_out(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.jsonl", trials()
    for trial in plan:
        if (trial.seed, trial.case) != (1, "b"):
            append(path, row_of(trial, {"auc": value(trial)}, 0.5))
    assert set(Found(plan, read_rows(path)).values("auc", "one")) == {0}


def test_a_line_cut_short_is_made_again_and_a_spoilt_one_is_named(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.jsonl", trials()
    for trial in plan[:3]:
        append(path, row_of(trial, {"auc": 1.0}, 0.5))
    text = path.read_text()
    path.write_text(text[:-20])
    assert list(read_rows(path)) == [trial.key for trial in plan[:2]]
    tidy(path, [trial.key for trial in plan])  # as a run does before it adds a line
    append(path, row_of(plan[2], {"auc": 1.0}, 0.5))
    assert list(read_rows(path)) == [trial.key for trial in plan[:3]]
    path.write_text("spoilt\n" + text)
    with pytest.raises(InputError, match=r"x\.jsonl, line 1: expected a finished trial"):
        read_rows(path)


def test_rows_lie_in_the_order_of_the_plan_and_none_is_lost(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.jsonl", trials()
    for trial in reversed(plan):
        append(path, row_of(trial, {"auc": 1.0}, 0.5))
    tidy(path, [trial.key for trial in plan[:5]])
    keys = list(read_rows(path))
    assert keys[:5] == [trial.key for trial in plan[:5]]
    assert set(keys) == {trial.key for trial in plan}


def test_a_page_says_with_what_the_fits_were_made_and_not_the_page(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.jsonl", trials()
    for number, trial in enumerate(plan):
        row = row_of(trial, {"auc": 1.0}, 9.0, unconverged=number % 2)
        append(path, row | {"date": f"2026-01-0{1 + number % 3}", "with": "torch 1" if number else "torch 2"})
    said = Found(plan, read_rows(path)).described()
    assert "2 data seeds, up to 2 model seeds for each" in said
    assert "2026-01-01 to 2026-01-03" in said
    assert said.index("torch 1.") < said.index("torch 2.")
    assert f"In {len(plan) // 2} of them a linear fit stopped before it had converged." in said
    first = read_rows(path)[plan[0].key] | {"unconverged": None}
    assert "In 1 of them nobody counted" in Found(plan[:1], {plan[0].key: first}).described()
    assert Found(plan, {}).described() == "No fit was made yet."
