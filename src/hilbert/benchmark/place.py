"""Where a benchmark lies: the folder of each setting, its documents and what was measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.plan import Comparison
from hilbert.benchmark.preparing import Data, corpus_notes
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.setting import describe_corpus, plain
from hilbert.files import read_json, replace_file, write_json
from hilbert.splits import Split, split_notes

SETTING, DOCUMENTS = "setting.json", "documents.parquet"


@dataclass(frozen=True)
class Place:
    """Folders of a run, its seed, the options of the models, and where those train that can choose."""

    out: Path
    features: Path
    data: Path | None = None
    seed: int = 0
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: str = "cpu"

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
    write_documents(folder, data.bags.ids.tolist(), data.groups, data.score, {"label": data.y})
    write_json(folder / SETTING, dict(about))


def write_documents(
    folder: Path,
    ids: Sequence[str],
    groups: Iterable[Any],
    score: NDArray[np.bool_],
    labels: Mapping[str, NDArray[np.object_]],
) -> None:
    """Write ``document``, ``group``, a column for each of ``labels`` (None where unknown) and ``scored``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "document": pa.array(ids, pa.string()),
        "group": pa.array([str(group or "") for group in groups], pa.string()),
        **{
            name: pa.array([None if v is None else str(v) for v in values.tolist()], pa.string())
            for name, values in labels.items()
        },
        "scored": pa.array(score.tolist(), pa.bool_()),
    }
    with replace_file(folder / DOCUMENTS) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")


def read_setting(folder: Path) -> dict[str, Any] | None:
    """What ``write_setting`` wrote, None where there is nothing yet."""
    return read_json(folder / SETTING, ("data", "classes", "corpus"), "hilbert benchmark")


def read_documents(folder: Path) -> dict[str, list[Any]]:
    """The columns that ``write_documents`` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / DOCUMENTS
    try:
        found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({error}); run `hilbert benchmark` again") from None
    return found
