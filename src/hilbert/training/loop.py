"""One training loop for every stage: AdamW, warm-up and cosine, clipping, early stopping, resumable epochs, seeds."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hilbert.errors import HilbertError
from hilbert.training.checkpoint import load_checkpoint, save_checkpoint


@contextmanager
def seeded(seed: int, place: str | torch.device | nn.Module = "cpu") -> Iterator[None]:
    """Numbers drawn on the CPU and on one device follow from ``seed``; afterwards the caller's go on as if undisturbed.

    place: the device, or a module that lies on it. ``torch.manual_seed`` would seed every card there is, restored or
    not. The numbers of ``mps`` are seeded and not restored.
    """
    device = next(place.parameters()).device if isinstance(place, nn.Module) else torch.device(place)
    card = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if card else []):
        torch.default_generator.manual_seed(seed)
        if card:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


History = list[dict[str, Any]]
WEIGHT_DECAY, WARMUP, CLIP = 0.01, 0.1, 1.0  # AdamW's decay, share of the steps, largest norm of a gradient


class Task(Protocol):
    """What a stage trains: a module with batches, a loss by parts, and a score on held-out documents."""

    name: str
    module: nn.Module

    def batches(self, epoch: int, seed: tuple[int, ...]) -> Iterable[Any]:
        """Batches of one epoch; the same seed gives the same batches."""

    def losses(self, batch: Any, progress: float) -> dict[str, Tensor]:
        """Named parts, with the loss to minimise as "total"; ``progress`` is the share of epochs done."""

    def after_step(self) -> None:
        """Called after each optimiser step."""

    def validate(self) -> dict[str, float] | None:
        """Held-out parts, with "monitor" the number to minimise; None without held-out documents."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast. ``stop_after`` ends the same schedule early, at the epoch an inner split chose."""

    epochs: int
    learning_rate: float
    weight_decay: float
    warmup: float
    clip: float
    patience: int
    stop_after: int | None = None


@dataclass
class Outcome:
    """``best_epoch`` counts from 1; ``history`` has a row an epoch."""

    best_epoch: int
    history: History = field(default_factory=list)


def learning_rate(plan: Plan, done: float) -> float:
    """Factor on the learning rate when the share ``done`` of all steps is done."""
    if done < plan.warmup:
        return done / plan.warmup
    return 0.5 * (1 + math.cos(math.pi * (done - plan.warmup) / max(1 - plan.warmup, 1e-9)))


def make_optimiser(module: nn.Module, plan: Plan) -> torch.optim.AdamW:
    """AdamW without decay on norms, biases, tokens and the temperature (all of one dimension)."""
    trained = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": plan.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=plan.learning_rate,
        fused=True,  # one kernel a step: small networks spend much of it between kernels
    )


def run(task: Task, plan: Plan, seed: int, checkpoint: Path | None = None) -> Outcome:
    """Train ``task.module`` in place and leave it at its best epoch (its last one without validation).

    Every epoch draws its random numbers from (seed, task name, epoch), so a run resumed from ``checkpoint``
    ends with the same bytes, and the caller's generators are left as they were.
    """
    module, optimiser = task.module, make_optimiser(task.module, plan)
    key = (seed, *task.name.encode())
    last = min(plan.epochs, plan.stop_after or plan.epochs)
    outcome, best, best_score, start = Outcome(last), None, math.inf, 0
    if checkpoint is not None and (state := load_checkpoint(checkpoint, module, optimiser)) is not None:
        start, best_score, best = state.epoch, state.best_score, state.best
        outcome = Outcome(state.best_epoch, state.history)
    for epoch in range(start, last):
        if best is not None and epoch - outcome.best_epoch >= plan.patience:
            break
        row = _epoch(task, optimiser, plan, epoch, key)
        held_out = task.validate()
        if held_out is not None:
            row |= {f"held_out_{name}": value for name, value in held_out.items()}
            if held_out["monitor"] < best_score:
                best_score, outcome.best_epoch = held_out["monitor"], epoch + 1
                best = copy.deepcopy(module.state_dict())
        outcome.history.append({"stage": task.name, "epoch": epoch + 1} | row)
        if checkpoint is not None:
            save_checkpoint(
                checkpoint,
                module,
                optimiser,
                epoch + 1,
                outcome.best_epoch,
                best_score,
                best,
                outcome.history,
            )
    if best is not None:
        module.load_state_dict(best)
    module.eval()
    return outcome


def _epoch(
    task: Task, optimiser: torch.optim.Optimizer, plan: Plan, epoch: int, key: tuple[int, ...]
) -> dict[str, float]:
    """One pass over the training documents; returns the mean of every part of the loss."""
    module = task.module
    sums: dict[str, float] = {}
    batches = list(task.batches(epoch, (*key, epoch)))
    with seeded(int(np.random.default_rng((*key, epoch)).integers(2**62)), module):
        module.train()
        for step, batch in enumerate(batches):
            done = (epoch + (step + 1) / len(batches)) / plan.epochs
            for group in optimiser.param_groups:
                group["lr"] = plan.learning_rate * learning_rate(plan, min(done, 1.0 - 1e-6))
            parts = task.losses(batch, (epoch + 1) / plan.epochs)
            optimiser.zero_grad(set_to_none=True)
            if parts["total"].requires_grad:
                parts["total"].backward()
            norm = nn.utils.clip_grad_norm_(module.parameters(), plan.clip)
            if not torch.isfinite(norm):
                raise HilbertError(
                    f"training stage {task.name!r}, epoch {epoch + 1}: the gradient is not finite "
                    f"({', '.join(f'{k} = {float(v.detach()):.4g}' for k, v in parts.items())}); "
                    "lower training.learning_rate, or check the features for extreme values"
                )
            optimiser.step()
            task.after_step()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(batches)
    module.eval()
    return sums
