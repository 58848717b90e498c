"""The tasks are those that the data's description defines."""

import csv
import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hilbert.benchmark.preparing import prepare
from hilbert.benchmark.tasks import TASKS, documents, is_tuning, score_mask, setting
from hilbert.encoders import installed
from hilbert.errors import InputError, UsageError


def test_a_company_is_for_tuning_when_its_hash_is_divisible_by_four():
    names = [f"C{i}" for i in range(400)] + ["NA"]
    expected = [hashlib.sha256(name.encode()).hexdigest()[-1] in "048c" for name in names]
    assert [is_tuning(name) for name in names] == expected
    assert score_mask(TASKS["maec-a"], np.array(names, dtype=object)).tolist() == [not value for value in expected]
    assert score_mask(TASKS["speechocean762"], np.array(names, dtype=object)).all()


def write_maec(folder: Path, rows):
    (folder / "maec").mkdir(parents=True)
    (folder / "maec" / "segments.parquet").write_bytes(b"not read here")
    with (folder / "maec" / "documents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "group", "date", "segments", "speakers_64", "year"])
        writer.writerows(rows)


def test_documents_of_both_tasks_on_maec(tmp_path):
    rows = [
        ["a", "NA", "2015-01-01", "64", "2", "2015"],
        ["b", "X", "2016-01-01", "63", "", "2016"],
        ["c", "Y", "2016-01-01", "100", "", "2016"],
        ["d", "Y", "2016-01-01", "90", "4+", ""],
    ]
    write_maec(tmp_path, rows)
    found = documents(TASKS["maec-a"], tmp_path)
    assert found.ids.tolist() == ["a", "d"]
    assert found.column("group").tolist() == ["NA", "Y"]
    assert documents(TASKS["maec-b"], tmp_path).ids.tolist() == ["a", "c"]


def test_a_wrong_data_folder_says_what_should_be_there(tmp_path):
    with pytest.raises(InputError, match=r"no such folder.*--data"):
        documents(TASKS["maec-a"], tmp_path / "gone")
    with pytest.raises(InputError, match=r"no manifest.csv, no recordings.*hilbert recipe speechocean762"):
        documents(TASKS["speechocean762"], tmp_path)
    write_maec(tmp_path, [["a", "X", "2015-01-01", "64", "", ""]])
    with pytest.raises(InputError, match="a label in 'speakers_64', found none"):
        documents(TASKS["maec-a"], tmp_path)
    (tmp_path / "maec" / "documents.csv").write_text("id,group\na,X\n", encoding="utf-8")
    with pytest.raises(InputError, match="expected a column 'speakers_64'"):
        documents(TASKS["maec-a"], tmp_path)


def test_names_of_settings():
    assert setting("speechocean762", "whisper-base", "mpnet-base").id == "speechocean762/whisper-base-mpnet-base"
    with pytest.raises(UsageError, match="expected one of maec-a"):
        setting("maec", "praat", "wordllama")
    with pytest.raises(UsageError, match="found prosody with wordllama"):
        setting("maec-a", "prosody", "wordllama")


@pytest.fixture
def public():
    root = os.environ.get("HILBERT_DATA")
    if not root:
        pytest.skip("HILBERT_DATA is not set")
    return Path(root)


@pytest.mark.data
@pytest.mark.parametrize(
    ("task", "count", "groups", "tuning", "classes"),
    [
        ("maec-a", 1105, 611, 270, {"1": 88, "2": 644, "3": 292, "4+": 81}),
        ("maec-b", 1840, 807, 430, {"2015": 352, "2016": 676, "2017": 592, "2018": 220}),
        (
            "speechocean762", 125, 125, 0,
            {"adult_f": 41, "adult_m": 26, "child_m": 24, "youth_f": 14, "child_f": 12, "youth_m": 8},
        ),
    ],
)  # fmt: skip
def test_the_public_corpora_have_the_counts_that_are_published(public, task, count, groups, tuning, classes):
    found = documents(TASKS[task], public)
    companies = found.column("group")
    assert (len(found), len(set(companies))) == (count, groups)
    assert dict(Counter(found.column(TASKS[task].label))) == classes
    assert int((~score_mask(TASKS[task], companies)).sum()) == tuning


@pytest.mark.data
def test_the_public_tables_become_sixty_four_segments_of_both_modalities(public, tmp_path):
    if installed("wordllama") is None:
        pytest.skip("the weight pack wordllama is not installed")
    data = prepare(setting("maec-a", "praat", "wordllama"), public, tmp_path)
    assert set(data.bags.audio.lengths) == set(data.bags.text.lengths) == {64}
    assert (data.bags.audio.dim, data.bags.text.dim) == (29, 256)
    assert (len(data), int(data.score.sum())) == (1105, 835)
    again = prepare(setting("maec-a", "praat", "wordllama"), public, tmp_path)
    assert again.fingerprint() == data.fingerprint()
