"""Self-attentive pooling of a masked sequence to one vector."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

VARIANCE_FLOOR = 1e-6


class AttentivePooling(nn.Module):
    """Gated attention pooling, w_k ∝ exp(uᵀ(tanh V h_k ⊙ σ(U h_k))) (Ilse et al. 2018, arXiv 1802.04712).

    "attention" returns the attended mean (docs, width), "statistics" the attended mean and standard deviation
    (docs, 2 width) (Okabe et al. 2018, arXiv 1803.10963). ``zero_scores`` starts as plain mean pooling.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        kind: Literal["attention", "statistics"] = "attention",
        zero_scores: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.tanh = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)  # a bias cancels in the softmax
        if zero_scores:
            nn.init.zeros_(self.score.weight)

    def out_width(self, width: int) -> int:
        """Width of the pooled vector."""
        return 2 * width if self.kind == "statistics" else width

    def weights(self, hidden: Tensor, mask: Tensor, bias: Tensor | None = None) -> Tensor:
        """(docs, segments) that add up to 1 over valid segments; ``bias`` is added to the scores."""
        scores: Tensor = self.score(self.tanh(hidden).tanh() * self.gate(hidden).sigmoid()).squeeze(-1)
        if bias is not None:
            scores = scores + bias
        dtype = torch.promote_types(scores.dtype, torch.float32)
        return scores.to(dtype).masked_fill(~mask, -torch.inf).softmax(dim=1).to(hidden.dtype)

    def forward(self, hidden: Tensor, mask: Tensor, bias: Tensor | None = None) -> Tensor:
        """hidden (docs, segments, width), mask (docs, segments) True = valid → (docs, out_width)."""
        weights = self.weights(hidden, mask, bias).unsqueeze(1)  # (docs, 1, segments)
        mean = (weights @ hidden).squeeze(1)
        if self.kind == "attention":
            return mean
        centred = hidden - mean.unsqueeze(1)  # the two-pass form: E[h²] − E[h]² cancels in float32
        variance = (weights @ centred.square()).squeeze(1)
        # the slope of a square root is infinite at 0, so the clamp comes first
        return torch.cat([mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()], dim=1)
