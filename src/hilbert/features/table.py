"""Import of precomputed segment features: a long table with one row a segment, alone or beside an encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hilbert.corpus.columns import is_number
from hilbert.corpus.document import Cue, Document
from hilbert.corpus.manifest import Corpus
from hilbert.encoders.load import load_text
from hilbert.encoders.protocol import TextEncoder
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import InputError, UsageError
from hilbert.features.extraction import Progress, describe, encoder_sources, run
from hilbert.features.keys import table_key
from hilbert.features.sources import Found, encode_texts
from hilbert.features.store import FeatureStore
from hilbert.segments.segmentation import Segmentation

DOCUMENT, SEGMENT, TEXT = "document", "segment", "text"
MISSING = "missing audio values, imputed inside each training fold"
DROPPED = "words dropped"
CUT = "segments beyond the first ones asked for, left out"
MAX_BYTES = 32 << 30


def import_table(
    table: str | Path,
    manifest: str | Path,
    out: str | Path,
    *,
    audio: Sequence[str] | None = None,
    text: str | EncoderSpec | None = None,
    speech: str | EncoderSpec | None = None,
    first: int | None = None,
    drop_words: str | None = None,
    allow_outside: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> FeatureStore:
    """Make a feature store from a Parquet or CSV table with the columns ``document`` and ``segment`` (0, 1, …).

    audio: names of feature columns (default: every numeric column but those two), kept with their missing values;
    speech: encode the manifest's recordings instead; text: encode the column ``text`` with this encoder; first:
    keep the first so many segments of each document; drop_words: leave out every word in which this regular
    expression is found. Raises InputError for a table that is not of this form; a document of the manifest
    without rows is listed in ``store.problems``.
    """
    rows = _read(Path(table))
    names = [c for c in rows.column_names if c not in (DOCUMENT, SEGMENT, TEXT)] if audio is None else list(audio)
    if audio is None:
        names = [n for n in names if _numeric(rows, n)]
    unknown = [n for n in names if n not in rows.column_names]
    if unknown:
        raise UsageError(f"{table}: no column {unknown[0]!r}; expected some of {', '.join(rows.column_names)}")
    # an empty column of a CSV file has no type
    words = [n for n in names if not _numeric(rows, n) and not pa.types.is_null(rows.schema.field(n).type)]
    if words:
        raise UsageError(f"{table}: expected numbers in {words[0]!r}, found {rows.schema.field(words[0]).type}")
    if speech is not None:
        names = []
    if text is not None and TEXT not in rows.column_names:
        raise UsageError(f"{table}: a text encoder needs the column {TEXT!r}, found {', '.join(rows.column_names)}")
    if not names and text is None:
        raise UsageError(f"{table}: nothing to import: no numeric column, and no text encoder was given")
    corpus = Corpus.from_manifest(manifest, allow_outside=allow_outside, content=speech is not None)
    sources, made = encoder_sources(speech, None, Segmentation(first=first), offline)
    made["table"] = {"audio": names, "first": first, "drop_words": drop_words}
    segments = Segments(rows, first)
    if names:
        sources["audio"] = TableAudio(segments, names)
    if text is not None:
        spec = EncoderSpec.parse(text) if isinstance(text, str) else text
        encoder = load_text(spec, offline=offline)
        sources["text"] = TableText(segments, encoder, _pattern(drop_words))
        made["text"] = describe(spec, encoder.identity)
    store = FeatureStore.create(out, corpus.path, made, content=speech is not None)
    return run(corpus, store, sources, progress, _left_out(rows, names, table) if audio is None else [])


class Segments:
    """The table's rows by document, in order of segment."""

    def __init__(self, rows: pa.Table, first: int | None) -> None:
        self.rows = rows.sort_by([(DOCUMENT, "ascending"), (SEGMENT, "ascending")])
        names = self.rows[DOCUMENT].to_numpy(zero_copy_only=False)
        order = self.rows[SEGMENT].to_numpy(zero_copy_only=False)
        twice = np.flatnonzero((names[1:] == names[:-1]) & (order[1:] == order[:-1]))
        if len(twice):
            where = int(twice[0])
            raise InputError(
                f"segment table: document {names[where]}, segment {order[where]} stands there more than once "
                f"({len(twice)} such rows); expected one row a segment"
            )
        keys, starts, lengths = np.unique(names, return_index=True, return_counts=True)
        self.first = first
        self.places = dict(zip(keys.tolist(), zip(starts.tolist(), lengths.tolist(), strict=True), strict=True))

    def of(self, document: str) -> tuple[pa.Table, int]:
        """The kept rows of a document, and how many segments were left out. Raises InputError without any."""
        if document not in self.places:
            raise InputError("expected rows in the segment table, found none; check the id, or remove the document")
        start, length = self.places[document]
        kept = length if self.first is None else min(length, self.first)
        return self.rows.slice(start, kept), length - kept


