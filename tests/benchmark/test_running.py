"""Runs go on where they stopped, to the same bytes, and never mix what was computed differently."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from hilbert.benchmark.estimate import survey
from hilbert.benchmark.records import Records, read_about
from hilbert.benchmark.running import get_ready, run
from hilbert.errors import InputError, UsageError
from hilbert.features.bags import Packed


def contents(place):
    return {path.relative_to(place.out): path.read_bytes() for path in place.out.rglob("*") if path.is_file()}


def predictions(place):
    return {name: data for name, data in contents(place).items() if name.suffix == ".parquet"}


def test_a_finished_run_is_not_touched_again(go, comparison, place, fits):
    first = go(comparison, place)
    assert (first.made, first.left, first.failures) == (18, 0, ())
    assert len(fits) == 6
    before = contents(place)
    again = go(comparison, place)
    assert (again.made, len(fits)) == (0, 6)
    assert contents(place) == before


def test_what_is_stored_of_a_model(go, comparison, place):
    go(comparison, place)
    about = read_about(place.folder(comparison), "toy")
    assert [(fit["repeat"], fit["fold"]) for fit in about["fits"]] == [(r, f) for r in range(2) for f in range(3)]
    assert about["fits"][0]["parameters"] == 12
    assert about["environments"][about["fits"][0]["environment"]]["versions"]["numpy"]
    assert about["class"] == "Toy"
    assert not [path for path in place.out.rglob(".*")]


def test_decisions_are_kept_and_earlier_files_have_the_most_probable_class(go, comparison, place, data):
    go(comparison, place)
    folder, about = place.folder(comparison), read_about(place.folder(comparison), "toy")
    kept = Records.open(folder, "toy", data.classes, about).folds[0, 0]
    assert set(kept.decided) == set(kept.proba) == {"", "sharp, twice"}
    expected = np.where(kept.proba[""][:, -1] > 0.2, 2, kept.proba[""].argmax(axis=1))
    assert (kept.decided[""] == expected).all()
    assert (kept.decided[""] != kept.proba[""].argmax(axis=1)).any()
    path = folder / "toy.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["decided"]), path)
    earlier = Records.open(folder, "toy", data.classes, about).folds[0, 0]
    assert all((earlier.decided[v] == earlier.proba[v].argmax(axis=1)).all() for v in earlier.proba)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(go, comparison, place, tmp_path):
    go(comparison, place)
    other = replace(place, out=tmp_path / "other")
    go(comparison, other, jobs=2)
    assert predictions(place) == predictions(other)


@pytest.mark.parametrize("after", [1, 8])
def test_an_interrupted_run_goes_on(go, comparison, place, tmp_path, fits, after):
    go(comparison, place)

    def stop(done, total, name):
        if done == after:
            raise KeyboardInterrupt

    other = replace(place, out=tmp_path / "other")
    with pytest.raises(KeyboardInterrupt):
        go(comparison, other, progress=stop)
    assert sum(work.done for work in survey([comparison], other)) == after
    assert go(comparison, other).made == 18 - after
    assert predictions(place) == predictions(other)
    assert len(fits) == 12


def test_a_fold_counts_only_when_both_files_hold_it(go, comparison, place, fits):
    go(comparison, place)
    before = predictions(place)
    path = place.folder(comparison) / "toy.json"
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [line for line in lines if '"repeat": 1, "fold": 2' not in line]
    path.write_text("\n".join(cut).replace('"environment": 0},\n ]', '"environment": 0}\n ]'), encoding="utf-8")
    assert go(comparison, place).made == 1
    assert len(fits) == 7
    assert predictions(place) == before


def test_no_time_means_no_fit(go, comparison, place, fits):
    done = go(comparison, place, hours=1e-9)
    assert (done.made, done.left, len(fits)) == (0, 18, 0)
    assert go(comparison, place).left == 0


def test_repeats_are_done_one_after_another(go, comparison, place):
    order = []
    go(comparison, place, progress=lambda done, total, name: order.append(name))
    assert order == list(comparison.models) * 6
    more = go(replace(comparison, repeats=3), place)
    assert more.made == 9


@pytest.mark.parametrize("change", ["options", "folds", "seed", "data"])
def test_what_was_computed_differently_is_refused(go, comparison, place, data, make_data, change):
    go(comparison, place)
    before = contents(place)
    if change == "options":
        place = replace(place, options={"toy": {"power": 2.0}})
    if change == "folds":
        comparison = replace(comparison, folds=4)
    if change == "seed":
        place = replace(place, seed=1)
    changed = make_data(seed=1) if change == "data" else data
    longer = replace(comparison, repeats=3)
    with pytest.raises(UsageError, match=r"(toy|prior)\.json.*remove it.*another --out.*--redo"):
        get_ready([longer], place, lambda _: changed)
    assert contents(place) == before


def test_features_made_on_another_machine_go_on(go, comparison, place, data):
    def extracted(change):
        bags = data.bags
        audio = Packed(np.nextafter(bags.audio.values, np.float32(change)), bags.audio.lengths, bags.audio.times)
        return replace(data, bags=replace(bags, audio=audio, origins=np.char.add("key of ", bags.ids)))

    here, there = extracted(1), extracted(-1)
    assert here.bags.fingerprints() != there.bags.fingerprints()
    run(get_ready([comparison], place, lambda _: here))
    longer = replace(comparison, repeats=3)
    assert run(get_ready([longer], place, lambda _: there)).made == 9
    moved = replace(there, bags=replace(there.bags, origins=np.char.add("other key of ", data.bags.ids)))
    with pytest.raises(UsageError, match=r"prior\.json"):
        get_ready([replace(comparison, repeats=4)], place, lambda _: moved)


def test_changed_options_are_refused_even_when_nothing_is_left(go, comparison, place):
    go(comparison, place)
    other = replace(place, options={"toy": {"power": 2.0}})
    with pytest.raises(UsageError, match=r"toy\.json"):
        go(comparison, other)
    assert go(comparison, other, redo=["toy"]).made == 6
    assert read_about(place.folder(comparison), "toy")["options"] == {"power": 2.0}


def test_a_failing_fit_is_kept_and_the_others_go_on(go, comparison, place, data):
    failing = replace(place, options={"toy": {"fail": str(data.bags.ids[0])}})
    done = go(comparison, failing)
    assert done.made == 18
    assert 0 < len(done.failures) < 6
    assert done.left == len(done.failures)
    assert "toy, repeat 0, fold" in done.failures[0]
    assert "no inverse" in done.failures[0]
    about = read_about(place.folder(comparison), "toy")
    assert len(about["failures"]) == len(done.failures)
    assert go(comparison, failing).made == len(done.failures)
    assert len(read_about(place.folder(comparison), "toy")["failures"]) == len(done.failures)


def test_damaged_files_are_named(go, comparison, place):
    go(comparison, place)
    folder = place.folder(comparison)
    (folder / "toy.parquet").write_bytes(b"half")
    with pytest.raises(InputError, match=r"toy\.parquet: cannot be read"):
        go(comparison, place)
    (folder / "toy.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"toy\.json: not valid JSON"):
        go(comparison, place)


def test_the_estimate_uses_timed_fits(go, comparison, place):
    before = {work.model: work.seconds for work in survey([comparison], place)}
    assert before["toy"] == 30  # what is assumed of a model that was never timed
    go(comparison, place)
    after = survey([comparison], place)
    assert all(work.left == 0 for work in after)
    assert next(work.seconds for work in after if work.model == "toy") < 10
    again = {work.model: work.left for work in survey([comparison], place, ["toy"])}
    assert again["toy"] > 0
    assert again["prior"] == 0
