"""Tables say what `evaluate` says of the same predictions, and refuse what was not decided beforehand."""

import io
import re
import shutil
from dataclasses import replace

import pytest
import yaml
from rich.console import Console

from hilbert import evaluate
from hilbert.benchmark.cells import CAUTION, explanations, gain_rows, headline, machines, model_rows, p_value
from hilbert.benchmark.collecting import collect
from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.records import Records, read_about
from hilbert.benchmark.running import get_ready
from hilbert.benchmark.tables import grid, make_tables, read_comparators, require_comparators, summary
from hilbert.benchmark.tasks import setting
from hilbert.benchmark.terminal import print_numbers
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.intervals import holm
from hilbert.evaluation.verdict import number

COMPARATORS = {"maec-a": "concat-lr", "maec-b": "concat-lr", "speechocean762": "concat-lr"}


COMPARED = Comparison(
    setting("maec-a", "praat", "wordllama"), ("prior", "length", "concat-lr", "other-toy", "hilbert"), 3, 2
)


@pytest.fixture(scope="module")
def stored(go, registry, tmp_path_factory):
    """All fits of a comparison, in a folder that no test changes."""
    place = Place(tmp_path_factory.mktemp("stored") / "out", tmp_path_factory.mktemp("features"))
    with registry():
        go(COMPARED, place)
    return place


@pytest.fixture
def place(stored, registry, tmp_path):
    shutil.copytree(stored.out, tmp_path / "out")
    with registry():
        yield replace(stored, out=tmp_path / "out")


def test_the_numbers_are_those_of_an_evaluation(place, data):
    found = collect(COMPARED, place, "concat-lr", resamples=200)
    models = {name: build(name) for name in COMPARED.models}
    result = evaluate(
        models, data.bags, data.y, data.groups, folds=3, repeats=2, jobs=1, score=data.score, resamples=200,
    )  # fmt: skip
    assert found.predictions.documents.tolist() == result.predictions.documents.tolist()
    assert (found.predictions.folds == result.predictions.folds).all()
    assert set(found.metrics["models"]) == set(result.metrics["models"])
    for name, row in result.metrics["models"].items():
        assert found.metrics["models"][name]["auc"] == pytest.approx(row["auc"], abs=1e-9)
        for key in ("calibration_error", "calibration_slope", "calibration_intercept", "brier"):
            known, expected = found.metrics["models"][name][key], row[key]
            assert known == (None if expected is None else pytest.approx(expected, rel=1e-3, abs=1e-4)), (name, key)
    for row in result.metrics["differences"]:
        if row["against"] == "concat-lr":
            own = found.against[row["model"]]
            for key in ("value", "low", "high", "bootstrap_p", "detectable"):
                assert own[key] == pytest.approx(row[key], abs=1e-9)
            for key in ("corrected_t", "corrected_t_usual"):
                assert own[key]["p"] == pytest.approx(row[key]["p"], abs=1e-6)
    for name, own in result.predictions.decided.items():
        assert (found.predictions.decided[name] == own).all()


def test_hilbert_is_held_against_every_baseline_with_holm(place):
    found = collect(COMPARED, place, "concat-lr", resamples=200)
    assert set(found.gains) == {"prior", "length", "concat-lr", "other-toy", "other-toy (sharp, twice)"}
    turned, row = found.gains["concat-lr"], found.against["hilbert"]
    assert turned["value"] == row["value"]
    assert (turned["low"], turned["high"]) == pytest.approx((row["low"], row["high"]), abs=1e-12)
    family = ["concat-lr", "other-toy"]  # a row a model: its variants are no further methods
    expected = holm([found.gains[name]["bootstrap_p"] for name in family])
    assert [found.gains[name]["holm"] for name in family] == expected.tolist()
    expected = holm([found.gains[name]["corrected_t"]["p"] for name in family])
    assert [found.gains[name]["holm_t"] for name in family] == expected.tolist()
    assert {name for name, row in found.gains.items() if row["holm"] is None} == set(found.gains) - set(family)
    assert {name for name, row in found.against.items() if row["holm"] is not None} == {"other-toy", "hilbert"}
    alike = found.gains["other-toy"]
    assert (alike["value"], alike["bootstrap_p"]) == (0.0, 1.0)


