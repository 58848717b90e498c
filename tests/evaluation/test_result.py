"""The result's folder, table and verdict."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from hilbert import metrics
from hilbert.errors import InputError
from hilbert.evaluation import Result, evaluate
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.verdict import number
from hilbert.report.page import render_report


@pytest.fixture
def result(toys, corpus):
    bags, y, groups = corpus()
    models = {"hilbert": toys["pooled"](), "concat-lr": toys["pooled"](c=0.3), "prior": toys["prior"]()}
    return evaluate(models, bags, y, groups, 3, 2, jobs=1, label="age", group="person", resamples=100)


def invented(strength, n=240, seed=2, reference=None):
    """A result of models whose scores are the label's sign times ``strength`` plus noise."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["no", "yes"], n)
    proba = {}
    for name, s in strength.items():
        p = 1 / (1 + np.exp(-(s * np.where(labels == "yes", 1, -1) + (rng.normal(size=n) if name != "prior" else 0))))
        proba[name] = np.stack([1 - p, p], 1)[None]
    ids = np.array([f"d{i:04d}" for i in range(n)])
    predictions = Predictions(("no", "yes"), ids, np.array([""] * n), labels, rng.integers(0, 5, (1, n)), proba)
    return Result({"notes": []}, predictions, measure(predictions, 400, reference=reference), {})


def test_a_folder_read_back_gives_the_same_numbers(result, tmp_path):
    loaded = Result.load(result.save(tmp_path / "out"))
    assert loaded.metrics == result.metrics == loaded.recompute()
    assert loaded.config == result.config
    assert str(loaded) == str(result)
    assert loaded.embeddings["hilbert"]["vectors"].dtype == np.float32
    assert loaded.embeddings["hilbert"]["test"].sum() == result.config["splits"][0]["test"]
    assert loaded.curves["hilbert"][0] == {"stage": "head", "epoch": 0, "classification": 1.0}
    assert (
        loaded.save(tmp_path / "again").joinpath("predictions.parquet").read_bytes()
        == (tmp_path / "out" / "predictions.parquet").read_bytes()
    )
    assert not [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def test_a_result_says_what_it_must(result):
    config = result.config
    assert (config["label"], config["group"], config["folds"], config["repeats"], config["seed"]) == (
        "age", "person", 3, 2, 0,
    )  # fmt: skip
    assert sum(config["corpus"]["classes"].values()) == 90
    assert config["models"]["concat-lr"]["c"] == 0.3
    assert result.environment["versions"]["numpy"] == np.__version__
    json.dumps(result.metrics, allow_nan=False)


def test_the_table_shows_intervals_counts_and_verdict(result):
    text = str(result)
    assert "age: 90 documents, 2 × 3 folds, grouped by person" in text
    assert "hilbert (flat)" in text
    assert "Smallest difference to concat-lr seen with 80 % power" in text
    assert all(sentence.split()[0] in text for sentence in result.verdict)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        ({"hilbert": 1.5, "concat-lr": 0.5, "length": 0}, "hilbert is above concat-lr by"),
        ({"hilbert": 0.5, "concat-lr": 1.5, "length": 0}, "hilbert is below concat-lr by"),
        (
            {"hilbert": 1.0, "concat-lr": 1.0, "length": 0},
            "There is no evidence that hilbert beats concat-lr",
        ),
        (
            {"hilbert": 0.5, "concat-lr": 0.5, "length": 0.5},
            "no evidence of anything beyond recording length",
        ),
        ({"hilbert": 0.3, "concat-lr": 0.5, "length": 1.5}, "below what recording length alone gives"),
        ({"hilbert": 0.0, "concat-lr": 1.0}, "no evidence of anything above chance"),
        ({"hilbert": -1.0, "concat-lr": 1.0}, "That is below chance"),
        ({"hilbert": 1.0}, "No simple model (concat-lr or late-stack) was evaluated"),
        ({"hilbert": 1.0, "concat-lr": 1.0}, "whether recording length alone gives it was not evaluated"),
        ({"prior": 0.0}, "Only trivial baselines"),
        ({"hilbert": 1.0, "concat-lr": 1.0, "audio-lr": 0.1}, "audio-lr below it"),
    ],
)
def test_verdict(strength, expected):
    assert expected in " ".join(invented(strength).verdict)


