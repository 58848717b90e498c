"""Out-of-fold probabilities of all models: the one table that every number of a result is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Strings = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Every scored document, predicted once in every repeat by every model.

    ``documents``, ``groups`` ("" where a document has none) and ``labels``: (docs,), sorted by document;
    ``folds``: (repeats, docs); ``proba``: model → (repeats, docs, classes), in the order of ``classes``; ``decided``:
    model → (repeats, docs) class numbers that it decides for; the most probable ones where it is not said.
    """

    classes: tuple[str, ...]
    documents: Strings
    groups: Strings
    labels: Strings
    folds: Ints
    proba: Mapping[str, Floats]
    decided: Mapping[str, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (*self.folds.shape, len(self.classes))
        for model, values in self.proba.items():
            if values.shape != shape:
                raise InputError(f"predictions of {model}: expected shape {shape}, found {values.shape}")
            if not np.isfinite(values).all():
                raise InputError(f"predictions of {model}: a document has no prediction, or one that is not finite")
        for model, numbers in self.decided.items():
            if numbers.shape != shape[:2] or not ((numbers >= 0) & (numbers < shape[2])).all():
                raise InputError(f"decisions of {model}: expected a class number below {shape[2]} for each {shape[:2]}")

    def decisions(self, model: str) -> Ints:
        """(repeats, docs) class numbers."""
        known = self.decided.get(model)
        return self.proba[model].argmax(axis=2) if known is None else known

    @property
    def codes(self) -> Ints:
        """(docs,) the class number of each label."""
        place = {name: number for number, name in enumerate(self.classes)}
        return np.array([place[name] for name in self.labels.tolist()], dtype=np.int64)

    def write(self, path: Path) -> None:
        """Write Parquet: a row for each model, repeat and document; deterministic."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        repeats, docs = self.folds.shape
        columns: dict[str, list[Any]] = {key: [] for key in ("model", "repeat", "fold", "document", "group", "label")}
        tables, decided = [], []
        for model, values in self.proba.items():
            columns["model"] += [model] * (repeats * docs)
            columns["repeat"] += np.repeat(np.arange(repeats), docs).tolist()
            columns["fold"] += self.folds.reshape(-1).tolist()
            for key, column in (("document", self.documents), ("group", self.groups), ("label", self.labels)):
                columns[key] += column.tolist() * repeats
            tables.append(values.reshape(repeats * docs, -1))
            decided += [self.classes[number] for number in self.decisions(model).reshape(-1)]
        whole = np.concatenate(tables)
        arrays: dict[str, Any] = {
            key: pa.array(values, pa.int32() if key in ("repeat", "fold") else pa.string())
            for key, values in columns.items()
        }
        arrays["decided"] = pa.array(decided, pa.string())
        arrays |= {f"p_{name}": pa.array(whole[:, k]) for k, name in enumerate(self.classes)}
        pq.write_table(pa.table(arrays), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Read what ``write`` wrote; InputError when it is something else."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: cannot be read as the predictions of an evaluation: {error}") from error
        needed = {"model", "repeat", "fold", "document", "group", "label"}
        if not needed <= set(table.column_names):
            raise InputError(f"{path}: expected the columns {sorted(needed)}, found {table.column_names}")
        classes = tuple(name[2:] for name in table.column_names if name.startswith("p_"))
        models = np.array(table["model"].to_pylist())
        names = list(dict.fromkeys(models.tolist()))
        repeats = int(np.max(table["repeat"].to_numpy())) + 1
        docs = len(models) // (len(names) * repeats)
        if docs * len(names) * repeats != len(models):
            raise InputError(f"{path}: expected every model to predict every document once a repeat")
        whole = np.stack([table[f"p_{name}"].to_numpy() for name in classes], axis=1)
        text = {key: np.array(table[key].to_pylist()[:docs], dtype=np.str_) for key in ("document", "group", "label")}
        decided: dict[str, Ints] = {}
        if "decided" in table.column_names:
            place = {name: number for number, name in enumerate(classes)}
            numbers = np.array([place.get(name, -1) for name in table["decided"].to_pylist()], dtype=np.int64)
            decided = {name: numbers[models == name].reshape(repeats, docs) for name in names}
        return cls(
            classes,
            text["document"],
            text["group"],
            text["label"],
            table["fold"].to_numpy()[: repeats * docs].reshape(repeats, docs).astype(np.int64),
            {name: whole[models == name].reshape(repeats, docs, len(classes)) for name in names},
            decided,
        )
