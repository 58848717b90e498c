"""All studies by name: what their cases are, and that none of them tests a document that does not count."""

from itertools import pairwise

import numpy as np
import pytest

from hilbert.benchmark.models import build, identity
from hilbert.benchmark.place import Place
from hilbert.benchmark.studies import imbalance, presets
from hilbert.benchmark.studies.all import STUDIES, plan, summary
from hilbert.benchmark.studies.case import classes, representations
from hilbert.benchmark.studies.running import run
from hilbert.benchmark.tasks import is_tuning
from hilbert.config import HilbertConfig
from hilbert.errors import UsageError

LABELS = {
    "maec-a": ("1", "2", "3", "4+"),
    "maec-b": ("2015", "2016", "2017", "2018"),
    "speechocean762": ("adult_f", "adult_m", "child_f", "child_m"),
}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "out", tmp_path / "features")


@pytest.mark.parametrize("tier", ["quick", "standard"])
@pytest.mark.parametrize("name", STUDIES)
def test_cases_have_names_of_their_own_and_models(place, name, tier):
    found = plan([name], tier, place)
    ids = [case.id for case in found.cases]
    assert len(set(ids)) == len(ids)
    assert all(case.study == name and case.models for case in found.cases)
    assert all((case.documents is not None) == (tier == "quick") for case in found.cases)
    assert found.place.out == (place.out / "quick" if tier == "quick" else place.out)
    assert f"{len(ids)} cases" in summary(found, 2)[-1]
    assert not place.out.exists()


@pytest.mark.parametrize("name", STUDIES)
def test_no_case_tests_documents_that_do_not_count_or_splits_a_group(place, paired_data, columns, name):
    for case in plan([name], "quick", place).cases:
        task = case.setting.task.name
        data = paired_data(labels=LABELS[task], task=task)
        material = case.make(case, data, columns(data), 0)
        tested = np.concatenate([split.test for split in material.splits])
        assert len(tested)
        if case.setting.task.tuning:
            assert not any(is_tuning(str(group)) for group in material.groups[tested])
        for split in material.splits:
            trained = np.concatenate([split.train, split.unlabelled])
            assert not set(material.groups[trained]) & set(material.groups[split.test])
        for labels in material.targets.values():
            assert len(labels) == len(data)
            assert len(classes(labels)) > 1


def test_models_can_be_chosen_and_wrong_names_are_named(place):
    assert set(plan(["retrieval"], "standard", place, ["clip", "gmu"]).cases[0].models) == {"clip"}
    assert set(plan(["heads"], "standard", place, ["clip", "gmu"]).cases[0].models) == {"clip", "gmu"}
    everyone = plan(["heads"], "standard", place).cases[0].models
    assert {"hilbert", "hilbert-paper", "symile", "mult", "concat-lr"} <= set(everyone)
    assert "prior" not in everyone
    with pytest.raises(UsageError, match="study: expected some of heads, curves"):
        plan(["tails"], "standard", place)
    with pytest.raises(UsageError, match="study: expected some of"):
        plan([], "standard", place)
    with pytest.raises(UsageError, match="models: expected some with embeddings, found concat-lr"):
        plan(["probes"], "standard", place, ["concat-lr"])
    with pytest.raises(UsageError, match="tier: expected one of"):
        plan(["heads"], "slow", place)


def test_a_run_works_on_the_tasks_named_and_tables_are_of_all(place):
    whole = plan(["heads", "segments"], "standard", place)
    assert whole.work == whole.cases
    for tasks, ids in (
        (["heads/maec-a-rare"], {"heads/maec-a-rare"}),
        (["speechocean762"], {c.id for c in whole.cases if "speechocean" in c.id}),
        (["maec-b/praat-wordllama", "heads/maec-a"], {"segments/maec-b-4", "segments/maec-b-16", "heads/maec-a"}),
    ):
        found = plan(["heads", "segments"], "standard", place, None, tasks)
        assert {case.id for case in found.work} == ids
        assert [case.id for case in found.cases] == [case.id for case in whole.cases]
        lines = summary(found, 2)
        assert sum(int(line.split()[1]) for line in lines) == len(ids)
    with pytest.raises(UsageError, match=r"tasks: expected some of heads/maec-a.*, found 'maec-c'"):
        plan(["heads"], "standard", place, None, ["maec-c"])