@pytest.mark.parametrize(
    ("strength", "reference", "expected"),
    [
        ({"hilbert": 2.5, "concat-lr": 0.8, "length": 0}, None, "Keep hilbert."),
        ({"hilbert": 0.8, "concat-lr": 2.5, "length": 0}, None, "Keep concat-lr."),
        ({"hilbert": 1.0, "concat-lr": 1.0}, None, "Keep concat-lr: it is the simpler model, and nothing here shows"),
        # what is called better here ranks worse than by chance, or as length does
        ({"hilbert": 0.0, "concat-lr": -1.0}, None, "Neither hilbert nor concat-lr is shown to be above chance:"),
        ({"hilbert": 1.0, "concat-lr": 0.2, "length": 1.0}, None, "above chance and recording length: nothing here"),
        ({"hilbert": 0.25, "concat-lr": 0.0}, None, "Only hilbert is shown to be above chance, but not to rank better"),
        # a model that was named is not called simpler
        ({"hilbert": 1.0, "gmc": 1.0}, "gmc", "Keep gmc: nothing here shows that hilbert ranks better."),
        ({"hilbert": 2.5, "concat-lr": 1.0}, "prior", "Keep hilbert."),
        ({"concat-lr": 2.5, "audio-lr": 0.8}, "audio-lr", "concat-lr is above audio-lr by"),
    ],
)
def test_which_model_to_keep(strength, reference, expected):
    strength = strength | ({"prior": 0.0} if reference == "prior" else {})
    text = " ".join(invented(strength, reference=reference).verdict)
    assert expected in text
    assert "No simple model" not in text
    assert text.count("Keep") + text.count("Neither") + text.count("Only hilbert is") == 1


@pytest.mark.parametrize("better", ["concat-lr", "late-stack"])
def test_the_better_of_the_simple_models_has_to_be_beaten(better):
    strength = {"late-stack": 0.5, "concat-lr": 0.5} | {better: 1.5}
    result = invented({"hilbert": 1.0, **strength})
    assert f"hilbert is below {better} by" in " ".join(result.verdict)
    assert result.metrics["reference"] == "concat-lr"  # of the table
    alone = invented(strength)
    assert alone.verdict[0].startswith(f"{better} reaches")
    only = invented({"hilbert": 1.0, "late-stack": 0.5})
    assert only.metrics["reference"] == "late-stack"
    assert "hilbert is above late-stack by" in " ".join(only.verdict)


def test_what_is_said_of_the_rarest_class():
    plain = invented({"hilbert": 1.0, "concat-lr": 1.0})
    predictions = plain.predictions
    own = predictions.labels == "no"
    assert 0 < own.sum() < (~own).sum()
    every = {"hilbert": np.zeros((1, 240), int), "concat-lr": np.where(own, 0, 1)[None]}
    all_of_it = replace(predictions, decided=every)
    said = replace(plain, predictions=all_of_it, metrics=measure(all_of_it, 50)).verdict
    n, rest = own.sum(), (~own).sum()
    expected = f"Of {n} documents of class 'no', hilbert finds {n} (and says it of {rest} others), concat-lr {n} (of 0 "
    assert expected in " ".join(said)
    twice = {name: np.concatenate([table, 1 - table]) for name, table in every.items()}
    proba = {name: np.concatenate([p, p]) for name, p in predictions.proba.items()}
    both = replace(predictions, folds=np.tile(predictions.folds, (2, 1)), proba=proba, decided=twice)
    said = replace(plain, predictions=both, metrics=measure(both, 50)).verdict
    assert f"finds {n / 2:.1f}".removesuffix(".0") in " ".join(said)
    assert "in the mean of 2 repeats" in " ".join(said)


