from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from hilbert.corpus.recipes import RECIPES
from hilbert.corpus.recipes.maec import _COLUMNS, FEATURES
from hilbert.errors import InputError

build = RECIPES["maec"]


def write_document(source: Path, name: str, sentences: int, persons: int = 2, rows: int | None = None) -> None:
    folder = source / "MAEC_Dataset" / name
    folder.mkdir(parents=True)
    (folder / "text.txt").write_text("".join(f"Sentence {n}’s end. \n" for n in range(sentences)))
    values = [f"{n + 0.125} ," + ",".join(["--undefined--"] * 27) + f",{n}.5" for n in range(rows or sentences)]
    (folder / "features.csv").write_text("\n".join([",".join(_COLUMNS), *values, ""]))
    if persons:
        label = source / "MAEC_Dataset_Person_Label" / name / "text.csv"
        label.parent.mkdir(parents=True)
        lines = [f'Person{min(n, persons - 1)},"Sentence {n}.\n"' for n in range(sentences)]
        label.write_text("\n".join(["Person,Sentence", *lines, ""]))


def documents(out: Path) -> list[dict[str, str]]:
    with (out / "documents.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_small_documents(tmp_path: Path) -> None:
    for name, sentences, persons in [
        ("20150102_NA", 64, 5),
        ("20160304_A_B", 64, 3),
        ("20160305_C", 63, 2),
        ("20170506_D", 9, 1),
        ("20170507_E", 70, 0),
    ]:
        write_document(tmp_path, name, sentences, persons)
    built = build(tmp_path, tmp_path / "out")
    assert documents(tmp_path / "out") == [
        dict(zip(["id", "group", "date", "segments", "speakers_64", "year"], row, strict=True))
        for row in [
            ("20150102_NA", "NA", "2015-01-02", "64", "4+", "2015"),
            ("20160304_A_B", "A_B", "2016-03-04", "64", "3", "2016"),
            ("20160305_C", "C", "2016-03-05", "63", "", "2016"),
            ("20170506_D", "D", "2017-05-06", "9", "", ""),
            ("20170507_E", "E", "2017-05-07", "70", "", "2017"),
        ]
    ]
    table = parquet.read_table(tmp_path / "out" / "segments.parquet")
    assert table["segment"].to_pylist()[60:66] == [60, 61, 62, 63, 0, 1]
    assert table["text"][3].as_py() == "Sentence 3’s end."
    assert table["mean_pitch"].to_pylist()[:3] == [0.125, 1.125, 2.125]
    assert table["audio_length"].null_count == 0
    assert table["mean_hnr"].null_count == table.num_rows == 270
    assert (built.counts["documents"], built.counts["groups"], built.counts["segments"]) == (5, 5, 270)
    assert (built.counts["missing values"], built.counts["labelled"], built.counts["left out"]) == (
        7290,
        2,
        0,
    )
    before = [file.read_bytes() for file in built.files]
    assert [file.read_bytes() for file in build(tmp_path, tmp_path / "out").files] == before
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["documents.csv", "segments.parquet"]


def test_persons_after_the_first_64_sentences_do_not_count(tmp_path: Path) -> None:
    write_document(tmp_path, "20150101_X", 70, persons=2)
    label = tmp_path / "MAEC_Dataset_Person_Label" / "20150101_X" / "text.csv"
    lines = label.read_text().split("\n")
    at = lines.index('Person1,"Sentence 64.')
    label.write_text("\n".join([*lines[:at], 'Person9,"Sentence 64.', *lines[at + 1 :]]))
    build(tmp_path, tmp_path / "out")
    assert documents(tmp_path / "out")[0]["speakers_64"] == "2"
    label.write_text("\n".join(lines).replace('Person1,"Sentence 63.', 'Person9,"Sentence 63.'))
    build(tmp_path, tmp_path / "out")
    assert documents(tmp_path / "out")[0]["speakers_64"] == "3"


def test_what_does_not_fit_is_left_out_and_reported(tmp_path: Path) -> None:
    source = tmp_path / "MAEC_Dataset"
    for number in range(7):
        write_document(tmp_path, f"2015010{number + 1}_X", 12)
    write_document(tmp_path, "20150109_LONG", 12, rows=13)
    (source / "20150102_X" / "features.csv").unlink()
    (source / "20150103_X" / "text.txt").write_bytes(b"caf\xe9\n" * 12)
    features = (source / "20150104_X" / "features.csv").read_text()
    (source / "20150104_X" / "features.csv").write_text(features.replace("3.125", "many"))
    (source / "20150105_X" / "features.csv").write_text(features.replace("3.125 ,", "3.125,0,"))
    (source / "20150106_X" / "features.csv").write_text(features.replace("Mean pitch", "pitch"))
    (tmp_path / "MAEC_Dataset_Person_Label" / "20150107_X" / "text.csv").write_text("Person,Sentence\nA,b\n")
    (source / "notes").mkdir()
    built = build(tmp_path, tmp_path / "out")
    assert [row["id"] for row in documents(tmp_path / "out")] == ["20150101_X", "20150107_X"]
    assert [(problem.document, problem.fatal) for problem in built.problems] == [
        ("20150102_X", True),
        ("20150103_X", True),
        ("20150104_X", True),
        ("20150105_X", True),
        ("20150106_X", True),
        ("20150107_X", False),
        ("20150109_LONG", True),
        ("notes", True),
    ]
    text = "\n".join(map(str, built.problems))
    for part in (
        "features.csv: cannot be read",
        "byte 0xe9 at position 3",
        "line 5: expected a number or --undefined-- as 'Mean pitch'",
        "line 5: expected 29 values, found 30",
        "expected the 29 columns of MAEC",
        "expected 12 rows as in text.txt, found 1",
        "as many lines in text.txt as rows in features.csv, found 12 and 13",
        "YYYYMMDD_TICKER, found notes",
    ):
        assert part in text
    assert built.counts["left out"] == 7


def test_values_beyond_half_precision_are_kept(tmp_path: Path) -> None:
    write_document(tmp_path, "20150101_X", 3)
    file = tmp_path / "MAEC_Dataset" / "20150101_X" / "features.csv"
    file.write_text(file.read_text().replace("0.125 ,", "100000 ,").replace("1.125 ,", "253.402 ,"))
    build(tmp_path, tmp_path / "out")
    table = parquet.read_table(tmp_path / "out" / "segments.parquet")
    assert table["mean_pitch"].to_pylist() == [100_000.0, 253.375, 2.125]


def test_no_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no such folder"):
        build(tmp_path, tmp_path / "out")
    (tmp_path / "MAEC_Dataset" / "notes").mkdir(parents=True)
    with pytest.raises(InputError, match="found none that can be read; first: document notes"):
        build(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_the_public_layout_gives_the_given_tables(tmp_path: Path) -> None:
    root = os.environ.get("HILBERT_DATA")
    if not root:
        pytest.skip("HILBERT_DATA is not set")
    given = Path(root) / "maec"
    built = build(Path(root) / "original_layouts" / "MAEC", tmp_path)
    assert built.problems == []
    table = parquet.read_table(tmp_path / "segments.parquet")
    assert tuple(table.column_names[3:]) == FEATURES
    ids = pc.unique(table["document"])
    expected = parquet.read_table(given / "segments.parquet", filters=pc.field("document").isin(ids)).combine_chunks()
    assert table.schema.equals(expected.schema)
    assert table.combine_chunks().equals(expected)
    assert np.isfinite(table["audio_length"].to_numpy()).all()
    wanted = set(ids.to_pylist())
    rows = [row for row in documents(given) if row["id"] in wanted]
    assert len(rows) == 3
    assert documents(tmp_path) == rows
