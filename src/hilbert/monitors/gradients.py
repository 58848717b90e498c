"""Through which pathway the loss would change the network most."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hilbert.nn.hilbert import HilbertNetwork
from hilbert.training.data import Batch
from hilbert.training.tasks import RepresentationTask


def gradient_shares(task: RepresentationTask, batch: Batch) -> dict[str, float]:
    """The norms of ∂L/∂h_m over all of a batch, divided by their sum; L is the stage's total loss, without dropout.

    h_audio and h_text are what the pathways start from: the projected segments, or the parts of the document vectors,
    of which "cross" is made of both modalities. NaN where there is no gradient at all.
    """
    task.module.eval()
    network = task.network
    gradients = _of_segments(task, batch, network) if isinstance(network, HilbertNetwork) else _of_vectors(task, batch)
    norms = {name: float(gradient.double().norm()) for name, gradient in gradients.items()}
    total = sum(norms.values())
    return {name: norm / total if total else math.nan for name, norm in norms.items()}


def _of_vectors(task: RepresentationTask, batch: Batch) -> dict[str, Tensor]:
    parts = {name: getattr(batch.inputs, name).clone().requires_grad_() for name in ("audio", "text", "cross")}
    batch = batch._replace(inputs=batch.inputs._replace(**parts))
    return dict(zip(parts, _slopes(task.losses(batch, 1.0)["total"], list(parts.values())), strict=True))


def _of_segments(task: RepresentationTask, batch: Batch, network: HilbertNetwork) -> dict[str, Tensor]:
    hidden: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], tuple[Tensor, Tensor]], None]:
        def hook(module: nn.Module, arguments: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
            hidden[name] = output[0]

        return hook

    projections = {"audio": network.project_audio, "text": network.project_text}
    handles = [module.register_forward_hook(keep(name)) for name, module in projections.items()]
    try:
        loss = task.losses(batch, 1.0)["total"]
    finally:
        for handle in handles:
            handle.remove()
    return dict(zip(hidden, _slopes(loss, list(hidden.values())), strict=True))


def _slopes(loss: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)
