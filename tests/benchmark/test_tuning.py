"""Choices are made on the tuning companies alone."""

import math

import pytest
import yaml

from hilbert.benchmark.choosing import chosen, comparators, write_choices
from hilbert.benchmark.models import build, identity
from hilbert.benchmark.tasks import is_tuning
from hilbert.benchmark.tuning import TASKS, Study, missing, open_study, trials_of, tune, tuning_part
from hilbert.errors import InputError, UsageError
from hilbert.metrics import within_fold_auc


@pytest.fixture
def parts(make_data):
    return {task: tuning_part(make_data(240, seed, task)) for seed, task in enumerate(TASKS)}


def open_all(tmp_path, parts, names=("prior", "concat-lr", "toy"), seed=0):
    return [open_study(tmp_path / "tuning", name, parts, seed) for name in names]


def test_no_scored_document_is_ever_seen(tmp_path, parts, make_data, fits):
    everyone = [make_data(240, seed, task) for seed, task in enumerate(TASKS)]
    allowed = [{id for id, g in zip(d.bags.ids.tolist(), d.groups, strict=True) if is_tuning(g)} for d in everyone]
    tune(open_all(tmp_path, parts, ["toy"]), parts, jobs=1)
    assert len(fits) == 6 * 6
    for number, (trained, tested) in enumerate(fits):
        inside = allowed[number // 18]
        assert set(trained) | set(tested) <= inside
        assert not set(trained) & set(tested)
    for data, ids in zip(everyone, allowed, strict=True):
        assert not data.score[[id in ids for id in data.bags.ids.tolist()]].any()


def test_a_corpus_whose_tuning_companies_are_scored_is_refused(make_data):
    with pytest.raises(InputError, match="marked as scored"):
        tuning_part(make_data(task="speechocean762"))


def test_trials_begin_with_the_defaults_and_differ(monkeypatch, toys):
    trials = trials_of("toy")
    assert trials[0] == {}
    assert len(trials) == 6  # a space of six, one of which is the defaults
    assert {"power": 1.0, "column": 0} not in trials
    assert trials == trials_of("toy")
    monkeypatch.setattr(toys, "space", {"power": [1 + k / 10 for k in range(10)], "column": list(range(10))})
    large = trials_of("toy")
    assert len(large) == 16
    assert len({str(trial) for trial in large}) == 16
    assert large != trials_of("toy", seed=1)
    assert trials_of("concat-lr") == [{}]


def test_no_trial_is_that_of_the_defaults_of_a_preset():
    """``space`` names all that tuning varies, so options at the preset's own values are the defaults again."""
    everything = trials_of("hilbert", count=162)
    assert len(everything) == 162  # a space of 162, the defaults named once
    configurations = [identity(build("hilbert", options)) for options in everything]
    assert all(one != configurations[0] for one in configurations[1:])


def test_the_criterion_is_the_auc_of_the_main_output(tmp_path, parts):
    (study,) = open_all(tmp_path, parts, ["toy"])
    assert math.isnan(study.mean(0))
    tune([study], parts, jobs=1)
    assert set(study.scores[0]["maec-a"]["auc"]) == {"toy", "toy (sharp, twice)"}
    means = [study.mean(trial) for trial in range(6)]
    assert study.best == means.index(max(means))
    row = study.scores[0]
    assert study.mean(0) == pytest.approx((row["maec-a"]["auc"]["toy"] + row["maec-b"]["auc"]["toy"]) / 2)


def test_the_auc_is_within_folds(tmp_path, parts):
    from hilbert.benchmark.tuning import tuning_splits
    from hilbert.evaluation.fitting import fit_fold

    (study,) = open_all(tmp_path, parts, ["toy"])
    tune([study], parts, jobs=1)
    from hilbert.benchmark.models import build

    part = parts["maec-b"]
    y, folds, proba = [], [], []
    for split in tuning_splits(part, 0):
        found = fit_fold("toy", build("toy"), part.bags, part.y, part.groups, split, part.classes, 0, False)
        y += part.y[split.test].tolist()
        folds += [split.fold] * len(split.test)
        proba += found.proba["toy"].tolist()
    expected = within_fold_auc(y, proba, folds, part.classes)
    assert study.scores[0]["maec-b"]["auc"]["toy"] == pytest.approx(expected, abs=1e-6)


def test_tuning_goes_on_where_it_stopped(tmp_path, parts, fits):
    def stop(done, total, name):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(open_all(tmp_path, parts, ["toy"]), parts, jobs=1, progress=stop)
    (study,) = open_all(tmp_path, parts, ["toy"])
    assert len(list(missing(study))) == 9
    tune([study], parts, jobs=1)
    assert len(fits) == 10 + 27
    stored = study.path.read_bytes()
    (again,) = open_all(tmp_path, parts, ["toy"])
    assert not list(missing(again))
    assert again.best == study.best
    tune([again], parts, jobs=1)
    assert (study.path.read_bytes(), len(fits)) == (stored, 37)


def test_other_trials_are_refused(tmp_path, parts, monkeypatch, toys):
    tune(open_all(tmp_path, parts, ["toy"]), parts, jobs=1)
    monkeypatch.setattr(toys, "space", {"power": [0.1, 0.2]})
    with pytest.raises(UsageError, match=r"toy\.json.*--redo toy"):
        open_all(tmp_path, parts, ["toy"])


def test_a_trial_that_fails_is_kept_and_not_chosen(tmp_path, parts, monkeypatch, toys):
    monkeypatch.setattr(toys, "space", {"fail": [str(parts["maec-b"].bags.ids[0])]})
    (study,) = open_all(tmp_path, parts, ["toy"])
    failures = tune([study], parts, jobs=1)
    assert failures
    assert "no inverse" in failures[0]
    assert study.best == 0
    assert chosen([study]) == {}


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def study(name, *scores):
    rows = [{task: {"auc": auc, "seconds": 1.0} for task, auc in zip(TASKS, row, strict=True)} for row in scores]
    return Study(name, None, "", [{}, *({"width": n} for n in range(1, len(rows)))], rows)


def test_the_comparator_is_the_best_baseline_and_never_hilbert(tmp_path):
    studies = [
        study("concat-lr", ({"concat-lr": 0.7}, {"concat-lr": 0.6})),
        study(
            "gmc",
            ({"gmc": 0.6, "gmc (core)": 0.9}, {"gmc": 0.6, "gmc (core)": 0.5}),
            ({"gmc": 0.65, "gmc (core)": 0.72}, {"gmc": 0.65, "gmc (core)": 0.5}),
        ),
        study("hilbert", ({"hilbert": 0.95}, {"hilbert": 0.95})),
    ]
    assert comparators(studies) == {"maec-a": "gmc (core)", "maec-b": "gmc", "speechocean762": "concat-lr"}
    assert chosen(studies) == {"gmc": {"width": 1}}
    write_choices(tmp_path, studies)
    assert yaml.safe_load((tmp_path / "comparators.yaml").read_text(encoding="utf-8")) == comparators(studies)
    assert yaml.safe_load((tmp_path / "tuning" / "settings.yaml").read_text(encoding="utf-8")) == {"gmc": {"width": 1}}
    summary = (tmp_path / "tuning" / "summary.md").read_text(encoding="utf-8")
    assert "| gmc | .650 | .650 | .650 | .600 | .700 | 2 of 2 | width = 1 |" in summary
    assert "| gmc (core) | .720 | .500 | .610 |" in summary
    stored = yaml.safe_load((tmp_path / "tuning" / "outputs.yaml").read_text(encoding="utf-8"))
    assert {task: found["gmc"] for task, found in stored.items()} == {
        "maec-a": "gmc (core)", "maec-b": "gmc", "speechocean762": "gmc",
    }  # fmt: skip
    assert "hilbert" not in stored["maec-a"]
    before = contents(tmp_path)
    write_choices(tmp_path, studies[::-1])
    assert contents(tmp_path) == before
    assert comparators(studies[2:]) == {}
