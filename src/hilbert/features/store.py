"""A folder of features: one content-addressed file a document and modality, and an index of who uses which.

    store.json    how the features were made, and the manifest they belong to
    index.json    each document's files and counts, documents that failed, hashes of recordings
    objects/      ab/abcdef….safetensors: values (segments, dim), times (segments,)

Labels, groups and splits are not stored: every command reads them from the manifest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from hilbert.corpus.manifest import Corpus
from hilbert.errors import InputError, ManifestError, Problem, StoreError
from hilbert.features.bags import Bags, Packed
from hilbert.files import replace_file, write_json

FORMAT = 1
MODALITIES = ("audio", "text")


@dataclass
class Index:
    """``documents``: id → {"duration", "audio": {"key", "segments", …counts}, "text": …}, in manifest order."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    hashes: dict[str, list[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    asked: int = 0  # documents of the manifest when the features were made


class FeatureStore:
    """Features on disk; ``load`` gives them as bags, ``corpus`` the manifest they belong to.

    Raises StoreError for a folder that holds no feature store, or one of another format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.info = _read(self.path / "store.json", self.path)
        if self.info.get("format") != FORMAT:
            raise StoreError(
                f"{self.path}: expected a feature store of format {FORMAT}, found {self.info.get('format')!r}; "
                "extract the features again into a new folder"
            )
        index = self.path / "index.json"
        try:
            self.index = Index(**_read(index, self.path)) if index.exists() else Index()
        except TypeError:
            raise StoreError(f"{index}: its entries are not those of a feature store; extract again") from None
        self.report: Any = None  # what the extraction that made this object did

    @classmethod
    def create(
        cls, path: str | Path, manifest: Path, source: Mapping[str, Any], *, content: bool = True
    ) -> FeatureStore:
        """Make a store, or open one that was made the same way.

        ``source`` says how the features are made; ``content`` is False for a manifest that holds labels only.
        Raises StoreError when the folder holds something else, so that two sets are never mixed.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path}: expected a folder for the features, found a file; choose another --out")
        _sweep(path)
        info = {
            "format": FORMAT,
            "manifest": _relative(manifest, path),
            "content": content,
            "source": dict(source),
        }
        if (path / "store.json").exists():
            store = cls(path)
            old, new = store.source, dict(source)
            changed = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))
            if changed:
                what = "; ".join(f"{k}: {_short(old.get(k))} there, {_short(source.get(k))} asked for" for k in changed)
                raise StoreError(f"{path}: holds features made another way ({what}); choose another --out folder")
            store.info = info
        elif path.exists() and any(path.iterdir()):
            raise StoreError(
                f"{path}: expected a feature store or an empty folder, found other files; choose another --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        write_json(path / "store.json", info)
        return cls(path)

    @property
    def manifest(self) -> Path:
        """The manifest that the features were made from."""
        return Path(os.path.normpath(self.path / self.info["manifest"]))

    @property
    def source(self) -> dict[str, Any]:
        """How the features were made."""
        source: dict[str, Any] = self.info["source"]
        return source

    @property
    def problems(self) -> list[Problem]:
        """Documents without features, and why."""
        return [Problem(**problem) for problem in self.index.problems]

    def corpus(self, manifest: str | Path | None = None) -> Corpus:
        """The documents that have features, in the order of ``load``, with the manifest's present columns.

        ``manifest`` names another one, for example with corrected labels.
        """
        # paths were checked when the features were made, and are not opened again
        corpus = Corpus.from_manifest(manifest or self.manifest, allow_outside=True, content=self.info["content"])
        known = set(corpus.ids.tolist())
        lacking = [id for id in self.index.documents if id not in known]
        if lacking:
            raise ManifestError(
                f"{corpus.path}: expected a row for each of the {len(self.index.documents)} documents of {self.path}, "
                f"found none for {len(lacking)} (the first: {lacking[0]!r}); add them, with an empty label where one "
                "is not to count"
            )
        return corpus.select(list(self.index.documents))

    def load(self) -> Bags:
        """All documents with features as packed float32 bags. Raises StoreError where a file is missing."""
        documents = self.index.documents
        if not documents:
            raise StoreError(f"{self.path}: no document has features; run `hilbert extract` and read its problems")
        packed = {name: self._pack(name) for name in MODALITIES}
        duration = [np.nan if d.get("duration") is None else d["duration"] for d in documents.values()]
        ids = np.array(list(documents), dtype=np.str_)
        seconds = np.array(duration, dtype=np.float64)
        origins = [" ".join(d[name]["key"] for name in MODALITIES if name in d) for d in documents.values()]
        return Bags(ids, packed["audio"], packed["text"], seconds, self.source, tuple(self.notes()), np.array(origins))

    def notes(self) -> list[str]:
        """What every result on these features has to say: documents without features, and what was counted."""
        lost, failed = self.index.asked - len(self.index.documents), len(self.index.problems)
        left_out = f"{lost} of {self.index.asked} documents of the manifest have no features ({failed} failed)"
        return ([left_out] if lost > 0 else []) + self.index.notes

    def _pack(self, modality: str) -> Packed:
        parts: list[NDArray[Any]] = []
        times: list[NDArray[Any]] = []
        lengths = np.zeros(len(self.index.documents), dtype=np.int64)
        for row, (name, document) in enumerate(self.index.documents.items()):
            if modality in document:
                arrays = self.read(document[modality]["key"], name)
                parts.append(arrays["values"])
                times.append(arrays["times"])
                lengths[row] = len(parts[-1])
        if not parts:
            return Packed(np.zeros((0, 1), np.float32), lengths, np.zeros(0, np.float32))
        return Packed(np.concatenate(parts), lengths, np.concatenate(times))

    def object_path(self, key: str) -> Path:
        """Where the file of a content key lies."""
        return self.path / "objects" / key[:2] / f"{key}.safetensors"

    def find(self, key: str) -> dict[str, Any] | None:
        """The index entry of a content key (segments and counts), or None where its features are not there."""
        try:
            with safe_open(self.object_path(key), framework="np") as file:
                meta = file.metadata()
                return {
                    "key": key,
                    "segments": file.get_slice("values").get_shape()[0],
                    "counts": json.loads(meta["counts"]),
                }
        except (OSError, SafetensorError):
            return None

    def read(self, key: str, document: str) -> dict[str, NDArray[Any]]:
        """Arrays ``values`` and ``times`` of a content key."""
        try:
            arrays: dict[str, NDArray[Any]] = load_file(self.object_path(key))
        except FileNotFoundError:
            where = f"{self.path}: features of document {document} are missing"
            raise StoreError(f"{where} ({self.object_path(key).name}); run `hilbert extract` again") from None
        except (OSError, SafetensorError) as error:
            raise StoreError(
                f"{self.object_path(key)}: features of document {document} cannot be read ({error}); remove the "
                "file and run `hilbert extract` again"
            ) from None
        return arrays

    def write(self, key: str, values: NDArray[Any], times: NDArray[Any], counts: Mapping[str, int]) -> dict[str, Any]:
        """Write one file, whole or not at all, and return its index entry. ``counts``: what was out of the ordinary."""
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if np.isinf(values).any():
            raise InputError(f"expected finite features, found {int(np.isinf(values).sum())} infinite in float32")
        path = self.object_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"values": values, "times": times.astype(np.float32)}
        with replace_file(path) as temporary:
            save_file(arrays, temporary, metadata={"counts": json.dumps(dict(counts))})
        return {"key": key, "segments": len(values), "counts": dict(counts)}

    def save_index(self) -> None:
        """Write the index; the objects are already there."""
        write_json(self.path / "index.json", vars(self.index))

    def size(self) -> int:
        """Bytes that the features of the listed documents take."""
        keys = {d[name]["key"] for d in self.index.documents.values() for name in MODALITIES if name in d}
        return sum(self.object_path(key).stat().st_size for key in keys)

    @classmethod
    def from_table(cls, table: str | Path, manifest: str | Path, out: str | Path, **options: Any) -> FeatureStore:
        """Import precomputed segment features; see ``hilbert.features.table.import_table`` for the options."""
        from hilbert.features.table import import_table

        return import_table(table, manifest, out, **options)


def _sweep(path: Path) -> None:
    """Remove the half-written files of a run that was killed."""
    patterns = [".store.json.*.part.json"]
    if (path / "store.json").exists():
        patterns += [".index.json.*.part.json", "objects/*/.*.safetensors.*.part.safetensors"]
    for pattern in patterns:
        for part in path.glob(pattern):
            part.unlink(missing_ok=True)


def _relative(manifest: Path, folder: Path) -> str:
    try:
        return os.path.relpath(manifest.resolve(), folder.resolve())
    except ValueError:  # another drive
        return str(manifest.resolve())


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, sort_keys=True)
    return text if len(text) < 200 else text[:197] + "…"


def _read(path: Path, store: Path) -> dict[str, Any]:
    if store.is_file():
        raise StoreError(
            f"{store}: expected a feature store, which is a folder, found a file; if it is a manifest, run `hilbert "
            "extract` first"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            f"{store}: expected a feature store, found no {path.name}; `hilbert extract` makes one from a manifest"
        ) from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); remove it and run `hilbert extract` again") from None
    if not isinstance(data, dict):
        raise StoreError(f"{path}: expected a JSON object, found {type(data).__name__}")
    return data