def test_the_dear_task_has_the_main_models_unless_others_are_named(place):
    few = {case.id: set(case.models) for case in plan(["probes", "retrieval"], "standard", place).cases}
    assert few["probes/maec-b"] == {"concat-lr", "gmu", "clip", "gmc", "hilbert", "hilbert-paper"}
    assert few["retrieval/maec-b"] == few["retrieval/maec-b-shuffled"] == {"clip", "gmc", "hilbert", "hilbert-paper"}
    assert {"symile", "mmvae"} <= few["probes/maec-a"] & few["retrieval/maec-a"]
    named = plan(["probes"], "standard", place, ["symile"]).cases
    assert {tuple(case.models) for case in named} == {("symile",)}


@pytest.mark.parametrize("ratio", [1, 3])
def test_both_sides_of_a_fold_have_the_ratio(place, paired_data, columns, ratio):
    (case,) = (c for c in plan(["imbalance"], "quick", place).cases if c.extra["ratio"] == ratio)
    data = paired_data(docs=160, labels=LABELS["maec-b"], task="maec-b")
    for split in case.make(case, data, columns(data), 0).splits:
        for rows in (split.train, split.test):
            years = data.y[rows]
            minority = int(np.isin(years, ["2017", "2018"]).sum())
            assert minority == round((len(rows) - minority) / ratio)
    assert imbalance.RATIOS == (1, 3, 10, 30)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_what_has_no_embedding_is_left_out_and_changes_none(paired_data, preset):
    data = paired_data(docs=48)
    small = {"preset": preset, "training.epochs": 2}
    bare = representations(["hilbert"], {"hilbert": small}, True, direct=False)["hilbert"]
    whole = build("hilbert", small, True)
    z = [model.fit(data.bags, data.y, data.groups).transform(data.bags) for model in (bare, whole)]
    assert bare.members_ == (("network",) if preset == "robust" else ("experts",))
    assert np.array_equal(*z)


def test_the_way_from_paper_to_robust_changes_one_idea_at_a_time():
    way = presets.path()
    assert list(way) == ["paper", "+ terms", "+ labels", "+ vectors", "+ readout", "robust"]
    assert (way["paper"], way["robust"]) == tuple(HilbertConfig.load(name) for name in ("paper", "robust"))
    changed = [
        {name for name in type(old).model_fields if getattr(old, name) != getattr(new, name)}
        for old, new in pairwise(way.values())
    ]
    assert changed == [
        {"cka", "balance"}, {"contrast", "head", "training"}, {"network", "vectors"}, {"stack"}, {"stack", "preset"},
    ]  # fmt: skip
    (case, *_) = presets.cases(None, {}, False)
    assert list(case.models) == ["concat-lr", "paper", "with-terms", "with-labels", "with-vectors", "with-readout",
                                 "robust"]  # fmt: skip
    assert identity(case.models["robust"]) == identity(build("hilbert"))


def test_few_labels_are_drawn_ten_times_and_leave_the_other_curves_as_they_are(place, paired_data, columns):
    found = {case.name: case for case in plan(["curves"], "standard", place).cases}
    few = {name for name, case in found.items() if case.repeats == 10}
    tasks = ("maec-a", "maec-b", "speechocean762", "speechocean762-age")
    assert few == {f"{task}-few-{size}" for task in tasks for size in (30, 50, 80)}
    assert {name: case.repeats for name, case in found.items() if name not in few} == {
        f"{task}-{size}": draws for task, draws in (("maec-a", 2), ("maec-b", 1)) for size in (50, 100, 200, 400)
    }
    data = paired_data(docs=160, labels=LABELS["speechocean762"], task="speechocean762")
    material = found["speechocean762-age-few-50"].make(found["speechocean762-age-few-50"], data, columns(data), 0)
    assert {name: classes(labels) for name, labels in material.targets.items()} == {"age": ["adult", "child"]}
    parts = [split.train.tolist() for split in material.splits if split.fold == 0]
    assert len(parts) == 10
    assert len({tuple(part) for part in parts}) == 10
    assert all(len(part) <= 50 for part in parts)


def test_the_imbalance_page_has_decisions_and_calibration(place, paired_data, columns):
    data = paired_data(docs=160, labels=LABELS["maec-b"], task="maec-b")
    cases = plan(["imbalance"], "quick", place, ["concat-lr"]).cases
    run(cases, place, lambda case: case.make(case, data, columns(data), 0), jobs=1)
    titles = {section.title: section for section in imbalance.sections(cases, place)}
    wanted = ("AUPRC of the minority", "recall of the minority", "balanced accuracy")
    assert {f"maec-b: {what}" for what in wanted} <= set(titles)
    assert titles["maec-b: recall of the minority"].rows[0][0] == "concat-lr"
    assert "maec-b: expected calibration error, and slope of calibration" in titles