def test_the_row_that_tuning_named_stands_for_a_baseline(place):
    named = "other-toy (sharp, twice)"
    path = place.out / "tuning" / "outputs.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"maec-a": {"other-toy": named, "concat-lr": "concat-lr (gone)"}}), "utf-8")
    found = collect(COMPARED, place, "concat-lr", resamples=200)
    assert found.standing == {name: name for name in COMPARED.models} | {"other-toy": named}
    assert {name for name, row in found.gains.items() if row["holm"] is not None} == {"concat-lr", named}
    rows = {row[0]: row for row in gain_rows(found)}
    assert list(rows) == ["prior", "length", "concat-lr", named]
    aucs = {name: found.metrics["models"][name]["auc"]["value"] for name in (named, "other-toy")}
    assert rows[named][7] == ("other-toy" if aucs["other-toy"] > aucs[named] else "")
    path.write_text("maec-a: [other-toy]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"outputs\.yaml.*maec-a.*--tune"):
        collect(COMPARED, place, "concat-lr", resamples=200)


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.01, 0.05, 0.01, "above it."),
        (0.01, 0.05, 0.07, "above it by this interval, not by the corrected t-test (p = .070)."),
        (-0.01, 0.05, 0.01, "no evidence of a difference."),
        (-0.05, -0.01, 0.01, "below it."),
    ],
)
def test_the_headline_says_what_interval_and_test_say(place, low, high, p, expected):
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    row = found.against["hilbert"]
    row = {**row, "value": (low + high) / 2, "low": low, "high": high, "corrected_t": {**row["corrected_t"], "p": p}}
    assert headline(replace(found, against={**found.against, "hilbert": row})).endswith(f": {expected}")


def keep(place, name, folds):
    """As if only these folds of a model had been finished."""
    records = Records.open(
        place.folder(COMPARED), name, ["many", "one", "two"], read_about(place.folder(COMPARED), name)
    )
    records.folds = {fold: records.folds[fold] for fold in folds}
    records._write_folds()


@pytest.mark.parametrize("name", ["hilbert", "concat-lr"])
def test_repeats_that_hilbert_and_the_comparator_have_finished_count(place, data, name):
    keep(place, name, [(0, 0), (0, 1), (0, 2), (1, 0)])
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    assert (list(found.repeats), found.predictions.folds.shape) == ([0], (1, int(data.score.sum())))
    assert "1 of 2 repeats are finished, and counted" in found.notes
    assert set(found.models) == set(COMPARED.models)


def test_an_unfinished_baseline_is_left_out_and_takes_no_repeat_from_the_others(place):
    keep(place, "other-toy", [(0, 0), (0, 1), (0, 2), (1, 2)])
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    assert "other-toy" not in found.metrics["models"]
    assert list(found.repeats) == [0, 1]
    assert "left out until finished: other-toy (1 of 2 repeats)" in found.notes


def test_without_hilbert_and_the_comparator_all_models_decide_what_counts(place):
    keep(place, "hilbert", [(0, 1)])
    keep(place, "concat-lr", [(0, 0)])
    keep(place, "other-toy", [(1, 0), (1, 1), (1, 2)])
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    assert list(found.repeats) == [1]
    assert set(found.models) == {"prior", "length", "other-toy"}


def test_both_corrected_t_tests_stand_there_with_their_ratios(place):
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    row, shown = found.against["hilbert"], {row["model"]: row for row in model_rows(found)}["hilbert"]
    assert row["corrected_t_usual"]["ratio"] == 0.5  # of three folds
    assert row["corrected_t"]["ratio"] < 0.5  # documents of tuning companies are trained on and not scored
    assert shown["corrected"] == p_value(row["corrected_t"]["p"])
    assert shown["usual"] == p_value(row["corrected_t_usual"]["p"])
    assert any("with the usual 1/(k − 1) of k folds, .500" in line for line in explanations(found))


def test_what_hilbert_is_without_training_stands_beside_its_gains(place, monkeypatch):
    monkeypatch.setattr("hilbert.benchmark.collecting.UNTRAINED", "hilbert (sharp, twice)")
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    aucs = {name: row["auc"]["value"] for name, row in found.metrics["models"].items()}
    gap = aucs["hilbert (sharp, twice)"] - aucs["concat-lr"]
    assert found.untrained["concat-lr"]["value"] == pytest.approx(gap)
    rows = {row[0]: row for row in gain_rows(found)}
    assert rows["concat-lr"][-1].startswith(number(gap, True))


