"""The representation objective: contrast, structure and balance, each by name."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hilbert.config import MAX_SCALE, HilbertConfig
from hilbert.losses.cka import MIN_DOCS, cka_loss
from hilbert.losses.contrastive import DualContrast, dual_contrast
from hilbert.losses.information import (
    balance,
    gaussian_information,
    infonce_information,
    leading_directions,
)
from hilbert.nn.experts import Embeddings

COMPONENTS = 8  # dimensions of the Gaussian estimate of information


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
    """w_c L_dual + w_k L_cka + w_b L_balance of one batch, with every part by name. Terms of weight 0 are not computed.

    It owns what the contrast learns: three projection heads and one shared scale 1 / τ, clamped after each step.
    """

    def __init__(self, config: HilbertConfig) -> None:
        super().__init__()
        width, projection = config.network.width, config.network.projection
        self.contrast = config.contrast
        self.cka = config.cka if config.cka is not None and config.cka.weight else None
        self.balance = config.balance if config.balance is not None and config.balance.weight else None
        self.head_audio, self.head_text, self.head_joint = (ContrastHead(width, projection) for _ in range(3))
        scale = torch.tensor(-math.log(self.contrast.temperature))
        if self.contrast.learn_temperature:
            self.log_scale = nn.Parameter(scale)
        else:
            self.register_buffer("log_scale", scale)

    @torch.no_grad()
    def clamp(self) -> None:
        """Keep 1 / τ in 1 … 100 (CLIP, arXiv 2103.00020); called after each optimiser step."""
        self.log_scale.clamp_(0.0, math.log(MAX_SCALE))

    def forward(
        self,
        z: Embeddings,
        references: References,
        groups: Tensor | None = None,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Parts and their weighted "total".

        ``labels``: class numbers (docs,), −1 = none, and anchor weights (docs,), for a label-aware contrast.
        """
        parts: dict[str, Tensor] = {}
        total = z.joint.sum() * 0.0
        contrast = None
        if self.contrast.weight or (self.balance is not None and self.balance.estimator == "infonce"):
            contrast = self._contrast(z, groups, labels)
            total = total + self.contrast.weight * contrast.total
            parts |= {
                "audio_joint": contrast.audio_joint,
                "text_joint": contrast.text_joint,
                "audio_text": contrast.audio_text,
            }
        if self.cka is not None:
            targets = References(z.audio, z.text) if self.cka.target == "embedding" else references
            parts["cka"] = cka_loss(
                z.joint,
                targets.audio,
                targets.text,
                has_audio=z.has_audio,
                has_text=z.has_text,
                debiased=self.cka.debiased,
                hinge=self.cka.hinge,
            )
            total = total + self.cka.weight * parts["cka"]
        if self.balance is not None:
            audio, text = self._information(z, references, contrast)
            parts["balance"] = balance(audio, text, self.balance.form)
            parts |= {"information_audio": audio, "information_text": text}
            total = total + self.balance.weight * parts["balance"]
        return {"total": total, **parts}

    def _contrast(self, z: Embeddings, groups: Tensor | None, labels: tuple[Tensor, Tensor] | None) -> DualContrast:
        target, weight = labels if labels is not None and self.contrast.label_aware else (None, None)
        return dual_contrast(
            self.head_audio(z.audio),
            self.head_text(z.text),
            self.head_joint(z.joint),
            self.log_scale.exp(),
            has_audio=z.has_audio,
            has_text=z.has_text,
            groups=groups,
            audio_text_weight=self.contrast.audio_text,
            target=target,
            weight=weight,
        )

    def _information(
        self, z: Embeddings, references: References, contrast: DualContrast | None
    ) -> tuple[Tensor, Tensor]:
        counts = int(z.has_audio.sum()), int(z.has_text.sum())
        if contrast is not None and self.balance is not None and self.balance.estimator == "infonce":
            return (
                infonce_information(contrast.audio_joint, counts[0]),
                infonce_information(contrast.text_joint, counts[1]),
            )
        # equal dimensions for both modalities: the estimate's size depends on them
        size = min(COMPONENTS, references.audio.shape[1], references.text.shape[1], min(counts) // 4)
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
