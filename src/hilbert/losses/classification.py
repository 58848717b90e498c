"""Cross-entropy for few and imbalanced labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def classification_loss(logits: Tensor, target: Tensor, counts: Tensor, class_weights: bool) -> Tensor:
    """Cross-entropy in nats over labelled documents.

    logits: (docs, classes); target: (docs,) class indices, −1 = unlabelled; counts: (classes,) documents of the
    training fold. ``class_weights``: n / (classes × n_c), as scikit-learn's "balanced". No labelled row gives 0.
    """
    labelled = target >= 0
    if not bool(labelled.any()):
        return logits.sum() * 0.0
    logits, target = logits[labelled].to(torch.promote_types(logits.dtype, torch.float32)), target[labelled]
    if not class_weights:
        return F.cross_entropy(logits, target)
    counts = counts.to(logits).clamp_min(1.0)
    weight = counts.sum() / (len(counts) * counts)
    # the mean over documents, not over weights: a batch's share of rare classes must not change its scale
    return F.cross_entropy(logits, target, weight, reduction="sum") / len(target)