def test_one_scored_class_leaves_nothing_to_say():
    whole = invented({"hilbert": 1.0, "concat-lr": 1.0, "late-stack": 1.0, "length": 0.0})
    rows = whole.predictions.labels == "no"
    p = whole.predictions
    proba = {name: table[:, rows] for name, table in p.proba.items()}
    one = Predictions(p.classes, p.documents[rows], p.groups[rows], p.labels[rows], p.folds[:, rows], proba)
    text = " ".join(Result({"notes": []}, one, measure(one, 50), {}).verdict)
    assert "hilbert reaches a macro AUC of – [undefined]" in text
    assert "is undefined" in text
    assert "Keep" not in text
    assert "No simple model" not in text


def test_nothing_is_claimed_of_classes_that_few_groups_hold():
    whole = invented({"hilbert": 2.0, "concat-lr": 1.0})
    groups = np.where(whole.predictions.labels == "yes", "p1", whole.predictions.documents)
    few = replace(whole, predictions=replace(whole.predictions, groups=groups))
    assert "That is above chance" in " ".join(whole.verdict)
    assert "Class 'yes' is scored in 1 group only" in " ".join(few.verdict)
    assert not any("above" in sentence for sentence in few.verdict)


def test_numbers_without_leading_zero():
    assert [number(0.7104), number(-0.0004, True), number(0.0041, True), number(-0.012), number(1.0)] == [
        ".710", "+.000", "+.004", "−.012", "1.000",
    ]  # fmt: skip
    assert number(None) == "–"


def test_rare_classes_make_undefined_resamples_that_are_counted():
    rng = np.random.default_rng(0)
    labels = np.array(["no"] * 38 + ["yes"] * 2)
    p = rng.random(40)
    table = {"m": np.stack([1 - p, p], 1)[None]}
    ids = np.array([f"d{i:02d}" for i in range(40)])
    predictions = Predictions(("no", "yes"), ids, np.array([""] * 40), labels, np.zeros((1, 40), int), table)
    found = measure(predictions, 500)
    assert 30 < found["bootstrap"]["undefined"] < 110
    assert "bootstrap resamples lack a whole class" in " ".join(found["notes"])


def test_broken_folders_are_named(result, tmp_path):
    with pytest.raises(InputError, match="not the result of an evaluation"):
        Result.load(tmp_path)
    folder = result.save(tmp_path / "out")
    (folder / "metrics.json").write_text("{")
    with pytest.raises(InputError, match=r"metrics\.json: not valid JSON"):
        Result.load(folder)
    (folder / "predictions.parquet").write_bytes(b"no")
    with pytest.raises(InputError, match=r"predictions\.parquet: cannot be read"):
        Result.load(folder)


def test_more_models_can_be_held_against():
    predictions = invented({"hilbert": 1.0, "concat-lr": 0.8, "other": 0.5}).predictions
    plain, more = measure(predictions, 200), measure(predictions, 200, against=["hilbert"])
    assert more["models"] == plain["models"]
    assert more["differences"][: len(plain["differences"])] == plain["differences"]
    added = more["differences"][len(plain["differences"]) :]
    assert [(row["model"], row["against"]) for row in added] == [("concat-lr", "hilbert"), ("other", "hilbert")]
    first = next(row for row in plain["differences"] if row["model"] == "hilbert" and row["against"] == "concat-lr")
    assert added[0]["value"] == pytest.approx(-first["value"])
    assert added[0]["bootstrap_p"] == first["bootstrap_p"]


def test_calibration_is_measured():
    row = invented({"hilbert": 1.0}).metrics["models"]["hilbert"]
    assert 0.2 < row["calibration_slope"] < 3
    assert abs(row["calibration_intercept"]) < 1


def test_metrics_of_decisions_are_those_of_what_was_decided():
    plain = invented({"hilbert": 1.0, "concat-lr": 1.0}).predictions
    names = np.array(plain.classes)
    decided = np.random.default_rng(0).integers(0, 2, (1, 240))
    other = replace(plain, decided={"hilbert": decided})
    assert (other.decisions("hilbert") == decided).all()
    assert (other.decisions("concat-lr") == plain.proba["concat-lr"].argmax(2)).all()
    before, after = (measure(p, 200)["models"] for p in (plain, other))
    assert after["concat-lr"] == before["concat-lr"]
    row = after["hilbert"]
    for name, of in (("macro_f1", metrics.macro_f1), ("balanced_accuracy", metrics.balanced_accuracy)):
        assert row[name]["value"] == pytest.approx(of(plain.labels, names[decided[0]]))
        assert row[name]["low"] < row[name]["value"] < row[name]["high"]
    assert row["recall_by_class"] == pytest.approx(metrics.recall_by_class(plain.labels, names[decided[0]]))
    unmoved = ("auc", "auprc_by_class", "brier", "log_loss", "calibration_error")
    assert {key: row[key] for key in unmoved} == {key: before["hilbert"][key] for key in unmoved}


