"""Monitors in an evaluation: stored with the result, shown where they are, and nothing else changes."""

import json
import math

import numpy as np
import pytest

from hilbert.estimators import HilbertClassifier
from hilbert.evaluation import Result, evaluate, evaluate_saved, evaluate_split
from hilbert.evaluation.fitting import fit_fold
from hilbert.evaluation.flow import Mean, means
from hilbert.splits import grouped_folds

USED = {"auc", "drop_audio", "drop_text", "shapley_audio", "shapley_text"}


@pytest.fixture(scope="module")
def watched(make_bags, tiny):
    from hilbert.baselines import make_model

    bags, y, groups = make_bags(48, groups=24)
    models = {
        "prior": make_model("prior"),
        "concat-lr": make_model("concat-lr"),
        "hilbert": HilbertClassifier("robust", tiny),
    }
    return evaluate(models, bags, y, groups, 2, 1, jobs=1, resamples=50), models, (bags, y, groups)


def test_every_fit_has_its_row(watched):
    flow = watched[0].flow
    assert list(flow) == ["prior", "concat-lr", "hilbert", "hilbert (no training)", "hilbert (network)"]
    assert all([(row["repeat"], row["fold"]) for row in rows] == [(0, 0), (0, 1)] for rows in flow.values())
    for model, rows in flow.items():
        for row in rows:
            assert (
                (set(row) - {"repeat", "fold"} >= USED)
                if model == "hilbert"
                else (set(row) == USED | {"repeat", "fold"})
            )
            assert row["shapley_audio"] + row["shapley_text"] == pytest.approx(row["auc"] - 0.5)
    assert all(row["drop_audio"] == row["drop_text"] == 0 for row in flow["prior"])
    assert {"retention_audio", "dominance", "share_cross", "gradient_cross"} < set(flow["hilbert"][0])


def test_the_auc_is_that_of_the_fold(watched):
    from hilbert.evaluation.measures import fold_aucs

    result = watched[0]
    for model, rows in result.flow.items():
        assert [row["auc"] for row in rows] == pytest.approx(fold_aucs(result.predictions, model).tolist())


def test_it_is_stored_and_shown(watched, tmp_path):
    result = watched[0]
    loaded = Result.load(result.save(tmp_path / "r"))
    assert loaded.flow == result.flow
    assert str(loaded) == str(result)
    assert "Information flow on test documents: mean ± standard deviation over 2 fits" in str(result)
    for width in (80, 90):
        second = result.table(width).split("Information flow")[1]
        (heads,) = [line.split() for line in second.splitlines() if line.startswith(" model")]
        assert heads == ["model", "retention", "R²", "AUC", "drop", "Shapley", "dominance"]
        assert "…" not in second
    assert second.count("audio ") == 5
    json.loads((tmp_path / "r" / "flow.json").read_text(encoding="utf-8"))


def test_older_results_and_those_without_monitors_are_as_before(watched, tmp_path):
    result, models, (bags, y, groups) = watched
    plain = evaluate(models, bags, y, groups, 2, 1, jobs=1, resamples=50, monitors=False)
    assert plain.flow == {}
    assert (plain.config, plain.metrics) == (result.config, result.metrics)
    result.save(tmp_path / "r")
    (tmp_path / "r" / "flow.json").unlink()
    old = Result.load(tmp_path / "r")
    assert old.flow == {}
    assert "Information flow" not in str(old)
    before, after = (str(x)[: str(x).index("Note")] for x in (old, result))
    assert before == after
    result.save(tmp_path / "r")
    plain.save(tmp_path / "r")
    assert not (tmp_path / "r" / "flow.json").exists()


def test_a_fold_has_monitors_only_when_asked(toys, corpus):
    bags, y, groups = corpus(n=60)
    split = grouped_folds(y, groups, 3, 1, 0)[0]
    arguments = (
        "m",
        toys["pooled"](),
        bags,
        y.astype(object),
        groups.astype(object),
        split,
        ["adult", "child", "youth"],
        0,
    )
    assert fit_fold(*arguments, False).flow == {}
    found = fit_fold(*arguments, False, permutations=2)
    assert set(found.flow) == {"m"}
    again = fit_fold(*arguments, False, permutations=2)
    assert found.flow == again.flow


def test_what_cannot_be_watched_is_a_note_and_no_failure(toys, corpus):
    bags, y, groups = corpus(n=30)
    result = evaluate({"m": toys["stubborn"](), "prior": toys["prior"]()}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    assert "m: its information flow could not be measured (KeyError) (3 of 3 fits)" in result.notes
    assert list(result.flow) == ["prior"]


def test_one_split_is_dealt_out_more_often(toys, corpus):
    class Counted(toys["prior"]):
        calls = []  # noqa: RUF012

        def predict_proba(self, bags):
            self.calls.append(len(bags))
            return super().predict_proba(bags)

    bags, y, groups = corpus(n=30)
    evaluate({"m": Counted()}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    assert len(Counted.calls) == 3 * (1 + 2 * 5)
    Counted.calls.clear()
    side = np.where(np.arange(30) % 3 == 0, "test", "train")
    evaluate_split({"m": Counted()}, bags, y, side, jobs=1, resamples=20)
    assert Counted.calls == [10] * (1 + 2 * 15)


def test_a_saved_model_is_watched_without_its_training_documents(watched, tiny, make_bags, tmp_path):
    bags, y, groups = watched[2]
    robust = HilbertClassifier("robust", tiny).fit(bags, y, groups=groups)
    bags, y, groups = make_bags(40, groups=20, seed=7)
    result = evaluate_saved(robust, bags, y, groups, name="mine", resamples=20)
    assert set(result.flow["mine"][0]) == USED | {"repeat", "fold"}
    assert list(result.flow) == ["mine", "mine (no training)", "mine (network)"]
    read = HilbertClassifier.load(robust.save(tmp_path / "model"))  # a folder holds no parts by themselves
    again = evaluate_saved(read, bags, y, groups, name="mine", resamples=20)
    assert list(again.flow) == ["mine"]
    for name, value in result.flow["mine"][0].items():
        assert again.flow["mine"][0][name] == pytest.approx(value, abs=1e-6)
    assert evaluate_saved(robust, bags, y, groups, name="mine", resamples=20, monitors=False).flow == {}


def test_means_leave_out_what_is_undefined_and_count_it():
    rows = [
        {"repeat": 0, "fold": f, "auc": a, "drop_audio": d, "drop_text": 0.0, "dominance": None}
        for f, (a, d) in enumerate([(0.6, 0.1), (0.8, 0.3), (None, None)])
    ]
    found = means(rows)
    assert found["auc"] == Mean(pytest.approx(0.7), pytest.approx(math.sqrt(0.02)), 2, 3)
    assert found["dominance"].defined == 0
    assert math.isnan(found["dominance"].value)
    assert found["perceptual_audio"].value == pytest.approx(0.2 / 0.2)  # the ratio of the means
    assert math.isnan(means(rows[:1])["auc"].spread)
