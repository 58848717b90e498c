"""Bidirectional cross-modal attention (after MulT, Tsai et al. 2019, arXiv 1906.00295)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CrossAttention(nn.Module):
    """One direction: q' = q + MHA(LN q, LN k, LN k), q'' = q' + FFN(LN q').

    Keys are masked; padded queries compute values that pooling ignores. ``zero`` starts the layer as the
    identity: both of its output maps are zero.
    """

    def __init__(self, width: int, heads: int, dropout: float, zero: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm_query = nn.LayerNorm(width)
        self.norm_key = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a key bias cancels in the softmax
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm_feedforward = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(2 * width, width)
        if zero:
            for layer in (self.out, self.contract):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, query: Tensor, key: Tensor, key_mask: Tensor) -> Tensor:
        """query (docs, q, width), key (docs, k, width), key_mask (docs, k) True = valid → (docs, q, width)."""
        keys = self.norm_key(key)
        q, k, v = (self._split(x) for x in (self.query(self.norm_query(query)), self.key(keys), self.value(keys)))
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=key_mask[:, None, None, :], dropout_p=self.dropout if self.training else 0.0
        )
        query = query + F.dropout(self.out(attended.transpose(1, 2).flatten(2)), self.dropout, self.training)
        hidden = self.contract(F.gelu(self.expand(self.norm_feedforward(query))))
        return query + F.dropout(hidden, self.dropout, self.training)

    def weights(self, query: Tensor, key: Tensor, key_mask: Tensor) -> Tensor:
        """Attention maps for analysis: (docs, heads, q, k), rows add up to 1."""
        q = self._split(self.query(self.norm_query(query)))
        k = self._split(self.key(self.norm_key(key)))
        scores: Tensor = (q @ k.transpose(2, 3)).float() / q.shape[-1] ** 0.5
        return scores.masked_fill(~key_mask[:, None, None, :], -torch.inf).softmax(dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        split: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (docs, heads, segments, width / heads)
        return split


class BidirectionalLayer(nn.Module):
    """Both directions, each from the old states of the other, so that the layer is symmetric."""

    def __init__(self, width: int, heads: int, dropout: float, zero: bool = False) -> None:
        super().__init__()
        self.audio = CrossAttention(width, heads, dropout, zero)
        self.text = CrossAttention(width, heads, dropout, zero)

    def forward(self, audio: Tensor, text: Tensor, audio_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Two padded sequences and their masks in, both attended sequences out."""
        return self.audio(audio, text, text_mask), self.text(text, audio, audio_mask)
