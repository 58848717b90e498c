"""`hilbert benchmark` through the same entry point that the shell uses."""

import os

import pytest
import torch
import yaml

from hilbert.encoders import installed

SUITE = ("benchmark", "--suite", "public")


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path, request):
    monkeypatch.chdir(tmp_path)
    if "data" not in request.keywords:
        monkeypatch.delenv("HILBERT_DATA", raising=False)


def test_a_dry_run_needs_no_data_and_writes_nothing(hilbert, tmp_path):
    result = hilbert(*SUITE, "--tier", "standard", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "maec-a/praat-wordllama" in result.output
    assert "speechocean762/prosody-mpnet-base" in result.output
    assert "No comparators are chosen yet" in result.output
    tuned = hilbert(*SUITE, "--tune", "--models", "prior,concat-lr", "--dry-run")
    assert "2 models, 12 fits inside the tuning companies of maec-a and maec-b, 0 done" in tuned.output
    assert not list(tmp_path.iterdir())


def test_a_study_says_what_it_costs_and_names_the_studies_there_are(hilbert, tmp_path):
    result = hilbert(*SUITE, "--study", "heads,curves", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "curves: 20 cases, 3960 fits, 0 done, " in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())
    wrong = hilbert(*SUITE, "--study", "tails")
    assert wrong.exit_code == 2
    assert "study: expected some of heads, curves, presets" in " ".join(wrong.output.split())


def test_quick_says_what_it_proves(hilbert):
    result = hilbert(*SUITE, "--tier", "quick", "--dry-run")
    assert "proves plumbing only" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tier", "slow"), "tier: expected one of quick, standard, full"),
        (("--tasks", "maec-c"), "tasks: expected some of"),
        (("--study", "heads", "--tasks", "maec-b"), "tasks: expected some of"),
        (("--tune", "--tasks", "maec-a"), "leave --tasks out with --tune"),
        (("--models", "magic"), "models: expected some of"),
        (("--redo", "magic"), "models: expected some of"),
        (("--device", "gpu"), "device: expected cpu, cuda or mps, found 'gpu'"),
        (("--models", "prior"), "the data folder is needed"),
        (("--models", "prior", "--data", "."), "hilbert recipe maec"),
    ],
)
def test_wrong_usage_is_named(hilbert, options, message):
    result = hilbert(*SUITE, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize("work", [(), ("--tune",), ("--study", "heads"), ("--dry-run",)])
def test_a_device_that_is_not_there_is_refused_before_any_work(hilbert, tmp_path, work):
    device = "mps" if torch.cuda.is_available() else "cuda"
    result = hilbert(*SUITE, "--device", device, "--data", ".", *work)
    assert result.exit_code == 2
    assert f"device: {device} was asked for, but torch finds no" in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_tables_need_no_device(hilbert):
    result = hilbert(*SUITE, "--device", "cuda", "--hours", "0", "--tier", "quick")
    assert result.exit_code == 0, result.output


def test_another_suite_is_refused(hilbert):
    assert hilbert("benchmark", "--suite", "private").exit_code == 2


def test_tables_need_comparators(hilbert, tmp_path):
    result = hilbert(*SUITE, "--hours", "0")
    assert result.exit_code == 2
    assert "comparators.yaml" in result.output
    assert "hilbert benchmark --tune" in " ".join(result.output.split())


@pytest.mark.data
@pytest.mark.slow
def test_public_corpora_are_tuned_on_and_measured(hilbert, tmp_path):
    if not os.environ.get("HILBERT_DATA"):
        pytest.skip("HILBERT_DATA is not set")
    if installed("wordllama") is None:
        pytest.skip("the weight pack wordllama is not installed")
    result = hilbert(*SUITE, "--tune", "--models", "prior,length")
    assert result.exit_code == 0, result.output
    comparators = yaml.safe_load((tmp_path / "results/benchmark/comparators.yaml").read_text(encoding="utf-8"))
    assert comparators["speechocean762"] == "concat-lr"
    result = hilbert(*SUITE, "--tier", "quick", "--models", "prior,concat-lr,hilbert")
    assert result.exit_code == 0, result.output
    assert "HuBERT, T5 and RoBERTa were not run" in " ".join(result.output.split())
    assert (tmp_path / "results/benchmark/quick/tables/summary.md").is_file()
    again = hilbert(*SUITE, "--tier", "quick", "--models", "prior,concat-lr,hilbert")
    assert "0 fits made, 0 left" in again.output
