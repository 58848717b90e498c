"""Finished fits of one model in one case: a Parquet file in long form, its head in the schema's metadata.

    studies/<study>/<case>/<model>.parquet     repeat, fold, target, variant, document, column, value (float32)
    studies/<study>/<case>/case.json           what the case is; documents.parquet: groups and labels

A model's file is written whole after every fit, head and rows at once, so a run may be killed at any instant.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.studies.case import Found, Table
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.setting import describe_environment
from hilbert.files import replace_file
from hilbert.splits import Split

Fold = tuple[int, int]
HEAD = b"hilbert"
TEXT = ("target", "variant", "document", "column")


@dataclass
class Stored:
    """All that is stored of one model in one case: ``about`` and the tables of each (repeat, fold)."""

    path: Path
    about: dict[str, Any]
    folds: dict[Fold, list[Table]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, about: dict[str, Any]) -> Stored:
        """Read what is there, or begin. Raises UsageError where it was made with other options, data or folds."""
        head = read_head(path)
        if head is None:
            return cls(path, {**about, "fits": [], "notes": {}, "failures": []})
        require_key(path, head, about["key"])
        return cls(path, {**head, **about}, _read(path))

    @property
    def done(self) -> set[Fold]:
        """The folds that need not be computed."""
        return set(self.folds)

    def add(self, split: Split, found: Found) -> None:
        """Keep one finished fit and write the file."""
        place = split.repeat, split.fold
        self.folds[place] = found.tables
        fit = {
            "repeat": split.repeat,
            "fold": split.fold,
            "seconds": round(found.seconds, 3),
            "parameters": found.parameters,
            "train": len(split.train),
            "unlabelled": len(split.unlabelled),
            "test": len(split.test),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        others = [f for f in self.about["fits"] if (f["repeat"], f["fold"]) != place]
        self.about["fits"] = sorted([*others, fit], key=lambda row: (row["repeat"], row["fold"]))
        self.about["failures"] = [f for f in self.about["failures"] if tuple(f[:2]) != place]
        self.about["notes"] = dict(sorted((Counter(self.about["notes"]) + Counter(found.notes)).items()))
        device = self.about.get("parameters", {}).get("device", "cpu")
        self.about["environment"] = {k: v for k, v in describe_environment(device).items() if k != "date"}
        self._write()

    def fail(self, split: Split, message: str) -> None:
        """Keep why a fit failed; the next run tries it again."""
        place = [split.repeat, split.fold]
        self.about["failures"] = [*(f for f in self.about["failures"] if f[:2] != place), [*place, message]]
        self._write()

    def _write(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, list[Any]] = {key: [] for key in ("repeat", "fold", *TEXT)}
        values = [np.zeros(0, np.float32)]
        for (repeat, fold), tables in sorted(self.folds.items()):
            for table in tables:
                rows, width = table.values.shape
                columns["repeat"] += [repeat] * (rows * width)
                columns["fold"] += [fold] * (rows * width)
                columns["target"] += [table.target] * (rows * width)
                columns["variant"] += [table.variant] * (rows * width)
                columns["document"] += [id for id in table.documents for _ in range(width)]
                columns["column"] += list(table.columns) * rows
                values.append(table.values.astype(np.float32).reshape(-1))
        arrays: dict[str, Any] = {
            key: pa.array(column, pa.string() if key in TEXT else pa.int16()) for key, column in columns.items()
        }
        arrays["value"] = pa.array(np.concatenate(values))
        head = json.dumps(self.about, ensure_ascii=False, allow_nan=False).encode()
        table = pa.table(arrays).replace_schema_metadata({HEAD: head})
        with replace_file(self.path) as temporary:
            pq.write_table(
                table, temporary, compression="zstd", compression_level=9, write_statistics=False,
                use_dictionary=list(columns), use_byte_stream_split=["value"],
            )  # fmt: skip


def require_key(path: Path, head: dict[str, Any], key: str) -> None:
    """Raise UsageError where stored fits were made otherwise."""
    if head["key"] != key:
        raise UsageError(
            f"{path}: was computed with other options, data, folds or seed (its key is {head['key']!r}, now "
            f"{key!r}); remove it, choose another --out, or compute it again with --redo {path.stem}"
        )


def read_head(path: Path) -> dict[str, Any] | None:
    """A model's key, fits and notes without its values, None where there is no file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {})[HEAD])
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected fits of a study, and cannot read them ({error}); remove it") from None
    return found


def _read(path: Path) -> dict[Fold, list[Table]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    text = {key: np.array(table[key].to_pylist(), dtype=object) for key in TEXT}
    numbers = {key: table[key].to_numpy() for key in ("repeat", "fold", "value")}
    keys = [numbers["repeat"], numbers["fold"], text["target"], text["variant"]]
    found: dict[Fold, list[Table]] = {}
    # tables lie one after another; a new one begins where any of its names changes
    starts = [0] if len(table) else []
    if len(table):
        changed = np.zeros(len(table) - 1, dtype=bool)
        for key in keys:
            changed |= key[1:] != key[:-1]
        starts += (np.flatnonzero(changed) + 1).tolist()
    for start, end in zip(starts, [*starts[1:], len(table)], strict=True):
        columns = list(dict.fromkeys(text["column"][start:end].tolist()))
        documents = text["document"][start : end : len(columns)].tolist()
        values: NDArray[np.float64] = numbers["value"][start:end].astype(np.float64).reshape(-1, len(columns))
        target, variant = str(text["target"][start]), str(text["variant"][start])
        place = int(numbers["repeat"][start]), int(numbers["fold"][start])
        found.setdefault(place, []).append(Table(target, variant, documents, columns, values))
    return found
