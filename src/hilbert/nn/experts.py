"""Three embeddings of a document, and the heads on them: mixture of experts, and its two controls."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.config import HeadConfig


class Embeddings(NamedTuple):
    """Three (docs, width) embeddings, and which documents have each modality (docs,), True = present."""

    audio: Tensor
    text: Tensor
    joint: Tensor
    has_audio: Tensor
    has_text: Tensor

    def concatenated(self) -> Tensor:
        """[z_audio; z_text; z_joint]: (docs, 3 width)."""
        return torch.cat([self.audio, self.text, self.joint], dim=1)


class HeadOutput(NamedTuple):
    """``logits`` (docs, classes); the router's ``load_balance`` and ``router_z`` losses (0 without a router)."""

    logits: Tensor
    load_balance: Tensor
    router_z: Tensor


class BlockNorm(nn.Module):
    """LayerNorm of each of the three embeddings by itself, so that none wins by its scale."""

    def __init__(self, width: int, blocks: int = 3) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        """(docs, blocks × width) in and out."""
        parts = x.chunk(len(self.norms), dim=1)
        return torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=1)


class MixtureOfExperts(nn.Module):
    """logits = Σ_e g_e(x) (W2_e GELU(W1_e x + b1_e) + b2_e), gate g over all experts or the top k.

    All experts are computed for every document: at this size that is cheaper than routing, and no document is
    ever dropped. With ``top_k`` the gate is the softmax over all experts, cut to the k largest (Switch, Fedus et
    al. 2021, arXiv 2101.03961), renormalised for k > 1: a softmax after top-1 would give the router no gradient.
    """

    def __init__(self, width: int, classes: int, config: HeadConfig) -> None:
        super().__init__()
        inputs, experts, hidden = 3 * width, config.experts, config.hidden
        self.top_k = config.top_k if config.top_k and config.top_k < experts else None
        self.norm = BlockNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.router = nn.Linear(inputs, experts)
        self.w1 = nn.Parameter(torch.empty(experts, inputs, hidden).uniform_(-1, 1) / math.sqrt(inputs))
        self.b1 = nn.Parameter(torch.zeros(experts, hidden))
        self.w2 = nn.Parameter(torch.zeros(experts, hidden, classes))  # so that training starts undecided
        self.b2 = nn.Parameter(torch.zeros(experts, classes))

    def gate(self, router_logits: Tensor) -> Tensor:
        """(docs, experts) non-negative weights, zero outside the top k."""
        full = router_logits.float().softmax(dim=1)
        if self.top_k is None:
            return full.to(router_logits.dtype)
        kept = torch.zeros_like(full).scatter(1, full.topk(self.top_k, dim=1).indices, 1.0)
        gate = full * kept
        if self.top_k > 1:
            gate = gate / gate.sum(dim=1, keepdim=True)
        return gate.to(router_logits.dtype)

    def forward(self, x: Tensor) -> HeadOutput:
        """(docs, 3 width) → logits (docs, classes) and router losses."""
        x = self.dropout(self.norm(x))
        router_logits = self.router(x)
        gate = self.gate(router_logits)
        hidden = self.dropout(F.gelu(torch.einsum("bi,eih->beh", x, self.w1) + self.b1))
        logits = torch.einsum("beh,ehc->bec", hidden, self.w2) + self.b2
        mixed = (gate[..., None] * logits).sum(dim=1)
        return HeadOutput(mixed, load_balance(gate, router_logits), router_logits.logsumexp(dim=1).square().mean())


def load_balance(gate: Tensor, router_logits: Tensor) -> Tensor:
    """E Σ_e f_e P_e: f the share of documents routed to expert e (no gradient), P its mean probability.

    It is 1 when both are uniform. Source: Switch Transformer, arXiv 2101.03961, eq. 4.
    """
    routed = (gate > 0).to(gate.dtype)
    share = (routed / routed.sum(dim=1, keepdim=True)).mean(dim=0)
    return gate.shape[1] * (share * router_logits.softmax(dim=1).mean(dim=0)).sum()


class PlainHead(nn.Module):
    """The controls: one hidden layer with as many units as all experts together, or a linear map."""

    def __init__(self, width: int, classes: int, config: HeadConfig) -> None:
        super().__init__()
        units = config.experts * config.hidden if config.kind == "mlp" else 3 * width
        self.norm = BlockNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(3 * width, units) if config.kind == "mlp" else None
        self.out = nn.Linear(units, classes)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> HeadOutput:
        """(docs, 3 width) → logits (docs, classes); no router, so its losses are 0."""
        x = self.dropout(self.norm(x))
        if self.hidden is not None:
            x = self.dropout(F.gelu(self.hidden(x)))
        return HeadOutput(self.out(x), x.new_zeros(()), x.new_zeros(()))


def make_head(width: int, classes: int, config: HeadConfig) -> nn.Module:
    """Build the head that ``config.kind`` names."""
    return MixtureOfExperts(width, classes, config) if config.kind == "experts" else PlainHead(width, classes, config)
