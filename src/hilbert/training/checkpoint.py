"""Checkpoints as safetensors and JSON, written so that a crash leaves the previous one intact."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hilbert.errors import ModelError
from hilbert.features.bags import Bags
from hilbert.files import replace_file

MODULE, BEST, OPTIMISER = "module.", "best.", "optimiser."


@dataclass
class State:
    """What a checkpoint holds beside the module's and the optimiser's tensors."""

    epoch: int
    best_epoch: int
    best_score: float
    best: dict[str, Tensor] | None
    history: list[dict[str, Any]]


def data_hash(bags: Bags, target: NDArray[Any], groups: NDArray[Any]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of everything that a training reads."""
    digest = hashlib.sha256("\n".join(bags.ids.tolist()).encode())
    for packed in (bags.audio, bags.text):
        for array in (packed.values, packed.lengths, packed.times):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    for array in (target, groups):
        digest.update(np.ascontiguousarray(array, dtype=np.int64).data)
    return digest.hexdigest()[:12]


def save_checkpoint(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    best_epoch: int,
    best_score: float,
    best: dict[str, Tensor] | None,
    history: list[dict[str, Any]],
) -> None:
    """Write one file with the tensors; its metadata is the JSON, so that both always belong together."""
    tensors = {MODULE + name: value for name, value in module.state_dict().items()}
    tensors |= {BEST + name: value for name, value in (best or {}).items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"{OPTIMISER}{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    meta = {
        "epoch": epoch,
        "best_epoch": best_epoch,
        "best_score": best_score if math.isfinite(best_score) else None,
        "history": history,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with replace_file(path) as temporary:
        save_file(contiguous, temporary, metadata={"state": json.dumps(meta)})


def load_checkpoint(path: Path, module: nn.Module, optimiser: torch.optim.Optimizer) -> State | None:
    """Restore module and optimiser in place; None where there is no checkpoint yet.

    Raises ModelError when the file is not a checkpoint of this module.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            meta = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        module.load_state_dict({n.removeprefix(MODULE): t for n, t in tensors.items() if n.startswith(MODULE)})
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path}: not a checkpoint of this model ({type(error).__name__}); remove it to train from the start"
        ) from None
    state = optimiser.state_dict()
    for name, value in tensors.items():
        if name.startswith(OPTIMISER):
            index, key = name.removeprefix(OPTIMISER).split(".", 1)
            state["state"].setdefault(int(index), {})[key] = value
    optimiser.load_state_dict(state)
    best = {n.removeprefix(BEST): t for n, t in tensors.items() if n.startswith(BEST)} or None
    score = math.inf if meta["best_score"] is None else meta["best_score"]
    return State(meta["epoch"], meta["best_epoch"], score, best, meta["history"])
