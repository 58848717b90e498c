"""MAEC: earnings calls as sentences with Praat features (Li et al., CIKM 2020; CC BY-SA 4.0).

Public layout: ``MAEC_Dataset/<YYYYMMDD_TICKER>/{features.csv,text.txt}``, one line a sentence in both, and
``MAEC_Dataset_Person_Label/<id>/text.csv`` with the person who says each sentence.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hilbert.corpus.recipes.built import Built, read_text, require_folder
from hilbert.errors import InputError, Problem
from hilbert.files import replace_file

ATTRIBUTION = (
    "MAEC: A Multimodal Aligned Earnings Conference Call Dataset for Financial Risk Prediction "
    "(Li et al., CIKM 2020), CC BY-SA 4.0"
)
FIRST = 64  # sentences whose speakers are counted
SHORTEST_DATED = 10  # sentences from which on a document has a year

_NAME = re.compile(r"(\d{4})(\d{2})(\d{2})_(.+)")
_MISSING = frozenset({"", "--undefined--", "nan"})
_HEADER = (
    "Mean pitch,Standard deviation,Minimum pitch,Maximum pitch,Mean intensity,Minimum intensity,"
    "Maximum intensity,Number of pulses,Number of periods,Mean period,Standard deviation of period,Fraction "
    "of unvoiced,"
    "Number of voice breaks,Degree of voice breaks,Jitter local,Jitter local absolute,Jitter rap,Jitter ppq5,"
    "Jitter ddp,Shimmer local,Shimmer local dB,Shimmer apq3,Shimmer apq5,Shimmer apq11,Shimmer dda,"
    "Mean autocorrelation,Mean NHR,Mean HNR,Audio Length"
)
_COLUMNS = _HEADER.split(",")
FEATURES = tuple(name.lower().replace(" ", "_") for name in _COLUMNS)


def build(source: str | Path, out: str | Path, *, progress: Callable[[int, int], None] | None = None) -> Built:
    """Write ``segments.parquet`` and ``documents.csv`` into ``out``.

    ``segments.parquet``: document, segment (0, 1, …), text, and 29 features as float32, null where Praat gave
    none. Features are rounded to half precision, as in the table this project measures on. ``documents.csv``:
    id, group (the company), date, segments, ``speakers_64`` (different persons in the first 64 sentences: 1,
    2, 3, 4+; empty below 64 or without person labels) and year (empty below 10 sentences). A document whose
    files are missing, malformed, or of different numbers of sentences is left out and reported.
    """
    import pyarrow as pa
    from pyarrow import parquet

    source, out = Path(source), Path(out)
    folders = sorted(require_folder(source / "MAEC_Dataset", "the folder MAEC_Dataset of MAEC").iterdir())
    folders = [folder for folder in folders if folder.is_dir()]
    problems: list[Problem] = []
    documents: list[list[str]] = []
    tables: list[Any] = []
    schema = pa.schema(
        [("document", pa.large_string()), ("segment", pa.int16()), ("text", pa.large_string())]
        + [(name, pa.float32()) for name in FEATURES]
    )
    for done, folder in enumerate(folders, start=1):
        try:
            document, texts, values = _document(folder)
            speakers = _speakers(source / "MAEC_Dataset_Person_Label" / folder.name / "text.csv", len(texts))
        except InputError as error:
            problems.append(Problem(folder.name, "", str(error), "the document is left out"))
        else:
            if isinstance(speakers, Problem):
                problems.append(speakers)
            documents.append([*document, speakers if isinstance(speakers, str) else "", _year(document)])
            columns = [pa.array(column, pa.float32(), from_pandas=True) for column in values.T]
            ids, numbers = [folder.name] * len(texts), np.arange(len(texts), dtype=np.int16)
            tables.append(pa.table([ids, numbers, texts, *columns], schema=schema))
        if progress is not None:
            progress(done, len(folders))
    if not documents:
        detail = f"; first: {problems[0]}" if problems else ""
        raise InputError(f"{source}: expected documents of MAEC, found none that can be read{detail}")
    table = pa.concat_tables(tables).combine_chunks()
    with replace_file(out / "segments.parquet") as part:
        parquet.write_table(table, part, compression="zstd", row_group_size=2**20)
    with replace_file(out / "documents.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", "date", "segments", "speakers_64", "year"])
        writer.writerows(documents)
    counts = {
        "documents": len(documents),
        "groups": len({row[1] for row in documents}),
        "segments": table.num_rows,
        "missing values": sum(table[name].null_count for name in FEATURES),
        "labelled": sum(bool(row[4]) for row in documents),
        "left out": sum(problem.fatal for problem in problems),
    }
    return Built((out / "segments.parquet", out / "documents.csv"), counts, ATTRIBUTION, problems)


def _document(folder: Path) -> tuple[list[str], list[str], np.ndarray[Any, np.dtype[np.float32]]]:
    """[id, group, date, segments], the sentences, and (sentences, 29) features, NaN where missing."""
    match = _NAME.fullmatch(folder.name)
    if match is None:
        raise InputError(f"expected a folder called YYYYMMDD_TICKER, found {folder.name}")
    year, month, day, group = match.groups()
    texts = [line.strip() for line in _lines(read_text(folder / "text.txt"))]
    values = _features(read_text(folder / "features.csv"))
    if len(texts) != len(values):
        raise InputError(
            f"expected as many lines in text.txt as rows in features.csv, found {len(texts)} and {len(values)}"
        )
    if not 0 < len(texts) <= np.iinfo(np.int16).max:
        raise InputError(f"expected 1 to {np.iinfo(np.int16).max} sentences, found {len(texts)}")
    return [folder.name, group, f"{year}-{month}-{day}", str(len(texts))], texts, values


def _features(content: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    header, *lines = _lines(content) or [""]
    if [name.strip() for name in header.split(",")] != _COLUMNS:
        raise InputError(
            f"features.csv: expected the {len(_COLUMNS)} columns of MAEC, found {header.count(',') + 1} others"
        )
    values = np.full((len(lines), len(_COLUMNS)), np.nan)
    for row, line in enumerate(lines):
        cells = line.split(",")
        if len(cells) != len(_COLUMNS) and line.strip():
            raise InputError(f"features.csv, line {row + 2}: expected {len(_COLUMNS)} values, found {len(cells)}")
        for column, cell in enumerate(cells if line.strip() else ()):
            if (text := cell.strip()).lower() not in _MISSING:
                values[row, column] = _number(text, row + 2, _COLUMNS[column])
    with np.errstate(over="ignore"):
        half = values.astype(np.float16).astype(np.float32)
    # what half precision cannot hold stays as it is
    return np.where(np.isinf(half), values.astype(np.float32), half)


def _number(text: str, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.inf
    if not np.isfinite(value):
        raise InputError(f"features.csv, line {line}: expected a number or --undefined-- as {column!r}, found neither")
    return value


def _speakers(path: Path, sentences: int) -> str | Problem:
    """The label, "" where there is none by rule, or a warning that goes with an empty label."""
    if not path.is_file():
        return ""
    name = path.parent.name
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
    except csv.Error as error:
        return Problem(name, path.name, f"not readable as CSV ({error})", "the document has no label", fatal=False)
    persons = [(row.get("Person") or "").strip() for row in rows]
    if len(persons) != sentences:
        message = f"expected {sentences} rows as in text.txt, found {len(persons)}"
        return Problem(name, path.name, message, "the document has no label", fatal=False)
    if len(persons) < FIRST:
        return ""
    if not all(persons[:FIRST]):
        message = f"expected a Person in each of the first {FIRST} rows, found an empty one"
        return Problem(name, path.name, message, "the document has no label", fatal=False)
    count = len(set(persons[:FIRST]))
    return str(count) if count < 4 else "4+"


def _year(document: list[str]) -> str:
    return document[2][:4] if int(document[3]) >= SHORTEST_DATED else ""


def _lines(content: str) -> list[str]:
    """Lines, without the empty ones at the end; only \\n ends a line (str.splitlines has a dozen others)."""
    content = content.rstrip("\n")
    return content.split("\n") if content else []
