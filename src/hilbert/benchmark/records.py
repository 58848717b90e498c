"""Finished folds of one model in one setting: a Parquet file of probabilities and a JSON file about the fits.

    <setting>/<model>.parquet   variant ("" is the model itself), repeat, fold, document, decided, p_<class> as float32
    <setting>/<model>.json      key, parameters, each fit's seconds and date, notes, failures, environments

Both are written whole after every fit. A fold counts when both hold it, so a run may be killed at any instant.
Probabilities up to .9 are rounded to 17 significant bits (one part in 130,000), which saves a quarter of the bytes
and no rank that means anything; those above keep all bits of float32, so that the sure ones stay apart. ``decided`` is
the number of the class that a model decides for; files of earlier fits lack it, and then the most probable one counts.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import InputError, UsageError
from hilbert.evaluation.fitting import Outcome
from hilbert.evaluation.setting import describe_environment
from hilbert.files import read_json, replace_file, write_text
from hilbert.splits import Split

Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Fold = tuple[int, int]


class Kept(NamedTuple):
    """One fold: its documents and, of each variant, probabilities (documents, classes) and decisions (documents,)."""

    documents: list[str]
    proba: dict[str, Floats32]
    decided: dict[str, Ints]


@dataclass
class Records:
    """All that is stored of one model: ``about`` and, for each (repeat, fold), documents with what was predicted."""

    path: Path
    name: str
    classes: list[str]
    about: dict[str, Any] = field(default_factory=dict)
    folds: dict[Fold, Kept] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, name: str, classes: list[str], about: dict[str, Any]) -> Records:
        """Read what is there, or begin. ``about`` holds the ``key`` and what a reader should know of the model.

        Raises UsageError where the files were made by another model, other options, data, folds or seed.
        """
        records = cls(folder / f"{name}.parquet", name, classes, {**about, **_nothing()})
        there = read_about(folder, name)
        if there is None:
            return records
        if there.get("key") != about["key"]:
            raise UsageError(
                f"{records.json}: was computed with other options, data, folds or seed (its key is "
                f"{there.get('key')!r}, now {about['key']!r}); remove it and {records.path.name}, choose another "
                f"--out, or compute it again with --redo {name}"
            )
        records.about = {**there, **about}
        records.folds = _read_folds(records.path)
        known = {(fit["repeat"], fit["fold"]) for fit in records.about["fits"]}
        records.folds = {fold: found for fold, found in records.folds.items() if fold in known}
        records.about["fits"] = [f for f in records.about["fits"] if (f["repeat"], f["fold"]) in records.folds]
        return records

    @property
    def json(self) -> Path:
        """The file about the fits."""
        return self.path.with_suffix(".json")

    @property
    def done(self) -> set[Fold]:
        """The folds that need not be computed."""
        return set(self.folds)

    def add(self, split: Split, documents: list[str], outcome: Outcome) -> None:
        """Keep one finished fit and write both files."""
        order = sorted(range(len(documents)), key=documents.__getitem__)
        proba = {_variant(self.name, key): _rounded(values[order]) for key, values in outcome.proba.items()}
        said = {_variant(self.name, key): numbers[order] for key, numbers in outcome.decided.items()}
        decided = {key: said.get(key, values.argmax(axis=1)) for key, values in proba.items()}
        self.folds[split.repeat, split.fold] = Kept(
            [documents[row] for row in order], dict(sorted(proba.items())), dict(sorted(decided.items()))
        )
        fit = {
            "repeat": split.repeat,
            "fold": split.fold,
            "seconds": round(outcome.seconds, 3),
            "parameters": outcome.parameters,
            "train": len(split.train),
            "test": len(split.test),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": self._environment(),
        }
        self.about["fits"] = sorted([*self.about["fits"], fit], key=lambda row: (row["repeat"], row["fold"]))
        self.about["failures"] = [f for f in self.about["failures"] if (f["repeat"], f["fold"]) not in self.folds]
        self.about["notes"] = dict(sorted((Counter(self.about["notes"]) + Counter(outcome.notes)).items()))
        self._write_folds()
        self._write_about()

    def fail(self, split: Split, message: str) -> None:
        """Keep why a fit failed; it is tried again by the next run."""
        others = [f for f in self.about["failures"] if (f["repeat"], f["fold"]) != (split.repeat, split.fold)]
        self.about["failures"] = [*others, {"repeat": split.repeat, "fold": split.fold, "message": message}]
        self._write_about()

    def _environment(self) -> int:
        """The number of this machine and these versions among those the fits were made with."""
        device = self.about.get("parameters", {}).get("device", "cpu")
        now = {key: value for key, value in describe_environment(device).items() if key != "date"}
        if now not in self.about["environments"]:
            self.about["environments"].append(now)
        return int(self.about["environments"].index(now))

    def _write_about(self) -> None:
        # a line a fit: indented JSON of 25 fits would be longer than their predictions
        rows = {key: value for key, value in self.about.items() if key != "fits"}
        fits = ",\n  ".join(json.dumps(fit, ensure_ascii=False, allow_nan=False) for fit in self.about["fits"])
        head = json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(
            self.json, f'{head[:-2]},\n "fits": [\n  {fits}\n ]\n}}\n' if fits else f'{head[:-2]},\n "fits": []\n}}\n'
        )

    def _write_folds(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, list[Any]] = {"variant": [], "repeat": [], "fold": [], "document": [], "decided": []}
        tables = []
        for (repeat, fold), (documents, proba, decided) in sorted(self.folds.items()):
            rows = len(documents) * len(proba)
            columns["repeat"] += [repeat] * rows
            columns["fold"] += [fold] * rows
            # all variants of a document side by side: its id then takes next to nothing
            columns["document"] += [document for document in documents for _ in proba]
            columns["variant"] += list(proba) * len(documents)
            columns["decided"] += np.stack([decided[key] for key in proba], axis=1).reshape(rows).tolist()
            tables.append(np.stack(list(proba.values()), axis=1).reshape(rows, len(self.classes)))
        whole = np.concatenate(tables)
        text, small = pa.string(), pa.int16()
        arrays: dict[str, Any] = {
            key: pa.array(values, text if key in ("variant", "document") else small) for key, values in columns.items()
        }
        arrays |= {f"p_{name}": pa.array(whole[:, c]) for c, name in enumerate(self.classes)}
        with replace_file(self.path) as temporary:
            pq.write_table(
                pa.table(arrays), temporary, compression="zstd", compression_level=9, write_statistics=False,
                use_dictionary=list(columns), use_byte_stream_split=[f"p_{name}" for name in self.classes],
            )  # fmt: skip


def _nothing() -> dict[str, Any]:
    return {"notes": {}, "failures": [], "environments": [], "fits": []}


def read_about(folder: Path, name: str) -> dict[str, Any] | None:
    """The JSON file of a model, None where there is none. Raises InputError for one that cannot be read."""
    holds = ("key", "fits", "notes", "failures", "environments")
    return read_json(folder / f"{name}.json", holds, "hilbert benchmark", "remove it to compute this model again")


def remove(folder: Path, name: str) -> None:
    """Forget a model, so that it is computed again."""
    for suffix in (".json", ".parquet"):
        (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _read_folds(path: Path) -> dict[Fold, Kept]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return {}
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it and its .json to compute it again") from None
    names = [name for name in table.column_names if name.startswith("p_")]
    whole = np.stack([table[name].to_numpy() for name in names], axis=1).astype(np.float32)
    variant, document = (np.array(table[key].to_pylist(), dtype=np.str_) for key in ("variant", "document"))
    repeat, fold = (table[key].to_numpy() for key in ("repeat", "fold"))
    said = table["decided"].to_numpy() if "decided" in table.column_names else whole.argmax(axis=1)
    found: dict[Fold, Kept] = {}
    for r, f in sorted(set(zip(repeat.tolist(), fold.tolist(), strict=True))):
        inside = (repeat == r) & (fold == f)
        proba, decided, listed = {}, {}, []
        for v in sorted(set(variant[inside].tolist())):
            rows = np.flatnonzero(inside & (variant == v))
            listed.append(document[rows].tolist())
            proba[v], decided[v] = whole[rows], said[rows].astype(np.int64)
        if any(documents != listed[0] for documents in listed):
            raise InputError(f"{path}: the variants of repeat {r}, fold {f} name other documents; remove the file")
        found[r, f] = Kept(listed[0], proba, decided)
    return found


def _rounded(values: NDArray[np.float64]) -> Floats32:
    mantissa, exponent = np.frexp(values)
    short = np.ldexp(np.round(mantissa * 2**17) / 2**17, exponent)
    return np.where(values <= 0.9, short, values).astype(np.float32)


def _variant(name: str, key: str) -> str:
    """ "" for the model itself, "moe" for "gmc (moe)"."""
    return "" if key == name else key.removeprefix(f"{name} (").removesuffix(")")
