"""What was evaluated and where: the settings, the corpus in numbers, the environment."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.splits import Split, encode_groups, is_missing


def describe_corpus(
    bags: Bags,
    y: Sequence[Any] | NDArray[Any],
    groups: Sequence[Any] | NDArray[Any] | None,
    scored: NDArray[np.int64],
) -> dict[str, Any]:
    """Counts a reader needs: documents, labels, groups, hours, segments, missing modalities."""
    labelled = np.array([not is_missing(v) for v in y], dtype=bool)
    names = [str(y[int(i)]) for i in scored]
    known = np.isfinite(bags.duration)
    return {
        "documents": len(bags),
        "labelled": int(labelled.sum()),
        "scored": len(scored),
        "classes": {
            name: names.count(name) for name in sorted({str(v) for v, k in zip(y, labelled, strict=True) if k})
        },
        "groups": None if groups is None else len(np.unique(encode_groups(groups, len(bags)))),
        "hours": round(float(bags.duration[known].sum()) / 3600, 3) if known.any() else None,
        "without_duration": int((~known).sum()),
        **{
            modality: {
                "segments": int(packed.lengths.sum()),
                "median": float(np.median(packed.lengths)) if len(bags) else 0.0,
                "width": packed.dim,
                "documents_without": int((packed.lengths == 0).sum()),
                "missing_values": int(np.isnan(packed.values).sum()),
            }
            for modality, packed in (("audio", bags.audio), ("text", bags.text))
        },
    }


def describe_splits(splits: Sequence[Split]) -> list[dict[str, int]]:
    """The size of each side of each split."""
    return [
        {
            "repeat": s.repeat,
            "fold": s.fold,
            "train": len(s.train),
            "unlabelled": len(s.unlabelled),
            "test": len(s.test),
        }
        for s in splits
    ]


def describe_environment(device: str = "cpu") -> dict[str, Any]:
    """When and with what the result was computed, and on which card; nothing about whose machine it was."""
    packages = ("hilbert-speech", "torch", "numpy", "scipy", "scikit-learn", "pyarrow")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        **({"gpu": torch.cuda.get_device_name(device)} if device.startswith("cuda") else {}),
        "versions": versions,
    }


def plain(value: Any) -> Any:
    """A value as YAML and JSON can hold it; an object becomes the name of its class."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    return type(value).__name__
