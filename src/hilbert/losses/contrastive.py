"""Reciprocal dual contrast, audio ↔ joint and text ↔ joint; and the contrasts that losses are made of."""

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


def label_nce(
    x: Tensor, y: Tensor, scale: Tensor | float, target: Tensor, weight: Tensor, excluded: Tensor | None = None
) -> Tensor:
    """½ Σ over both directions of −Σ_i w_i / |P(i)| Σ_{p ∈ P(i)} log softmax_p(s x_i yᵀ), in nats.

    P(i) holds document i itself and, if it is labelled, all others of its label: InfoNCE whose positives are
    labels (SupCon, Khosla et al. 2020, arXiv 2004.11362, between two views). ``target``: (docs,), −1 =
    unlabelled; ``weight``: (docs,) of each anchor, so that rare classes count; ``excluded`` as in ``info_nce``,
    positives excepted. Fewer than two rows give 0.
    """
    docs = len(x)
    if docs < 2:
        return x.sum() * 0.0
    logits = (scale * x @ y.T).to(torch.promote_types(x.dtype, torch.float32))
    same = torch.eye(docs, dtype=torch.bool, device=x.device)
    same = same | ((target[:, None] == target[None, :]) & (target >= 0)[:, None])
    if excluded is not None:
        logits = logits.masked_fill(excluded & ~same, -torch.inf)
    total = logits.new_zeros(())
    for table in (logits, logits.T):
        chosen = torch.where(same, table.log_softmax(dim=1), 0.0).sum(dim=1) / same.sum(dim=1)
        total = total - 0.5 * (weight * chosen).mean()
    return total


def nt_xent(x: Tensor, y: Tensor, scale: Tensor | float, excluded: Tensor | None = None) -> Tensor:
    """−log softmax of the partner among the 2B − 1 other rows, mean of all 2B anchors, in nats.

    Source: SimCLR (Chen et al. 2020, arXiv 2002.05709, eq. 1). x, y: (docs, width) unit rows, row i of one is the
    partner of row i of the other; scale and excluded as in ``info_nce``. Fewer than two rows give 0.
    """
    docs = len(x)
    if docs < 2:
        return (x.sum() + y.sum()) * 0.0
    rows = torch.cat([x, y])
    anchors = torch.arange(2 * docs, device=x.device)
    partners = anchors.roll(docs)
    left_out = torch.eye(2 * docs, dtype=torch.bool, device=x.device)
    if excluded is not None:
        left_out |= excluded.repeat(2, 2)
        left_out[anchors, partners] = False
    return F.cross_entropy((scale * rows @ rows.T).masked_fill(left_out, -torch.inf), partners)


class DualContrast(NamedTuple):
    """The two InfoNCE losses (nats), the optional direct one, and their weighted total."""

    audio_joint: Tensor
    text_joint: Tensor
    audio_text: Tensor
    total: Tensor


def dual_contrast(
    audio: Tensor,
    text: Tensor,
    joint: Tensor | tuple[Tensor, Tensor],
    scale: Tensor | float,
    *,
    has_audio: Tensor,
    has_text: Tensor,
    groups: Tensor | None = None,
    audio_text_weight: float = 0.0,
    target: Tensor | None = None,
    weight: Tensor | None = None,
) -> DualContrast:
    """½ [NCE(a, j) + NCE(t, j)] + λ NCE(a, t), one scale for all, so that the terms can be compared.

    audio, text, joint: (docs, projection), normalised here; joint: one for both, or the audio's and the text's;
    has_*: (docs,), True = present: a document without a modality is left out of that modality's terms; groups: (docs,)
    integers, equal groups are no negatives; target and weight: (docs,) labels (−1: none) and anchor weights for
    ``label_nce`` in place of ``info_nce``.
    """
    excluded = None if groups is None else groups[:, None] == groups[None, :]

    def nce(x: Tensor, y: Tensor, keep: Tensor) -> Tensor:
        kept = None if excluded is None else excluded[keep][:, keep]
        if target is None or weight is None:
            return info_nce(unit(x[keep]), unit(y[keep]), scale, kept)
        return label_nce(unit(x[keep]), unit(y[keep]), scale, target[keep], weight[keep], kept)

    with_audio, with_text = joint if isinstance(joint, tuple) else (joint, joint)
    audio_joint, text_joint = nce(audio, with_audio, has_audio), nce(text, with_text, has_text)
    total = 0.5 * (audio_joint + text_joint)
    audio_text = total.new_zeros(())
    if audio_text_weight:
        audio_text = nce(audio, text, has_audio & has_text)
        total = total + audio_text_weight * audio_text
    return DualContrast(audio_joint, text_joint, audio_text, total)