def test_fits_of_an_earlier_version_are_shown_and_named(place, monkeypatch, toys):
    monkeypatch.setattr(toys, "version", 2, raising=False)
    found = collect(COMPARED, place, "concat-lr", resamples=50)
    assert list(found.stale) == ["hilbert", "other-toy"]
    assert "of an earlier version, shown as it was stored: hilbert, other-toy" in found.notes
    assert "hilbert" in found.metrics["models"]
    assert get_ready([COMPARED], place, lambda _: None, hours=0) == []
    assert "of an earlier version: hilbert, other-toy." in summary([found])
    screen = Console(width=200, file=io.StringIO())
    print_numbers(found, screen)
    assert "of an earlier version, shown as it was stored: hilbert, other-toy" in screen.file.getvalue()


def test_files_of_a_setting(place):
    (numbers,) = make_tables([COMPARED], place, COMPARATORS, resamples=50)
    folder = place.out / "tables"
    names = {path.name for path in folder.iterdir()}
    one = {f"maec-a-praat-wordllama.{kind}" for kind in ("md", "html", "svg", "png", "json")}
    assert names == one | {"summary.md", "summary.svg", "summary.png"}
    markdown = (folder / "maec-a-praat-wordllama.md").read_text(encoding="utf-8")
    page = re.sub("<[^>]*>", "", (folder / "maec-a-praat-wordllama.html").read_text(encoding="utf-8"))
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    assert all(CAUTION in text for text in (markdown, page, summary))
    for row in model_rows(numbers):
        assert f"| {row['model']} | {row['auc']} |" in markdown
        assert row["auc"] in page
    assert {row["parameters"] for row in model_rows(numbers) if row["model"] == "other-toy"} == {"12"}
    assert "documents of the tuning companies are trained on and never scored" in markdown
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_tables([COMPARED], place, COMPARATORS, resamples=50)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_numbers_are_computed_again_only_when_something_has_changed(place):
    path = place.out / "tables" / "maec-a-praat-wordllama.json"
    collect(COMPARED, place, "concat-lr", resamples=50)
    stored = path.read_text(encoding="utf-8")
    path.write_text(stored.replace('"undefined":', '"undefined_":', 1), encoding="utf-8")
    assert "undefined_" in collect(COMPARED, place, "concat-lr", resamples=50).metrics["bootstrap"]
    assert "undefined_" not in collect(COMPARED, place, "other-toy", resamples=50).metrics["bootstrap"]


def test_when_and_where_the_fits_ran():
    env = {"platform": "Linux x86_64", "cpus": 2, "python": "3.12.1", "versions": {"torch": "2.9"}}
    about = {"fits": [{"date": "2026-01-02T10:00"}], "environments": [env, {**env, "gpu": "Card 1"}]}
    lines = [
        "Linux x86_64, 2 cores, Python 3.12.1, torch 2.9, on Card 1.",
        "Linux x86_64, 2 cores, Python 3.12.1, torch 2.9.",
    ]
    assert machines({"a": about}) == ["Fitted on 2026-01-02.", *lines]
    later = {"fits": [{"date": "2026-01-05T10:00"}], "environments": []}
    assert machines({"a": about, "b": later})[0] == "Fitted from 2026-01-02 to 2026-01-05."
    assert machines({}) == []


def test_a_setting_without_anything_has_no_table(place, tmp_path):
    place = replace(place, out=tmp_path / "empty")
    assert collect(COMPARED, place, "concat-lr") is None
    assert make_tables([COMPARED], place, COMPARATORS) == []
    assert not (place.out / "tables").exists()


def test_comparators_are_needed_and_complete(tmp_path):
    assert read_comparators(tmp_path) is None
    with pytest.raises(UsageError, match=r"comparators\.yaml.*hilbert benchmark --tune"):
        require_comparators(tmp_path)
    (tmp_path / "comparators.yaml").write_text("maec-a: concat-lr\n", encoding="utf-8")
    with pytest.raises(InputError, match="found none for maec-b, speechocean762"):
        require_comparators(tmp_path)


def test_a_missing_comparator_is_said(place):
    found = collect(COMPARED, place, "gmc", resamples=50)
    assert "gmc, the comparator, is not among the models: no differences to it" in found.notes
    (numbers,) = make_tables([COMPARED], place, {**COMPARATORS, "maec-a": "gmc"}, resamples=50)
    assert "difference" not in dict(numbers.against)


def test_columns_of_numbers_stand_on_the_right_and_words_on_the_left() -> None:
    page = grid(["row", "AUC", "verdict"], [["a", ".71 ± .02", "supported"], ["b", "", "no test"], ["c", "−.1", ""]])
    assert page.splitlines()[1] == "| --- | --: | --- |"
    assert grid(["row", "AUC"], []).splitlines() == ["| row | AUC |", "| --- | --- |"]
