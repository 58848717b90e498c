"""The result of an evaluation: a folder that holds all that its numbers rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import yaml
from numpy.typing import NDArray

from hilbert.errors import InputError
from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.files import own_folder, replace_file

FILES = (
    "predictions.parquet",  # first, since it is by this that an interrupted result is known again
    "config.yaml",
    "metrics.json",
    "environment.json",
    "curves.json",
    "embeddings.parquet",
)
FLOW = "flow.json"  # not in results that are older, or were made without monitors


@dataclass(frozen=True, eq=False)
class Result:
    """Settings, out-of-fold predictions and the numbers computed from them.

    ``metrics`` is what ``recompute`` gives; ``curves`` (model → rows) and ``embeddings`` (model → document,
    label, test, vectors) are those of repeat 0, fold 0. ``flow`` (model → a row a fit) holds the monitors of
    information flow, None where one is undefined. Only ``environment`` holds what differs between runs.
    """

    config: Mapping[str, Any]
    predictions: Predictions
    metrics: Mapping[str, Any]
    environment: Mapping[str, Any]
    curves: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    embeddings: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    flow: Mapping[str, Sequence[Mapping[str, float | None]]] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """Everything that was left out, imputed, undefined or warned about."""
        return [*self.config["notes"], *self.metrics["notes"]]

    @property
    def verdict(self) -> list[str]:
        """What the numbers say, in sentences."""
        from hilbert.evaluation.verdict import verdict

        return verdict(self)

    def recompute(self) -> dict[str, Any]:
        """The metrics once more, from the predictions and the settings alone."""
        config = self.config
        return measure(
            self.predictions,
            config["resamples"],
            config["seed"],
            test_train_ratio(config),
            config["reference"],
        )

    def save(self, folder: str | Path) -> Path:
        """Write the folder; each file is complete or absent, and equal results give equal files."""
        folder = own_folder(Path(folder), "predictions.parquet", "result")
        config = yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True, width=110)
        environment = dict(self.environment) | {"config_sha256": hashlib.sha256(config.encode()).hexdigest()}
        writers: dict[str, Callable[[Path], Any]] = {
            "config.yaml": lambda path: path.write_text(config, encoding="utf-8"),
            "predictions.parquet": self.predictions.write,
            "metrics.json": lambda path: _write_json(path, self.metrics),
            "environment.json": lambda path: _write_json(path, environment),
            "curves.json": lambda path: _write_json(path, self.curves),
            "embeddings.parquet": lambda path: _write_embeddings(path, self.embeddings),
            FLOW: lambda path: _write_json(path, self.flow),
        }
        (folder / FLOW).unlink(missing_ok=True)
        for name in (*FILES, FLOW) if self.flow else FILES:
            with replace_file(folder / name) as temporary:
                writers[name](temporary)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a folder that ``save`` wrote; InputError names a missing or unreadable file."""
        folder = Path(folder)
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise InputError(
                f"{folder}: not the result of an evaluation, {', '.join(missing)} missing; "
                "expected a folder that `hilbert evaluate --out` wrote"
            )
        try:
            config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InputError(f"{folder / 'config.yaml'}: not valid YAML: {error}") from error
        if not isinstance(config, dict) or "label" not in config:
            raise InputError(f"{folder / 'config.yaml'}: expected the settings of an evaluation, found something else")
        return cls(
            config,
            Predictions.read(folder / "predictions.parquet"),
            _read_json(folder / "metrics.json"),
            _read_json(folder / "environment.json"),
            _read_json(folder / "curves.json"),
            _read_embeddings(folder / "embeddings.parquet"),
            _read_json(folder / FLOW) if (folder / FLOW).is_file() else {},
        )

    def table(self, width: int = 120) -> str:
        """The table as plain text, ``width`` characters wide."""
        from hilbert.evaluation.table import render

        return render(self, width)

    def __str__(self) -> str:
        return self.table()


def test_train_ratio(config: Mapping[str, Any]) -> float:
    """Ratio of test to labelled training documents over all splits; 0 when nothing was trained."""
    trained = sum(split["train"] for split in config["splits"])
    return sum(split["test"] for split in config["splits"]) / trained if trained else 0.0


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def _write_embeddings(path: Path, embeddings: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list[Any]] = {"model": [], "document": [], "label": [], "test": [], "vector": []}
    for model, table in embeddings.items():
        rows["model"] += [model] * len(table["document"])
        for column, key in (
            ("document", "document"),
            ("label", "label"),
            ("test", "test"),
            ("vector", "vectors"),
        ):
            rows[column] += table[key].tolist()
    types = [pa.string(), pa.string(), pa.string(), pa.bool_(), pa.list_(pa.float32())]
    arrays = {name: pa.array(values, kind) for (name, values), kind in zip(rows.items(), types, strict=True)}
    pq.write_table(pa.table(arrays), path, compression="zstd")


def _read_embeddings(path: Path) -> dict[str, dict[str, NDArray[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as the embeddings of an evaluation: {error}") from error
    models = np.array(rows["model"], dtype=np.str_)
    result = {}
    for model in dict.fromkeys(models.tolist()):
        index = np.flatnonzero(models == model)
        result[model] = {
            "document": np.array([rows["document"][i] for i in index]),
            "label": np.array([rows["label"][i] for i in index]),
            "test": np.array([rows["test"][i] for i in index], dtype=bool),
            "vectors": np.array([rows["vector"][i] for i in index], dtype=np.float32),
        }
    return result
