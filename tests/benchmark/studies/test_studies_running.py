"""A study goes on where it stopped, computes nothing twice, and scores no document of a tuning company."""

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from hilbert.benchmark.models import build
from hilbert.benchmark.place import Place, read_documents
from hilbert.benchmark.studies.all import Plan, expected, make_tables, summary
from hilbert.benchmark.studies.case import Case, Table, predicted
from hilbert.benchmark.studies.collecting import numbers_of
from hilbert.benchmark.studies.curves import make
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.paired import differences
from hilbert.benchmark.studies.running import folder, run, survey
from hilbert.benchmark.studies.store import Stored, read_head
from hilbert.benchmark.tasks import is_tuning, setting
from hilbert.errors import InputError, UsageError

SETTING = setting("maec-a", "praat", "wordllama")


def plain(case, data, columns, seed):
    return folded(case, data, seed)


@pytest.fixture
def case(toys):
    models = {name: build(name) for name in ("prior", "concat-lr", "toy")}
    return Case("curves", "maec-a-16", "16 labelled documents", SETTING, models, plain, predicted, folds=2, repeats=2)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "out", tmp_path / "features")


@pytest.fixture
def go(data):
    def go(case, place, **options):
        return run([case], place, lambda case: case.make(case, data, None, place.seed), jobs=1, **options)

    return go


def contents(place):
    return {path: path.read_bytes() for path in sorted(place.out.rglob("*")) if path.is_file()}


def test_a_finished_study_is_not_touched_again(case, place, go, fits):
    assert go(case, place).made == 12
    assert len(fits) == 4
    before = contents(place)
    assert go(case, place).made == 0
    assert (len(fits), contents(place)) == (4, before)
    assert sum(row.done for row in survey([case], place, expected)) == 12


class Embedding(BaseEstimator):
    """The first segments as they are; counts its fits."""

    fitted: ClassVar[list] = []

    def fit(self, bags, y, groups=None):
        self.fitted.append(len(bags))
        return self

    def transform(self, bags):
        return np.stack([bags.audio.document(row)[0] for row in range(len(bags))])


def first_column(trained, material, split):
    values = trained.fitted.transform(material.bags[split.test])[:, :1].astype(float)
    return [Table("speakers", "", material.bags.ids[split.test].tolist(), ["x"], values)]


def second_column(trained, material, split):
    if split.fold:
        raise ValueError("no look")
    return first_column(trained, material, split)


class Moved(Embedding):
    """One that knows a device."""

    def __init__(self, device="cpu"):
        self.device = device


