"""Debiased centred kernel alignment, as a measure and as a loss.

Biased CKA of independent data grows with width / documents (.80 at 128 wide and 32 documents): only the unbiased
form of Song et al. 2012 (JMLR 13) says anything at these sizes. See Kornblith et al. 2019, arXiv 1905.00414.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-8
MIN_DOCS = 4


def linear_gram(x: Tensor) -> Tensor:
    """X Xᵀ of centred rows; without centring a large mean drowns the signal in float32."""
    x = x - x.mean(dim=0)
    return x @ x.T


def rbf_gram(x: Tensor, multiplier: float = 1.0) -> Tensor:
    """exp(−‖x − x'‖² / 2σ²), σ² = multiplier × median of the off-diagonal squared distances, held constant."""
    x = x - x.mean(dim=0)
    norms = x.square().sum(dim=1)
    squared = (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp_min(0.0)
    off = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    sigma = squared.detach()[off].median().clamp_min(EPS) * multiplier
    return torch.exp(-squared / (2 * sigma))


def u_centre(gram: Tensor) -> Tensor:
    """U-centred Gram matrix: zero diagonal, rows that add up to 0 (Székely and Rizzo 2014)."""
    n = len(gram)
    gram = gram - torch.diag(gram.diagonal())
    rows = gram.sum(dim=1) / (n - 2)
    centred = gram - rows[:, None] - rows[None, :] + gram.sum() / ((n - 1) * (n - 2))
    return centred - torch.diag(centred.diagonal())


def debiased_hsic(gram_x: Tensor, gram_y: Tensor) -> Tensor:
    """Unbiased HSIC of two (docs, docs) Gram matrices; needs at least 4 documents."""
    n = len(gram_x)
    return (u_centre(gram_x) * u_centre(gram_y)).sum() / (n * (n - 3))


def debiased_cka(gram_x: Tensor, gram_y: Tensor) -> Tensor:
    """Cosine of the U-centred Gram matrices, in −1 to 1, about 0 at independence.

    A constant input gives 0 with a finite gradient.
    """
    x, y = u_centre(gram_x), u_centre(gram_y)
    norms = (x.square().sum().clamp_min(EPS**2) * y.square().sum().clamp_min(EPS**2)).sqrt()
    return (x * y).sum() / norms


def gram(x: Tensor, kernel: Literal["linear", "rbf"]) -> Tensor:
    """Gram matrix of LayerNormed rows, in at least float32: the loss must not depend on the scale of x."""
    x = F.layer_norm(x.to(torch.promote_types(x.dtype, torch.float32)), x.shape[1:])
    return linear_gram(x) if kernel == "linear" else rbf_gram(x)


def attainable_ceiling(between: Tensor) -> Tensor:
    """Best CKA that one balanced embedding can have with both of two references: cos(½ arccos CKA(x_a, x_t))."""
    return torch.cos(0.5 * torch.arccos(between.clamp(0.0, 1.0)))


def cka_loss(
    joint: Tensor,
    audio: Tensor,
    text: Tensor,
    *,
    has_audio: Tensor,
    has_text: Tensor,
    kernel: Literal["linear", "rbf"] = "linear",
    hinge: float | None = None,
) -> Tensor:
    """½ Σ_m relu(c − CKA(target_m, z_joint)), c = hinge × attainable ceiling, or 1 without a hinge.

    joint: (docs, width); audio, text: (docs, any width), the embeddings or the frozen inputs; has_*: (docs,).
    Terms with fewer than 4 documents are 0.
    """
    goal = joint.new_tensor(1.0)
    both = has_audio & has_text
    if hinge is not None:
        between = joint.new_tensor(math.nan)
        if int(both.sum()) >= MIN_DOCS:
            with torch.no_grad():
                between = debiased_cka(gram(audio[both], kernel), gram(text[both], kernel))
        # with one modality alone the ceiling is 1
        goal = hinge * attainable_ceiling(torch.nan_to_num(between, nan=1.0))
    total = joint.sum() * 0.0
    for target, present in ((audio, has_audio), (text, has_text)):
        if int(present.sum()) >= MIN_DOCS:
            value = debiased_cka(gram(target[present], kernel), gram(joint[present], kernel))
            total = total + 0.5 * torch.relu(goal - value)
    return total
