"""A column of a study that is the main benchmark holds what the study itself would have fitted."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.benchmark.models import build
from hilbert.benchmark.studies.case import Case, predicted
from hilbert.benchmark.studies.collecting import numbers_of
from hilbert.benchmark.studies.material import folded
from hilbert.benchmark.studies.reused import main_numbers
from hilbert.benchmark.studies.running import run
from hilbert.benchmark.tasks import setting


def plain(case, data, columns, seed):
    return folded(case, data, seed)


@pytest.fixture
def case(toys):
    models = {name: build(name) for name in ("prior", "concat-lr", "toy")}
    pair = setting("maec-a", "praat", "wordllama")
    return Case("segments", "maec-a-64", "first 64", pair, models, plain, predicted, folds=3)


@pytest.fixture
def finished(go, comparison, place):
    comparison = replace(comparison, models=("prior", "concat-lr", "toy"))
    go(comparison, place)
    return comparison


def every(model, variant):
    return True


def test_the_main_benchmark_is_what_the_case_would_be(case, place, data, finished):
    found = main_numbers(case, place, every)
    run([case], place, lambda case: case.make(case, data, None, place.seed), jobs=1)
    own = numbers_of(case, place)
    for key in ("documents", "groups", "labels", "folds"):
        assert np.array_equal(getattr(found.predictions, key), getattr(own.predictions, key))
    assert set(found.predictions.proba) == set(own.predictions.proba) >= {"toy (sharp, twice)"}
    for row, values in own.predictions.proba.items():
        assert np.allclose(found.predictions.proba[row], values, rtol=1e-5)
    assert found.auc("toy")["value"] == pytest.approx(own.auc("toy")["value"], abs=1e-3)
    assert {tuple(split) for split in found.about["splits"]} == {tuple(split) for split in own.about["splits"]}


def test_only_rows_that_are_shown_stand_in_it(case, place, finished):
    found = main_numbers(case, place, lambda model, variant: not variant)
    assert set(found.predictions.proba) == {"prior", "concat-lr", "toy"}


def test_what_the_main_benchmark_lacks_is_left_out_with_a_note(case, place, finished, toys):
    moved = replace(case, models={**case.models, "toy": toys(power=2.0), "other-toy": toys()})
    found = main_numbers(moved, place, every)
    assert set(found.predictions.proba) == {"prior", "concat-lr"}
    for name in ("toy", "other-toy"):
        assert f"{name}: not in the main benchmark with these options, left out" in found.notes
    longer = main_numbers(replace(case, repeats=2), place, every)
    assert longer.predictions.folds.shape[0] == 2
    assert main_numbers(replace(case, folds=5), place, every) is None


def test_without_the_main_benchmark_there_is_no_column(case, place):
    assert main_numbers(case, place, every) is None
