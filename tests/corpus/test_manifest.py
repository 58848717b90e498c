from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hilbert.corpus import Corpus, read_manifest, tables
from hilbert.errors import ManifestError

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).map(str.strip)
ids = st.from_regex(r"[A-Za-z0-9_.é-]{1,8}", fullmatch=True)
rows = st.lists(st.tuples(ids, values, values), min_size=1, max_size=6, unique_by=lambda row: row[0])

HEADER = ["id", "audio", "label", "group"]


def write_csv(path: Path, header: list[str], table: list[list[str]], encoding: str = "utf-8") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *table])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def problems(path: Path, **options: bool) -> str:
    return "\n".join(map(str, read_manifest(path, **options)[1]))


@same_folder
@given(rows, st.sampled_from(["utf-8", "utf-8-sig"]))
def test_all_formats_give_back_the_text_that_was_written(
    tmp_path: Path, table: list[tuple[str, str, str]], encoding: str
) -> None:
    full = [[id, "a.wav", label, group] for id, label, group in table]
    records = [dict(zip(HEADER, row, strict=True)) for row in full]
    write_csv(tmp_path / "m.csv", HEADER, full, encoding)
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    (tmp_path / "m.jsonl").write_bytes(lines.encode(encoding))
    parquet.write_table(pa.Table.from_pylist(records), tmp_path / "m.parquet")
    for name in ("m.csv", "m.jsonl", "m.parquet"):
        corpus = Corpus.from_manifest(tmp_path / name)
        assert corpus.ids.tolist() == [row[0] for row in table]
        assert corpus.column("label").tolist() == [row[1] or None for row in table]
        assert corpus.column("group").tolist() == [row[2] or None for row in table]


def test_text_stays_text(tmp_path: Path) -> None:
    header = ["id", "text", "label"]
    path = write_csv(tmp_path / "m.csv", header, [["0001", 'Hello, "you"\nthere.', "NA"], ["1e3", "x", " null "]])
    corpus = Corpus.from_manifest(path)
    assert corpus.ids.tolist() == ["0001", "1e3"]
    assert corpus.column("label").tolist() == ["NA", "null"]
    assert corpus.documents[0].text == 'Hello, "you"\nthere.'
    assert corpus["1e3"].cues()[0].text == "x"
    assert corpus.column("id").tolist() == ["0001", "1e3"]


def test_typed_values_become_their_text(tmp_path: Path) -> None:
    table = pa.table(
        {"id": [7, 8], "text": ["a", None], "audio": [None, "x.wav"], "sick": [True, None], "y": [1.5, 2.0]}
    )
    parquet.write_table(table, tmp_path / "m.parquet")
    corpus = Corpus.from_manifest(tmp_path / "m.parquet")
    assert corpus.ids.tolist() == ["7", "8"]
    assert corpus.column("sick").tolist() == ["true", None]
    assert corpus.column("y").tolist() == ["1.5", "2.0"]
    assert corpus["8"].text is None
    (tmp_path / "m.jsonl").write_text('{"id": 1, "text": "a"}\n\n{"id": "b", "text": "c", "extra": null}\n')
    assert Corpus.from_manifest(tmp_path / "m.jsonl").column("extra").tolist() == [None, None]


def test_long_inline_text_is_whole(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    text = "word " * 100_000
    path = write_csv(tmp_path / "m.csv", ["id", "text"], [["a", text]])
    assert Corpus.from_manifest(path).documents[0].text == text.strip()
    assert csv.field_size_limit() == limit


def test_columns_and_selection(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "m.csv", HEADER, [["a", "x.wav", "1", ""], ["b", "y.wav", "2", "g"]])
    corpus = Corpus.from_manifest(path)
    assert (len(corpus), corpus.columns, [d.id for d in corpus]) == (2, ("label", "group"), ["a", "b"])
    assert corpus.select(["b", "a"]).ids.tolist() == ["b", "a"]
    assert corpus["a"].audio == tmp_path / "x.wav"
    with pytest.raises(ManifestError, match="columns label, group, found 'sex'"):
        corpus.column("sex")
    with pytest.raises(ManifestError, match="found 'c', which no row has"):
        corpus.select(["c"])
    with pytest.raises(ManifestError, match="1 repeated"):
        corpus.select(["a", "a"])


def test_files_may_not_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "out.wav").touch()
    (tmp_path / "in" / "link.wav").symlink_to(tmp_path / "out.wav")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    (tmp_path / "in" / "loop").symlink_to("loop")
    outside = [
        "../out.wav",
        str(tmp_path / "out.wav"),
        "link.wav",
        "folder/out.wav",
        "sub/../../out.wav",
        "/etc/passwd",
    ]
    inside = ["a.wav", "sub/../a.wav", str(tmp_path / "in" / "a.wav"), "folder/in/a.wav"]
    table = [[str(n), file] for n, file in enumerate(outside + inside)]
    path = write_csv(tmp_path / "in" / "m.csv", ["id", "audio"], table)
    documents, found = read_manifest(path)
    assert [d.id for d in documents] == [str(n) for n in range(len(outside), len(table))]
    assert [p.document for p in found] == [str(n) for n in range(len(outside))]
    assert all("--allow-outside" in p.hint for p in found)
    assert len(Corpus.from_manifest(path, allow_outside=True)) == len(table)
    assert Corpus.from_manifest(path, allow_outside=True)["2"].audio == tmp_path / "in" / "link.wav"
    looped = write_csv(tmp_path / "in" / "l.csv", ["id", "audio"], [["a", "loop/x.wav"]])
    read_manifest(looped)  # an error or a path that does not exist, but no exception
    linked = tmp_path / "m.csv"
    linked.symlink_to(path)
    assert "../out.wav" in problems(linked)