@dataclass(frozen=True)
class TableAudio:
    """Feature columns of the table, with their missing values."""

    segments: Segments
    columns: list[str]

    def features(self, document: Document, store: FeatureStore) -> Found | None:
        """(segments, columns); missing values stay missing and are counted."""
        rows, cut = self.segments.of(document.id)
        values = np.stack([rows[c].cast(pa.float64()).to_numpy(zero_copy_only=False) for c in self.columns], axis=1)
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused by the store
            values = values.astype(np.float32)
        key, counts = table_key(values, self.columns), {MISSING: int(np.isnan(values).sum()), CUT: cut}
        known = store.find(key)
        if known is not None:
            return Found(known | {"counts": counts}, False)
        return Found(store.write(key, values, even(len(values)), counts), True)


@dataclass(frozen=True)
class TableText:
    """The table's column of text, encoded; words that match ``drop`` are left out before."""

    segments: Segments
    encoder: TextEncoder
    drop: re.Pattern[str] | None

    def features(self, document: Document, store: FeatureStore) -> Found | None:
        """(segments, width)."""
        rows, _ = self.segments.of(document.id)
        words = [(text or "").split() for text in rows[TEXT].to_pylist()]
        kept = words if self.drop is None else [[w for w in row if not self.drop.search(w)] for row in words]
        dropped = sum(map(len, words)) - sum(map(len, kept))
        cues = [Cue(" ".join(row)) for row in kept]
        return encode_texts(self.encoder, cues, even(len(cues)), store, {DROPPED: dropped})


def _words(rows: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    try:
        return rows[name].cast(pa.large_string() if name == TEXT else pa.string())
    except pa.ArrowException:
        raise InputError(f"{path}: expected text in {name!r}, found {rows.schema.field(name).type}") from None


def _numeric(rows: pa.Table, name: str) -> bool:
    kind = rows.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def even(count: int) -> NDArray[np.float64]:
    """Relative times of evenly spaced segments."""
    return (np.arange(count) + 0.5) / max(count, 1)


def _left_out(rows: pa.Table, names: Sequence[str], table: str | Path) -> list[str]:
    """Name the columns that are not imported. Raises InputError for one of numbers that a few words spoil."""
    others = [n for n in rows.column_names if n not in (DOCUMENT, SEGMENT, TEXT, *names)]
    for name in others:
        words = [str(value).strip() for value in rows[name].to_pylist() if value is not None and str(value).strip()]
        wrong = [word for word in words if not is_number(word)]
        if wrong and len(wrong) < len(words) / 2:
            raise InputError(
                f"{table}: column {name!r} holds {len(words) - len(wrong)} numbers and {len(wrong)} other values (the "
                f"first: {wrong[0]!r}); empty those cells, or name the columns to import with audio_columns"
            )
    return [f"columns of the segment table not imported: {', '.join(others)}"] if others else []


def _pattern(expression: str | None) -> re.Pattern[str] | None:
    try:
        return None if expression is None else re.compile(expression)
    except re.error as error:
        raise UsageError(f"drop_words: expected a regular expression, found {expression!r} ({error})") from None


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(f"{path}: expected a Parquet or CSV table of segments, found no file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path}: expected at most {MAX_BYTES >> 30} GiB, found {path.stat().st_size >> 30}; split it")
    try:
        if path.suffix.lower() == ".csv":
            # ids such as 0001 and words such as NA stay text
            options = pa_csv.ConvertOptions(
                column_types={DOCUMENT: pa.string(), TEXT: pa.string()}, strings_can_be_null=False
            )
            rows = pa_csv.read_csv(path, convert_options=options)
        else:
            rows = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: expected a Parquet or CSV table: {error}") from None
    for name in (DOCUMENT, SEGMENT):
        if name not in rows.column_names:
            raise InputError(f"{path}: expected a column {name!r}, found {', '.join(rows.column_names)}")
    if not pa.types.is_integer(rows.schema.field(SEGMENT).type):
        raise InputError(f"{path}: expected whole numbers in {SEGMENT!r}, found {rows.schema.field(SEGMENT).type}")
    for name in (DOCUMENT, TEXT):
        if name in rows.column_names:
            rows = rows.set_column(rows.column_names.index(name), name, _words(rows, name, path))
    for name, empty in ((DOCUMENT, pc.equal(rows[DOCUMENT], "")), (SEGMENT, pc.is_null(rows[SEGMENT]))):
        count = rows[name].null_count or pc.sum(empty).as_py()
        if count:
            raise InputError(f"{path}: expected a value of {name!r} in every row, found {count} without one")
    return rows
