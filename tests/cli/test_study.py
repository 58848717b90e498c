"""`hilbert study`: plans, refusals, and a run that is interrupted by its hours and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hilbert.cli.main import app
from hilbert.studies.experiment import SIZES, Size
from hilbert.studies.experiments.all import EXPERIMENTS
from hilbert.studies.rows import read_rows


def run(*arguments: str):
    return CliRunner().invoke(app, ["study", *arguments])


def test_a_dry_run_says_what_there_is_to_do_and_writes_nothing(tmp_path: Path) -> None:
    ran = run("--tier", "full", "--dry-run", "--out", str(tmp_path))
    assert ran.exit_code == 0, ran.output
    assert "hours left" in ran.output
    assert "heterogeneity" in ran.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tier", "medium"), "tier: expected quick or full, found 'medium'"),
        (("dominence",), "study: expected some of weights, dominance"),
    ],
)
def test_unknown_names_are_refused(arguments: tuple[str, ...], message: str) -> None:
    ran = run(*arguments)
    assert ran.exit_code == 2
    assert message in ran.output


def test_a_study_runs_goes_on_and_makes_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EXPERIMENTS["noise"]
    cheap = replace(whole, trials=lambda size: whole.trials(size)[:2])  # a linear model, and one that is not trained
    monkeypatch.setitem(EXPERIMENTS, "noise", cheap)
    monkeypatch.setitem(SIZES, "quick", Size(40, 60, 1, 1, True))
    out = ("--out", str(tmp_path), "--jobs", "1")
    first = run("noise", "--hours", "0", *out)
    assert first.exit_code == 0, first.output
    assert not (tmp_path / "quick" / "noise.md").exists()
    ran = run("noise", *out)
    assert ran.exit_code == 0, ran.output
    assert "undecided" in ran.output
    page = (tmp_path / "quick" / "noise.md").read_text()
    assert "audio-lr" in page
    assert "no interval from 1 seeds" in page
    assert (tmp_path / "quick" / "noise.svg").stat().st_size > 1000
    rows = read_rows(tmp_path / "quick" / "noise.jsonl")
    again = run("noise", *out)
    assert again.exit_code == 0, again.output
    assert read_rows(tmp_path / "quick" / "noise.jsonl") == rows