def test_every_problem_at_once(tmp_path: Path) -> None:
    table = [
        ["", "a.wav", "", ""],
        ["a", "a.wav", "", ""],
        ["a ", "b.wav", "", ""],
        ["b", "", "", ""],
        ["c", "", "c.vtt", "and text"],
        ["d", "https://example.org/d.wav", "", ""],
        ["e", "a\0b.wav", "", ""],
        ["f\n", "a.wav", "", ""],
        ["g\nh", "a.wav", "", ""],
        ["i", "a.wav"],
        ["j" * 501, "a.wav", "", ""],
    ]
    path = write_csv(tmp_path / "m.csv", ["id", "audio", "transcript", "text"], table)
    with pytest.raises(ManifestError) as caught:
        Corpus.from_manifest(path)
    message = str(caught.value)
    for part in (
        "9 problems",
        "line 2: expected an id, found an empty one",
        "line 4: expected every id once, found 'a' in line 3",
        "line 5: expected audio, transcript or text, found none",
        "line 6: expected a transcript or a text, found both",
        "document d: ",
        "found an address",
        "document e: ",
        "control characters",
        "line 11: expected an id of at most 500 printable",
        "line 13: expected 4 values, found 2",
        "line 14: expected an id of at most 500 printable",
    ):
        assert part in message
    assert [d.id for d in read_manifest(path)[0]] == ["a", "f"]


def test_twenty_problems_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "m.csv", ["id", "audio"], [["a", ""]] * 33)
    with pytest.raises(ManifestError) as caught:
        Corpus.from_manifest(path)
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (22, "  … and 45 more")
    assert "65 problems" in lines[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", b"id|audio\na|b.wav\n", "expected a column id, found none among 1"),
        ("m.csv", b"ID,audio\na,b.wav\n", "expected a column id, found 'ID' → names are case-sensitive"),
        ("m.csv", b"id,label\na,b\n", "expected a column audio, transcript or text"),
        ("m.csv", b"id,audio,audio\na,b,c\n", "found one for the columns 2 and 3"),
        ("m.csv", b"id,audio,\na,b,c\n", "none for column 3"),
        ("m.csv", b"id,audio\n", "a header without rows"),
        ("m.csv", b"", "found an empty file"),
        ("m.csv", b'id,audio\na,"b.wav\n', "line 2: not readable as CSV"),
        ("m.csv", b'id,audio\na,"b"c\n', "line 2: not readable as CSV"),
        ("m.csv", b"id,audio\na,caf\xe9.wav\n", "byte 0xe9 at position 14"),
        (
            "m.jsonl",
            b'{"id": "a", "audio": "b", "id": "c"}',
            "line 1: not readable as JSON (a name stands twice",
        ),
        ("m.jsonl", b'{"id": "a", "audio": "b"}\n[1]', "line 2: expected an object, found list"),
        ("m.jsonl", b'{"id": "a", "audio": "b"', "line 1: not readable as JSON"),
        ("m.jsonl", b'{"id": "a", "audio": ["b"]}', "column 'audio', found list"),
        ("m.jsonl", b'{"id": "a", "audio": "b", "y": NaN}', "NaN is no JSON"),
        ("m.jsonl", b'{"id": "a", "text": "\\ud800"}', "half a surrogate pair"),
        ("m.jsonl", b"[" * 100_000, "line 1: not readable as JSON"),
        ("m.jsonl", b"", "found an empty file"),
        ("m.parquet", b"PAR1nothing", "expected a Parquet file"),
        ("m.xlsx", b"PK", "expected a manifest as .csv, .jsonl or .parquet"),
        ("m.tsv", b"id\taudio\n", "found '.tsv'"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        Corpus.from_manifest(tmp_path / name)
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_first_line_without_names_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("d1,I cannot sleep,case\nd2,I am well,control\n", encoding="utf-8")
    with pytest.raises(ManifestError, match="begins with its columns' names: id,audio") as caught:
        Corpus.from_manifest(tmp_path / "m.csv")
    assert "sleep" not in str(caught.value)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_columns_as_spreadsheets_separate_them(tmp_path: Path, mark: str) -> None:
    rows = [["id", "text", "y"], ["a", '"Yes, yes; and so on."', "x"], ["b", "No.", ""]]
    (tmp_path / "m.csv").write_text("".join(mark.join(row) + "\r\n" for row in rows), encoding="utf-8")
    corpus = Corpus.from_manifest(tmp_path / "m.csv")
    assert [document.text for document in corpus] == ["Yes, yes; and so on.", "No."]
    assert corpus.column("y").tolist() == ["x", None]


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    with path.open("wb") as file:
        file.truncate(tables.MAX_BYTES + 1)
    with pytest.raises(ManifestError, match="at most 1 GiB"):
        Corpus.from_manifest(path)
    write_csv(path, ["id", "audio", *map(str, range(tables.MAX_COLUMNS))], [])
    with pytest.raises(ManifestError, match="at most 10,000 columns, found 10,002"):
        Corpus.from_manifest(path)
    with pytest.raises(ManifestError, match="found no file"):
        Corpus.from_manifest(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ManifestError, match="found a folder"):
        Corpus.from_manifest(tmp_path / "folder.csv")


def test_a_relative_manifest_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "m.csv", ["id", "audio"], [["a", "x.wav"]])
    monkeypatch.chdir(tmp_path)
    audio = Corpus.from_manifest("m.csv")["a"].audio
    os.chdir("/")
    assert audio == tmp_path / "x.wav"
    assert audio.is_absolute()
