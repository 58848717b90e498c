"""Reciprocal dual contrast: audio ↔ joint and text ↔ joint."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

NORM_FLOOR = 1e-6


def unit(x: Tensor) -> Tensor:
    """Rows divided by their norm (at least 1e-6)."""
    norms: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / norms.clamp_min(NORM_FLOOR)


def info_nce(x: Tensor, y: Tensor, scale: Tensor | float, excluded: Tensor | None = None) -> Tensor:
    """½ [CE(s x yᵀ) + CE(s y xᵀ)] in nats, positives on the diagonal (van den Oord et al. 2018, arXiv 1807.03748).

    x, y: (docs, width) unit rows; scale: s = 1 / temperature; excluded: (docs, docs), True = not a negative
    (another document of the same group). The diagonal always counts. Fewer than two rows give 0.
    """
    docs = len(x)
    if docs < 2:
        return x.sum() * 0.0
    logits = (scale * x @ y.T).to(torch.promote_types(x.dtype, torch.float32))
    if excluded is not None:
        off_diagonal = ~torch.eye(docs, dtype=torch.bool, device=x.device)
        logits = logits.masked_fill(excluded & off_diagonal, -torch.inf)
    target = torch.arange(docs, device=x.device)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


class DualContrast(NamedTuple):
    """The two InfoNCE losses (nats), the optional direct one, and their weighted total."""

    audio_joint: Tensor
    text_joint: Tensor
    audio_text: Tensor
    total: Tensor


def dual_contrast(
    audio: Tensor,
    text: Tensor,
    joint: Tensor,
    scale: Tensor | float,
    *,
    has_audio: Tensor,
    has_text: Tensor,
    groups: Tensor | None = None,
    audio_text_weight: float = 0.0,
) -> DualContrast:
    """½ [NCE(a, j) + NCE(t, j)] + λ NCE(a, t), one scale for all, so that the terms can be compared.

    audio, text, joint: (docs, projection), normalised here; has_*: (docs,), True = present: a document without
    a modality is left out of that modality's terms; groups: (docs,) integers, equal groups are no negatives.
    """
    excluded = None if groups is None else groups[:, None] == groups[None, :]

    def nce(x: Tensor, y: Tensor, keep: Tensor) -> Tensor:
        return info_nce(unit(x[keep]), unit(y[keep]), scale, None if excluded is None else excluded[keep][:, keep])

    audio_joint, text_joint = nce(audio, joint, has_audio), nce(text, joint, has_text)
    total = 0.5 * (audio_joint + text_joint)
    audio_text = total.new_zeros(())
    if audio_text_weight:
        audio_text = nce(audio, text, has_audio & has_text)
        total = total + audio_text_weight * audio_text
    return DualContrast(audio_joint, text_joint, audio_text, total)