def test_decisions_are_kept_in_the_folder_and_checked(tmp_path):
    predictions = invented({"hilbert": 1.0}).predictions
    decided = {"hilbert": 1 - predictions.decisions("hilbert")}
    replace(predictions, decided=decided).write(tmp_path / "p.parquet")
    assert (Predictions.read(tmp_path / "p.parquet").decisions("hilbert") == decided["hilbert"]).all()
    table = pq.read_table(tmp_path / "p.parquet")
    at = table.column_names.index("decided")
    pq.write_table(table.set_column(at, "decided", [["maybe"] * len(table)]), tmp_path / "q.parquet")
    with pytest.raises(InputError, match="decisions of hilbert: expected a class number below 2"):
        Predictions.read(tmp_path / "q.parquet")
    with pytest.raises(InputError, match="decisions of hilbert"):
        replace(predictions, decided={"hilbert": decided["hilbert"][:, :5]})


def test_the_corrected_test_has_two_ratios():
    predictions = invented({"hilbert": 1.5, "concat-lr": 1.0}).predictions
    row = measure(predictions, 50, ratio=0.1)["differences"][0]
    own, usual = row["corrected_t"], row["corrected_t_usual"]
    assert (own["ratio"], usual["ratio"]) == (0.1, 1 / 4)
    assert own["t"] / usual["t"] == pytest.approx(((1 / 5 + 1 / 4) / (1 / 5 + 0.1)) ** 0.5)
    assert own["p"] < usual["p"]
    one = replace(predictions, folds=np.zeros_like(predictions.folds))
    row = measure(one, 50, ratio=0.5)["differences"][0]
    assert row["corrected_t_usual"]["p"] is row["corrected_t"]["p"] is None


def as_before(folder):
    """What an earlier version wrote: no decisions, one test, nothing compared with late-stack."""
    path = folder / "predictions.parquet"
    pq.write_table(pq.read_table(path).drop_columns("decided"), path)
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    found["differences"] = [row for row in found["differences"] if row["against"] != "late-stack"]
    for row in found["differences"]:
        del row["corrected_t_usual"], row["corrected_t"]["ratio"]
    (folder / "metrics.json").write_text(json.dumps(found), encoding="utf-8")


def test_a_result_of_before_is_read_printed_and_rendered(toys, corpus, tmp_path):
    bags, y, groups = corpus()
    models = {"late-stack": toys["pooled"](), "concat-lr": toys["pooled"](c=1e-4), "hilbert": toys["pooled"](c=0.1)}
    result = evaluate(models, bags, y, groups, 3, 1, jobs=1, resamples=50, monitors=False)
    as_before(result.save(tmp_path / "r"))
    old = Result.load(tmp_path / "r")
    assert old.predictions.decided == {}
    text = " ".join(old.verdict)
    assert "undefined" not in text
    assert "to concat-lr" in text or "above concat-lr" in text
    assert old.metrics["models"] == old.recompute()["models"]
    assert max(map(len, old.table(80).splitlines())) <= 80
    page = render_report(old)
    assert "The class with the highest probability is predicted." in page
    assert "need not be the most probable one" in render_report(result)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_whole_evaluation_fits_a_terminal(width):
    names = ("prior", "length", "concat-lr", "late-stack", "hilbert", "hilbert (no training)", "hilbert (network)")
    shown = invented(dict.fromkeys(names, 1.0))
    protocol = {"protocol": "cross-validation", "folds": 5, "repeats": 1}
    config = {"label": "age", "group": None, **protocol, "corpus": {"scored": 240}}
    lines = replace(shown, config=shown.config | config, environment={}).table(width).splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
