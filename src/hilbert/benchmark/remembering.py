"""The numbers of a table are kept beside it, and computed again only when something they rest on has changed."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hilbert import metrics
from hilbert.benchmark.models import digest
from hilbert.evaluation import intervals, measures
from hilbert.evaluation.predictions import Predictions
from hilbert.files import write_text


def remembered(path: Path, inputs: Any, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``compute`` gives, from ``path`` where that was written for the same inputs and the same code."""
    key = digest([inputs, _code()])
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] == key:
            found: dict[str, Any] = stored["metrics"]
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or not ours: computed again and replaced
    numbers = compute()
    text = json.dumps({"key": key, "metrics": numbers}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(path, text + "\n")
    return numbers


def predictions_hash(predictions: Predictions) -> str:
    """A hash of everything in the predictions."""
    digested = hashlib.sha256()
    for values in (predictions.documents, predictions.groups, predictions.labels):
        digested.update("\n".join(values.tolist()).encode())
    digested.update(predictions.folds.astype("<i8").tobytes())
    digested.update("\n".join(predictions.classes).encode())
    for name, proba in predictions.proba.items():
        digested.update(name.encode() + proba.astype("<f4").tobytes())
        digested.update(predictions.decisions(name).astype("<i8").tobytes())
    return digested.hexdigest()[:32]


def _code() -> str:
    sources = "".join(inspect.getsource(module) for module in (metrics, intervals, measures))
    return hashlib.sha256(sources.encode()).hexdigest()[:32]
