"""The readings of the abstract: eight configurations, and a page that can say above, below or undecided."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.benchmark.models import identity
from hilbert.benchmark.place import Place
from hilbert.benchmark.studies import presets, readings
from hilbert.benchmark.studies.all import expected, plan
from hilbert.benchmark.studies.case import predicted
from hilbert.benchmark.studies.collecting import numbers_of
from hilbert.benchmark.studies.paired import contrasts, differences
from hilbert.benchmark.studies.running import run
from hilbert.config import HilbertConfig

CHANGES = {
    "pre": {"network.unimodal_source": ("post", "pre")},
    "dense": {"head.top_k": (2, None), "head.load_balance": (0.01, 0.0)},
    "biased CKA": {"cka.debiased": (True, False)},
}
LABELS = ("1", "2", "3", "4+")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "out", tmp_path / "features")


@pytest.fixture
def page(place, paired_data, columns, toys):
    """The page and the numbers of a toy a row: ``power`` says how much of the signal it keeps."""

    def made(power, without=(), reference=0.5):
        case = plan(["readings"], "quick", place).cases[0]
        models = {name: toys(power(name)) for name in case.models if name not in without}
        case = replace(case, models={**models, "concat-lr": toys(reference)})
        data = paired_data(noise=2.0, labels=LABELS)
        run([case], place, lambda case: case.make(case, data, columns(data), 0), jobs=1)
        return readings.sections([case], place), numbers_of(case, place, shown=lambda m, v: not v, against=("paper",))

    return made


def test_all_eight_combinations_change_what_they_name_and_no_more():
    found = readings.readings()
    assert list(found) == [
        "paper", "paper, pre", "paper, dense", "paper, biased CKA", "paper, pre, dense", "paper, pre, biased CKA",
        "paper, dense, biased CKA", "paper, pre, dense, biased CKA",
    ]  # fmt: skip
    assert found["paper"] == HilbertConfig.load("paper")
    before = presets.flat(found["paper"].model_dump())
    for row, config in found.items():
        after = presets.flat(config.model_dump())
        expected = {k: v for name in row.split(", ")[1:] for k, v in CHANGES[name].items()}
        assert {k: (before[k], after[k]) for k in before if before[k] != after[k]} == expected


def test_cases_hold_each_reading_and_the_shipped_one_is_that_of_the_presets(place):
    cases = plan(["readings"], "standard", place).cases
    assert [case.setting.id for case in cases] == [
        "maec-a/praat-wordllama", "maec-b/praat-wordllama", "speechocean762/whisper-tiny.en-minilm-l6",
    ]  # fmt: skip
    for case in cases:
        assert list(case.models) == ["concat-lr", *map(readings.file_name, readings.readings())]
        assert (case.folds, case.repeats) == (5, 1)
        assert len({str(identity(model)) for model in case.models.values()}) == 9
        hilbert = {expected(case, name) for name in case.models if name != "concat-lr"}
        assert len(hilbert) == 1
        assert hilbert.pop() > expected(case, "concat-lr")
    other = plan(["presets"], "standard", place).cases[0].models
    assert identity(cases[0].models["paper"]) == identity(other["paper"])


def test_effects_are_means_over_the_combinations_of_the_others():
    found = readings.effects()
    assert len(found) == 3 * (1 + 4)
    for choice in readings.CHOICES:
        changed, shipped = found[choice.other]
        assert len({*changed, *shipped}) == 8
        own = readings.file_name(choice.other)
        assert all(own in name for name in changed)
        assert not any(own in name for name in shipped)
        singles = [both for name, both in found.items() if name.startswith(f"{choice.other}: ")]
        assert singles == [([a], [b]) for a, b in zip(changed, shipped, strict=True)]


def test_the_page_says_what_is_worse_and_what_is_undecided(page, place):
    (rows, effects), numbers = page(lambda name: -3.0 if "dense" in name else 1.0)
    assert [row[0] for row in rows.rows] == ["concat-lr", *readings.readings()]
    by_name = {row[0]: row for row in rows.rows}
    assert by_name["paper"][2] == by_name["concat-lr"][2] == by_name["concat-lr"][3] == ""
    assert by_name["paper, dense"][2].startswith("−")
    assert all(cell for cell in by_name["paper, pre"][1:])
    assert (
        "7 readings against `paper` as shipped: below dense, pre + dense, dense + biased CKA, "
        "pre + dense + biased CKA; undecided pre, biased CKA, pre + biased CKA."
    ) in rows.lines[1]
    assert "hangs on the reading" in rows.lines[2]
    assert "below" in rows.lines[2]
    known = contrasts(numbers, readings.effects(), place)
    assert (
        effects.lines[0]
        == "In the mean of the four combinations. pre − post: undecided. dense − sparse: sparse is "
        f"better by {abs(known['dense']['value']):.3f}. biased CKA − debiased CKA: undecided.".replace(" 0.", " .")
    )
    assert [row[1] for row in effects.rows] == ["pre − post", "dense − sparse", "biased CKA − debiased CKA"]
    assert effects.rows[1][3].endswith("4 of 4 decided")
    assert effects.rows[0][3].endswith("0 of 4 decided")


def test_the_page_says_the_opposite_of_the_opposite(page):
    (rows, effects), _ = page(lambda name: 1.0 if "pre" in name else -3.0, reference=-3.0)
    assert "above pre, pre + dense, pre + biased CKA, pre + dense + biased CKA;" in rows.lines[1]
    assert "pre − post: pre is better by ." in effects.lines[0]


def test_readings_that_are_alike_are_undecided_and_change_nothing(page):
    (rows, effects), _ = page(lambda name: 1.0, reference=-3.0)
    assert "7 readings against `paper` as shipped: undecided all." in rows.lines[1]
    assert "8 readings against concat-lr: above all." in rows.lines[1]
    assert rows.lines[2] == "How the abstract is read changes nothing in what is said against concat-lr."
    assert effects.lines[0].count("undecided") == 3


def test_an_effect_without_all_its_readings_is_not_claimed(page):
    (rows, effects), _ = page(lambda name: 1.0, without=("paper-pre",))
    assert "paper, pre" not in [row[0] for row in rows.rows]
    assert effects.rows == []
    assert "pre − post: not all eight readings are finished." in effects.lines[0]


def test_a_contrast_is_the_mean_of_its_differences(page, place):
    _, numbers = page(lambda name: 1.0 + len(name) / 8)
    sides = readings.effects()
    found = contrasts(numbers, {**sides, "no such row": (["paper"], ["nobody"])}, place, 100)
    assert set(found) == set(sides)
    pairs = [(a, b) for a, b in zip(*sides["dense"], strict=True)]
    single = differences(numbers, pairs, place, 100)
    assert found["dense"]["value"] == pytest.approx(np.mean([row["value"] for row in single.values()]))
    assert found["dense: paper"] == single["paper-dense", "paper"]
    assert found["dense"]["low"] <= found["dense"]["value"] <= found["dense"]["high"]


def test_the_reading_with_most_changes_can_be_fitted(paired_data, columns):
    case = readings.cases(None, {}, True)[0]
    data = paired_data(docs=48, labels=LABELS)
    material = case.make(case, data, columns(data), 0)
    found = predicted("hilbert", case.models["paper-pre-dense-biased-cka"], material, material.splits[0], 0)
    assert np.isfinite(found.tables[0].values).all()