def test_fits_of_two_devices_are_not_mixed(place, data):
    one = replace(two_looks("one", first_column), models={"moved": Moved()})
    load, elsewhere = partial(plain, data=data, columns=None, seed=0), replace(place, device="cuda")
    with pytest.raises(KeyboardInterrupt):
        run([one], place, load, jobs=1, progress=lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    moved = replace(one, models={"moved": Moved("cuda")})
    with pytest.raises(UsageError, match=r"moved\.parquet: 1 of 2 fits were trained on cpu.*--redo moved"):
        run([moved], elsewhere, load, jobs=1)
    assert run([moved], elsewhere, load, hours=0).left == 1
    assert run([one], place, load, jobs=1).made == 1
    assert run([moved], elsewhere, load, jobs=1).made == 0


def two_looks(name, look, **options):
    models = {"concat-lr": build("concat-lr"), "embedding": Embedding()}
    return Case("probes", name, "", SETTING, models, plain, predicted, look, folds=2, **options)


def test_cases_of_one_training_share_it(place, data):
    cases = [two_looks("one", first_column), two_looks("two", first_column)]
    apart = two_looks("three", first_column, trained_on="another label")
    Embedding.fitted.clear()
    load = partial(plain, data=data, columns=None, seed=0)
    assert [row.trainings for row in survey(cases, place, expected) if row.model == "embedding"] == [1, 0]
    assert run(cases, place, load, jobs=1).made == 8
    assert len(Embedding.fitted) == 2
    one, two = (read_head(folder(case, place) / "embedding.parquet") for case in cases)
    assert [fit["fold"] for fit in one["fits"]] == [fit["fold"] for fit in two["fits"]] == [0, 1]
    assert run([*cases, apart], place, load, jobs=1).made == 4
    assert len(Embedding.fitted) == 4


def test_a_failing_look_fails_every_case_of_the_training(place, data):
    cases = [two_looks("one", first_column), two_looks("two", second_column)]
    done = run(cases, place, partial(plain, data=data, columns=None, seed=0), jobs=1)
    assert (done.made, done.left) == (8, 2)
    assert [failure.partition(":")[0] for failure in done.failures] == ["probes/one", "probes/two"]


def test_cases_that_differ_in_more_than_targets_are_not_trained_together(place, data):
    def load(case):
        return plain(case, data, None, 0 if case.name == "one" else 1)

    with pytest.raises(ValueError, match="probes/one, probes/two are not trained on the same documents"):
        run([two_looks("one", first_column), two_looks("two", first_column)], place, load, jobs=1)


@pytest.mark.parametrize("after", [1, 7])
def test_an_interrupted_study_goes_on(case, place, go, fits, after):
    def stop(done, total, name):
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(case, place, progress=stop)
    assert sum(row.done for row in survey([case], place, expected)) == after
    assert go(case, place).made == 12 - after
    assert len(fits) == 4


def test_no_time_reads_nothing(case, place):
    def load(case):
        raise AssertionError("read")

    assert run([case], place, load, hours=0).left == 12


def test_stored_fits_come_back_as_they_were(case, place, go, data):
    go(case, place)
    path = folder(case, place) / "toy.parquet"
    stored = Stored.open(path, {"key": read_head(path)["key"]})
    for split in folded(case, data, place.seed).splits:
        found = {t.variant: t for t in stored.folds[split.repeat, split.fold]}
        expected = predicted("toy", case.models["toy"], folded(case, data, place.seed), split, place.seed).tables
        assert set(found) == {t.variant for t in expected} == {"", "sharp, twice"}
        for table in expected:
            assert found[table.variant].documents == table.documents
            np.testing.assert_array_equal(found[table.variant].values, table.values.astype(np.float32))


def test_what_was_computed_differently_is_refused_and_redone(case, place, go):
    go(case, place)
    other = replace(case, models={**case.models, "toy": build("toy", {"power": 2.0})})
    with pytest.raises(UsageError, match=r"toy\.parquet.*remove it.*another --out.*--redo toy"):
        go(other, place)
    assert go(other, place, redo=["toy"]).made == 4


def test_a_file_that_is_not_ours_is_named(case, place, go):
    path = folder(case, place) / "toy.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("no")
    with pytest.raises(InputError, match=r"toy\.parquet: expected fits of a study"):
        go(case, place)


def test_a_failing_fit_is_kept_and_the_others_go_on(case, place, go, data, fits):
    failing = replace(case, models={**case.models, "toy": build("toy", {"fail": str(data.bags.ids[0])})})
    done = go(failing, place)
    assert done.made == 12
    assert done.left == len(done.failures) > 0
    assert "no inverse" in done.failures[0]
    assert go(failing, place).made == done.left


def test_no_document_of_a_tuning_company_is_scored(case, place, go, fits):
    go(case, place)
    known = read_documents(folder(case, place))
    group = dict(zip(known["document"], known["group"], strict=True))
    assert any(is_tuning(g) for g in group.values())
    assert all(not is_tuning(group[id]) for _, tested in fits for id in tested)
    assert any(is_tuning(group[id]) for trained, _ in fits for id in trained)
    numbers = numbers_of(case, place, resamples=50)
    assert not any(is_tuning(group[id]) for id in numbers.predictions.documents.tolist())


def test_tables_hold_models_intervals_and_cautions(case, place, go):
    go(case, place)
    cases = [replace(case, extra={"size": 16})]
    found = Plan(["curves"], cases, cases, place, False)
    assert "12 fits, 12 done, 0 trainings left" in summary(found, 1)[0]
    page, html = make_tables(found)
    text = page.read_text(encoding="utf-8")
    for words in ("proxies", "HuBERT, T5 and RoBERTa were not run", "| concat-lr |", "macro AUC", "tuning companies"):
        assert words in text
    assert "<script" not in html.read_text(encoding="utf-8")
    before = contents(place)
    make_tables(found)
    assert contents(place) == before


def test_a_paired_difference_is_that_of_both_areas(case, place, go):
    go(case, place)
    numbers = numbers_of(case, place, resamples=100, against=())
    row = differences(numbers, [("toy", "concat-lr"), ("toy", "nobody")], place, 100)
    expected = numbers.difference("toy", "concat-lr")
    assert set(row) == {("toy", "concat-lr")}
    for key in ("value", "low", "high", "se"):
        assert row["toy", "concat-lr"][key] == pytest.approx(expected[key], abs=1e-6)


def test_the_labels_of_a_curve_are_hidden_beyond_its_part(paired_data, columns):
    data = paired_data()
    small, large = (
        Case("curves", f"maec-a-{n}", "", SETTING, {}, make, predicted, 2, 2, documents=80, extra={"size": n})
        for n in (16, 32)
    )
    parts = [make(c, data, columns(data), 0).splits for c in (small, large)]
    for one, other in zip(*parts, strict=True):
        assert set(one.train) < set(other.train)
        assert not set(one.train) & set(one.unlabelled)
        assert set(one.train) | set(one.unlabelled) == set(other.train) | set(other.unlabelled)
        assert np.array_equal(one.test, other.test)
        assert len(one.train) <= 16 < len(other.train) <= 32
        assert not set(data.groups[one.train]) & set(data.groups[one.unlabelled])
