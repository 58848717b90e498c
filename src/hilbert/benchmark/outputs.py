"""Which output stands for a model: the one that was best on tuning data, so that no scored document chooses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from hilbert.baselines import MODELS
from hilbert.errors import InputError

OUTPUTS = "outputs.yaml"  # in the folder tuning/


def read_outputs(out: Path, task: str) -> dict[str, str]:
    """Model → its output (itself, or a variant) in a task, as `--tune` wrote it; empty where nothing was tuned."""
    path = out / "tuning" / OUTPUTS
    try:
        stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from None
    found = stored.get(task) if isinstance(stored, dict) else None
    if not isinstance(found, dict) or any(not isinstance(row, str) for row in found.values()):
        raise InputError(f"{path}: expected the output of each model in {task}; run `hilbert benchmark --tune` again")
    return {str(model): row for model, row in found.items()}


def standing(named: Mapping[str, str], rows: Iterable[str]) -> dict[str, str]:
    """Model → the row that stands for it among ``rows``: the one that is ``named``, else the model's own."""
    there = list(rows)
    found = {model: named.get(model, model) for model in MODELS}
    return {model: row if row in there else model for model, row in found.items() if row in there or model in there}


def model_of(row: str) -> str:
    """The model that a row of a table belongs to: itself, or that of a variant."""
    return row.partition(" (")[0]
