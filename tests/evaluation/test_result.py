"""The result's folder, table and verdict."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hilbert.errors import InputError
from hilbert.evaluation import Result, evaluate
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.verdict import number


@pytest.fixture
def result(toys, corpus):
    bags, y, groups = corpus()
    models = {"hilbert": toys["pooled"](), "concat-lr": toys["pooled"](c=0.3), "prior": toys["prior"]()}
    return evaluate(models, bags, y, groups, 3, 2, jobs=1, label="age", group="person", resamples=100)


def invented(strength, n=240, seed=2):
    """A result of models whose scores are the label's sign times ``strength`` plus noise."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["no", "yes"], n)
    proba = {}
    for name, s in strength.items():
        p = 1 / (1 + np.exp(-(s * np.where(labels == "yes", 1, -1) + (rng.normal(size=n) if name != "prior" else 0))))
        proba[name] = np.stack([1 - p, p], 1)[None]
    ids = np.array([f"d{i:04d}" for i in range(n)])
    predictions = Predictions(("no", "yes"), ids, np.array([""] * n), labels, rng.integers(0, 5, (1, n)), proba)
    return Result({"notes": []}, predictions, measure(predictions, 400), {})


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
        ({"hilbert": 1.0}, "No reference (concat-lr) was evaluated"),
        ({"hilbert": 1.0, "concat-lr": 1.0}, "whether recording length alone gives it was not evaluated"),
        ({"prior": 0.0}, "Only trivial baselines"),
        ({"hilbert": 1.0, "concat-lr": 1.0, "audio-lr": 0.1}, "audio-lr below it"),
    ],
)
def test_verdict(strength, expected):
    assert expected in " ".join(invented(strength).verdict)


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
