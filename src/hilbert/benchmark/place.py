"""Where a benchmark lies: the folder of each setting, its documents and what was measured on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.preparing import Data, corpus_notes
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.setting import describe_corpus, plain
from hilbert.files import replace_file, write_json
from hilbert.splits import Split, split_notes

SETTING, DOCUMENTS = "setting.json", "documents.parquet"


@dataclass(frozen=True)
class Place:
    """Folders of a run, its seed, and the options of the models."""

    out: Path
    features: Path
    data: Path | None = None
    seed: int = 0
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def folder(self, comparison: Comparison) -> Path:
        """Where the results of a comparison lie."""
        return self.out / comparison.id


def describe(comparison: Comparison, data: Data, splits: list[Split], seed: int) -> dict[str, Any]:
    """All that a table says about a setting, beside the models."""
    scored = np.unique(np.concatenate([split.test for split in splits]))
    return {
        "id": comparison.id,
        "task": comparison.setting.task.name,
        "what": comparison.setting.task.what,
        "audio": comparison.setting.audio,
        "text": comparison.setting.text,
        "label": data.label,
        "group": data.group,
        "folds": comparison.folds,
        "repeats": comparison.repeats,
        "seed": seed,
        "small": comparison.small,
        "data": data.fingerprint(),
        "classes": data.classes,
        "corpus": describe_corpus(data.bags, data.y, data.groups, scored),
        "splits": [
            {"repeat": s.repeat, "fold": s.fold, "train": len(s.train), "test": len(s.test)} for s in splits
        ],
        "features": plain(data.bags.source),
        "notes": [*corpus_notes(data), *split_notes(data.y, data.groups, comparison.folds)],
    }  # fmt: skip


def write_setting(folder: Path, about: Mapping[str, Any], data: Data) -> None:
    """Write what the setting is. Raises UsageError where other documents or folds were used before."""
    for part in folder.glob(".*.part.*"):  # of a run that was killed while it wrote
        part.unlink(missing_ok=True)
    known = read_setting(folder)
    same = ("data", "folds", "seed")
    if known is not None and [known[key] for key in same] != [about[key] for key in same]:
        raise UsageError(
            f"{folder / SETTING}: was made with other data, folds or seed; remove the folder, or choose another --out"
        )
    if known == dict(about) and (folder / DOCUMENTS).exists():
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "document": pa.array(data.bags.ids.tolist(), pa.string()),
        "group": pa.array([str(group or "") for group in data.groups], pa.string()),
        "label": pa.array([str(label) for label in data.y], pa.string()),
        "scored": pa.array(data.score.tolist(), pa.bool_()),
    }
    with replace_file(folder / DOCUMENTS) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")
    write_json(folder / SETTING, dict(about))


def read_setting(folder: Path) -> dict[str, Any] | None:
    """What ``write_setting`` wrote, None where there is nothing yet."""
    path = folder / SETTING
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); remove it") from None
    if not isinstance(found, dict) or not {"data", "classes", "corpus"} <= set(found):
        raise InputError(f"{path}: expected what `hilbert benchmark` wrote, found something else; remove it")
    return found


def read_documents(folder: Path) -> dict[str, list[Any]]:
    """``document``, ``group``, ``label`` and ``scored`` of every document."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / DOCUMENTS
    try:
        found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({error}); run `hilbert benchmark` again") from None
    return found
