"""Read a table (CSV, JSON Lines or Parquet) as rows of text: no value is interpreted, 'NA' stays 'NA'."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hilbert.errors import ManifestError, Problem

MAX_BYTES = 2**30
MAX_COLUMNS = 10_000
MAX_FIELD = 64 * 2**20

_field_limit_lock = threading.Lock()


@dataclass(frozen=True)
class Table:
    """``columns`` in the order of the file; ``rows`` as (where it stands, {column: text}), "" where empty.

    ``problems`` are rows and values that break the format.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, dict[str, str]]]
    problems: list[Problem] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """The table at ``path``, by suffix: .csv, .jsonl or .ndjson, .parquet.

    Raises ManifestError where no table can be had at all: not there, over 1 GiB or 10,000 columns, no such
    format.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ManifestError(
            f"{path}: expected a manifest as .csv, .jsonl or .parquet, found {path.suffix or 'no suffix'!r}; "
            "save the table in one of these formats"
        )
    try:
        if not path.is_file():
            raise ManifestError(f"{path}: expected a manifest, found {'a folder' if path.is_dir() else 'no file'}")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ManifestError(
                f"{path}: expected a manifest of at most {MAX_BYTES // 2**30} GiB, found {size / 2**30:.1f} "
                "GiB; "
                "keep long texts in transcript files and features in a table of their own"
            )
        return reader(path)
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None


def _csv(path: Path) -> Table:
    text = _utf8(path)
    problems: list[Problem] = []
    rows: list[tuple[str, dict[str, str]]] = []
    columns: tuple[str, ...] = ()
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
        line = 1
        try:
            for values in reader:
                where, line = f"line {line}", reader.line_num + 1
                if not values:
                    continue  # an empty line is no row
                if not columns:
                    columns = _header([value.strip() for value in values], path)
                elif len(values) != len(columns):
                    problems.append(
                        Problem(
                            "",
                            str(path),
                            f"{where}: expected {len(columns)} values, found {len(values)}",
                            "put values that hold the separator, quotes or line breaks in double quotes",
                        )
                    )
                else:
                    rows.append((where, dict(zip(columns, values, strict=True))))
        except csv.Error as error:
            hint = "a quoted value must be closed, and quotes within it doubled"
            problems.append(Problem("", str(path), f"line {line}: not readable as CSV ({error})", hint))
    if not columns and not problems:
        raise ManifestError(f"{path}: expected a header with the names of the columns, found an empty file")
    return Table(columns, rows, problems)


def _delimiter(text: str) -> str:
    """What separates the columns: the comma, or what a header without any has: many a spreadsheet writes semicolons."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")


def _jsonl(path: Path) -> Table:
    problems: list[Problem] = []
    rows: list[tuple[str, dict[str, str]]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(_utf8(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            record = json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            problems.append(
                Problem("", str(path), f"{where}: not readable as JSON ({error.msg}, column {error.colno})")
            )
            continue
        except (ValueError, RecursionError) as error:
            detail = error if isinstance(error, ValueError) else "nested too deeply"
            problems.append(Problem("", str(path), f"{where}: not readable as JSON ({detail})"))
            continue
        if not isinstance(record, dict):
            problems.append(Problem("", str(path), f"{where}: expected an object, found {type(record).__name__}"))
            continue
        columns |= dict.fromkeys(record)
        row, bad = _texts(record)
        problems += [Problem("", str(path), f"{where}: {message}") for message in bad]
        rows.append((where, row))
    names = _header(list(columns), path) if columns else ()
    if not names and not problems:
        raise ManifestError(f"{path}: expected one JSON object a line, found an empty file")
    return Table(names, [(where, {name: row.get(name, "") for name in names}) for where, row in rows], problems)


def _parquet(path: Path) -> Table:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
        if size > 4 * MAX_BYTES:
            raise ManifestError(f"{path}: expected at most 4 GiB of values, found {size / 2**30:.1f} GiB")
        columns = _header(list(file.schema_arrow.names), path)
        records = [record for batch in file.iter_batches() for record in batch.to_pylist()]
    except pyarrow.ArrowException as error:
        kind = type(error).__name__
        raise ManifestError(f"{path}: expected a Parquet file, found one that cannot be read ({kind})") from None
    problems: list[Problem] = []
    rows: list[tuple[str, dict[str, str]]] = []
    for number, record in enumerate(records, start=1):
        row, bad = _texts(record)
        problems += [Problem("", str(path), f"row {number}: {message}") for message in bad]
        rows.append((f"row {number}", row))
    return Table(columns, rows, problems)


def _header(names: list[str], path: Path) -> tuple[str, ...]:
    if len(names) > MAX_COLUMNS:
        raise ManifestError(f"{path}: expected at most {MAX_COLUMNS:,} columns, found {len(names):,}")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = " and ".join(str(place + 1) for place, name in enumerate(names) if name == twice)
        raise ManifestError(f"{path}: expected one column of each name, found one for the columns {places}")
    if "" in names:
        raise ManifestError(f"{path}: expected a name for every column, found none for column {names.index('') + 1}")
    return tuple(names)


def _texts(record: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Values as text ("" for null, "true", "1", "2015-02-26"), and a message for each value that is none."""
    row, bad = {}, []
    for name, value in record.items():
        row[name] = ""
        if isinstance(value, list | dict | tuple | bytes):
            bad.append(f"expected text or a number in column {name!r}, found {type(value).__name__}")
        elif isinstance(value, bool):
            row[name] = str(value).lower()
        elif value is not None:
            row[name] = str(value)
            if any("\ud800" <= character <= "\udfff" for character in row[name]):
                row[name] = ""
                bad.append(f"expected text in column {name!r}, found half a surrogate pair")
    return row, bad


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return record


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON; write null")


def _utf8(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{content[error.start]:02x} at position {error.start}"
        raise ManifestError(f"{path}: expected UTF-8 text, found {byte}; save the table as UTF-8") from None


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the csv module read values of up to 64 MiB; its limit is one for the whole process."""
    with _field_limit_lock:
        before = csv.field_size_limit(MAX_FIELD)
        try:
            yield
        finally:
            csv.field_size_limit(before)


READERS = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet, ".pq": _parquet}
"""Suffix → what reads a manifest of this format."""
