"""The representation objective: contrast, structure and balance, each by name."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hilbert.config import HilbertConfig
from hilbert.model.hilbert import Embeddings
from hilbert.objectives.cka import MIN_DOCS, cka_loss
from hilbert.objectives.contrastive import dual_contrast
from hilbert.objectives.information import (
    balance,
    gaussian_information,
    infonce_information,
    leading_directions,
)


class References(NamedTuple):
    """Frozen pooled inputs of the batch's documents, (docs, width_m): what structure and information refer to."""

    audio: Tensor
    text: Tensor


class ContrastHead(nn.Module):
    """Two-layer map into the space of contrast, without batch statistics."""

    def __init__(self, width: int, projection: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, projection)

    def forward(self, z: Tensor) -> Tensor:
        """(docs, width) → (docs, projection)."""
        projected: Tensor = self.out(nn.functional.gelu(self.hidden(z)))
        return projected


class RepresentationObjective(nn.Module):
    """w_c L_dual + w_k L_cka + w_b L_balance of one batch, with every part by name.

    It owns what the contrast learns: three projection heads and one shared scale 1 / τ, clamped after each step.
    """

    def __init__(self, config: HilbertConfig) -> None:
        super().__init__()
        width, projection = config.model.width, config.model.projection
        self.contrast, self.cka, self.balance = config.contrast, config.cka, config.balance
        self.head_audio, self.head_text, self.head_joint = (ContrastHead(width, projection) for _ in range(3))
        scale = torch.tensor(-math.log(self.contrast.temperature))
        if self.contrast.learn_temperature:
            self.log_scale = nn.Parameter(scale)
        else:
            self.register_buffer("log_scale", scale)

    @torch.no_grad()
    def clamp(self) -> None:
        """Keep 1 / τ in 1 … max_scale (CLIP, arXiv 2103.00020); called after each optimiser step."""
        self.log_scale.clamp_(0.0, math.log(self.contrast.max_scale))

    def forward(
        self,
        z: Embeddings,
        references: References,
        groups: Tensor | None = None,
        progress: float = 1.0,
        labels: tuple[Tensor, Tensor] | None = None,
        partners: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Parts and their weighted "total"; ``progress`` is the share of the epochs done, for the warm-up.

        ``labels``: class numbers (docs,), −1 = none, and anchor weights (docs,), for a label-aware contrast;
        ``partners``: joint embeddings with which audio and text are contrasted, if not with ``z.joint``.
        """
        target, weight = labels if labels is not None and self.contrast.label_aware else (None, None)
        with_audio, with_text = (z.joint, z.joint) if partners is None else partners
        joint = self.head_joint(with_audio)
        contrast = dual_contrast(
            self.head_audio(z.audio),
            self.head_text(z.text),
            joint if with_audio is with_text else (joint, self.head_joint(with_text)),
            self.log_scale.exp(),
            has_audio=z.has_audio,
            has_text=z.has_text,
            groups=groups,
            audio_text_weight=self.contrast.audio_text,
            target=target,
            weight=weight,
        )
        targets = References(z.audio, z.text) if self.cka.target == "embedding" else references
        with _gradients(self.cka.weight):
            cka = cka_loss(
                z.joint,
                targets.audio,
                targets.text,
                has_audio=z.has_audio,
                has_text=z.has_text,
                kernel=self.cka.kernel,
                hinge=self.cka.hinge,
            )
        with _gradients(self.balance.weight):
            info_audio, info_text = self._information(z, references, contrast.audio_joint, contrast.text_joint)
            gap = balance(info_audio, info_text, self.balance.form)
        warmup = min(1.0, progress / self.balance.warmup) if self.balance.warmup else 1.0
        total = self.contrast.weight * contrast.total
        if self.cka.weight:
            total = total + self.cka.weight * cka
        if self.balance.weight:
            total = total + warmup * self.balance.weight * gap
        return {
            "total": total,
            "audio_joint": contrast.audio_joint,
            "text_joint": contrast.text_joint,
            "audio_text": contrast.audio_text,
            "cka": cka,
            "balance": gap,
            "information_audio": info_audio,
            "information_text": info_text,
        }

    def _information(
        self, z: Embeddings, references: References, audio_joint: Tensor, text_joint: Tensor
    ) -> tuple[Tensor, Tensor]:
        counts = int(z.has_audio.sum()), int(z.has_text.sum())
        if self.balance.estimator == "infonce":
            return infonce_information(audio_joint, counts[0]), infonce_information(text_joint, counts[1])
        # equal dimensions for both modalities: the estimate's size depends on them
        size = min(self.balance.components, references.audio.shape[1], references.text.shape[1], min(counts) // 4)
        if size < 1 or min(counts) < MIN_DOCS:
            zero = z.joint.sum() * 0.0
            return zero, zero
        pairs = ((references.audio, z.has_audio), (references.text, z.has_text))
        audio, text = (
            # per dimension, so that the penalty's scale does not follow the number of components
            gaussian_information(x[present][:, :size], leading_directions(z.joint[present], size)).to(z.joint.dtype)
            / size
            for x, present in pairs
        )
        return audio, text


def _gradients(weight: float) -> torch.set_grad_enabled:
    """A term without a weight is computed to be watched, and costs no backward pass."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and weight > 0)
