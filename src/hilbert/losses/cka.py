"""Debiased centred kernel alignment, as a measure and as a loss.

Biased CKA of independent data grows with width / documents (.80 at 128 wide and 32 documents): only the unbiased
form of Song et al. 2012 (JMLR 13) says anything at these sizes. See Kornblith et al. 2019, arXiv 1905.00414.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-8
MIN_DOCS = 4


def linear_gram(x: Tensor) -> Tensor:
    """X Xᵀ of centred rows; without centring a large mean drowns the signal in float32."""
    x = x - x.mean(dim=0)
    return x @ x.T


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


def biased_cka(gram_x: Tensor, gram_y: Tensor) -> Tensor:
    """The usual form, tr(KHLH) normalised, in 0 to 1: of independent data it grows with width / documents."""
    x, y = (g - g.mean(0) - g.mean(1, keepdim=True) + g.mean() for g in (gram_x, gram_y))
    norms = (x.square().sum().clamp_min(EPS**2) * y.square().sum().clamp_min(EPS**2)).sqrt()
    return (x * y).sum() / norms


def gram(x: Tensor) -> Tensor:
    """Gram matrix of LayerNormed rows, in at least float32: the loss must not depend on the scale of x."""
    return linear_gram(F.layer_norm(x.to(torch.promote_types(x.dtype, torch.float32)), x.shape[1:]))


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
    debiased: bool = True,
    hinge: float | None = None,
) -> Tensor:
    """½ Σ_m relu(c − CKA(target_m, z_joint)), c = hinge × attainable ceiling, or 1 without a hinge.

    joint: (docs, width); audio, text: (docs, any width), the embeddings or the frozen inputs; has_*: (docs,).
    Terms with fewer than 4 documents are 0.
    """
    measure = debiased_cka if debiased else biased_cka
    goal = joint.new_tensor(1.0)
    both = has_audio & has_text
    if hinge is not None:
        between = joint.new_tensor(math.nan)
        if int(both.sum()) >= MIN_DOCS:
            with torch.no_grad():
                between = measure(gram(audio[both]), gram(text[both]))
        # with one modality alone the ceiling is 1
        goal = hinge * attainable_ceiling(torch.nan_to_num(between, nan=1.0))
    total = joint.sum() * 0.0
    for target, present in ((audio, has_audio), (text, has_text)):
        if int(present.sum()) >= MIN_DOCS:
            value = measure(gram(target[present]), gram(joint[present]))
            total = total + 0.5 * torch.relu(goal - value)
    return total
