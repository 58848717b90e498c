"""Networks are trained where `--device` says, all else on the CPU, and results of two devices are never mixed."""

from dataclasses import replace

import pytest
import torch

from hilbert.baselines import MODELS
from hilbert.benchmark.cells import _seconds
from hilbert.benchmark.collecting import device_notes
from hilbert.benchmark.models import build, device_of, fit_key, identity, on_device
from hilbert.benchmark.records import read_about
from hilbert.benchmark.running import get_ready
from hilbert.benchmark.studies.all import STUDIES, plan
from hilbert.benchmark.tuning import TASKS, open_others, open_study, tune, tuning_part
from hilbert.errors import UsageError

NETWORKS = {"abmil", "gmu", "clip", "gmc", "symile", "hilbert", "hilbert-paper", "hilbert-gmc"}
OTHERS = {"prior", "concat-lr", "seq-lr", "concat-gb", "late-stack", "kernel-svm"}
NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device, which would be used")


@pytest.fixture
def networks(comparison):
    """Two networks and a model without one, all small."""
    return replace(comparison, models=("concat-lr", "gmc", "hilbert"), documents=96, repeats=1, folds=2)


@pytest.mark.parametrize("name", [name for name in MODELS if "toy" not in name])
def test_networks_get_the_device_and_it_is_part_of_their_key(name):
    plain, moved = build(name), on_device(build(name), "cuda")
    assert identity(on_device(build(name), "cpu")) == identity(plain)
    if device_of(plain) is None:
        assert name not in NETWORKS
        assert identity(moved) == identity(plain)
    else:
        assert name not in OTHERS
        assert (device_of(plain), device_of(moved)) == ("cpu", "cuda")
        assert fit_key(moved, "data", 5, 0) != fit_key(plain, "data", 5, 0)


@NO_CUDA
def test_the_device_reaches_the_fits(go, networks, place):
    done = go(networks, replace(place, device="cuda"))
    assert (done.made, done.left) == (6, 4)
    failed = [failure.partition(": ")[2].partition(",")[0] for failure in done.failures]
    assert sorted(failed) == ["gmc", "gmc", "hilbert", "hilbert"]
    assert all("torch finds no CUDA device here" in failure for failure in done.failures)
    assert len(read_about(place.folder(networks), "concat-lr")["fits"]) == 2


@pytest.fixture
def movable(toys, monkeypatch):
    """A toy that knows a device."""

    class Movable(toys):
        def __init__(self, power=1.0, column=0, fail="", seed=0, device="cpu"):
            super().__init__(power, column, fail, seed)
            self.device = device

    monkeypatch.setitem(MODELS, "toy", Movable)


def test_finished_fits_are_used_whatever_device_trained_them(go, comparison, place, data, movable):
    go(comparison, place)
    about = read_about(place.folder(comparison), "toy")
    assert about["parameters"]["device"] == "cpu"
    assert "gpu" not in about["environments"][0]
    moved = replace(place, device="cuda")
    for hours in (None, 0):
        assert not any(part.units for part in get_ready([comparison], moved, lambda _: data, hours))
    assert read_about(place.folder(comparison), "toy") == about


def test_fits_of_two_devices_are_not_mixed(go, comparison, place, data, movable):
    begun, moved = replace(comparison, repeats=1), replace(place, device="cuda")
    go(begun, place)
    with pytest.raises(UsageError, match=r"toy\.json: 3 of 6 fits were trained on cpu.*--device cpu.*--redo toy"):
        get_ready([comparison], moved, lambda _: data)
    get_ready([comparison], moved, lambda _: data, hours=0)  # tables can be made of them
    assert len(get_ready([comparison], place, lambda _: data)[0].units) > 0
    again = get_ready([comparison], moved, lambda _: data, redo=["toy"])
    assert {device_of(unit.model) for unit in again[0].units if unit.name == "toy"} == {"cuda"}


@pytest.mark.parametrize("study", STUDIES)
def test_studies_train_there_too(place, study):
    for case in plan([study], "quick", replace(place, device="cuda")).cases:
        found = {device_of(model) for model in case.models.values()}
        assert {"cuda"} <= found <= {"cuda", None}


@NO_CUDA
def test_tuning_trains_there_too_and_keeps_devices_apart(tmp_path, make_data):
    parts = {task: tuning_part(make_data(240, seed, task)) for seed, task in enumerate(TASKS)}
    study = open_study(tmp_path, "gmu", parts, 0, 1, "cuda")
    assert all("torch finds no CUDA device here" in failure for failure in tune([study], parts, jobs=1))
    with pytest.raises(UsageError, match=r"gmu\.json.* or device.*--redo gmu"):
        open_study(tmp_path, "gmu", parts, 0, 1)
    assert [len(found) for found in open_others(tmp_path, ["gmu"], parts, 0)] == [0, 1]
    assert [len(found) for found in open_others(tmp_path, ["gmu"], parts, 0, "cuda")] == [1, 0]


def test_a_table_says_what_was_trained_elsewhere():
    about = {"concat-lr": {"parameters": {}}, "gmc": {"parameters": {"device": "cpu"}}}
    assert device_notes(about) == []
    about |= {name: {"parameters": {"device": "cuda"}} for name in ("clip", "hilbert")}
    assert device_notes(about) == ["trained on cuda: clip, hilbert"]
    fits = {"fits": [{"seconds": 1.0}, {"seconds": 2.0}]}
    assert [_seconds(known | fits) for known in about.values()] == ["1.50", "1.50", "1.50 (cuda)", "1.50 (cuda)"]


@pytest.mark.gpu
@pytest.mark.parametrize("jobs", [1, 2])
def test_networks_are_trained_on_a_card_that_processes_share(go, networks, place, jobs):
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    moved = replace(place, device="cuda")
    done = go(networks, moved, jobs=jobs)
    assert (done.made, done.failures) == (6, ())
    about = read_about(place.folder(networks), "hilbert")
    assert about["parameters"]["device"] == "cuda"
    assert about["environments"][0]["gpu"] == torch.cuda.get_device_name()
    assert go(networks, moved, jobs=jobs).made == 0
