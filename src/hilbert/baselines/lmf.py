"""`lmf`: low-rank multimodal fusion (Liu et al. 2018, arXiv 1806.00064)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilbert.baselines.neural import NeuralBaseline
from hilbert.baselines.tfn import TfnMethod, with_one


class LowRankFusion(nn.Module):
    """Σ_r (A_r [1; a]) ⊙ (T_r [1; t]) + b: tensor fusion whose W has rank ``rank`` for each output.

    ``audio``, ``text``: (rank, 1 + factor, out). The weights of the ranks that public code learns are left out:
    the factors absorb them.
    """

    def __init__(self, factor: int, out: int, rank: int) -> None:
        super().__init__()
        self.audio, self.text = (nn.Parameter(torch.empty(rank, 1 + factor, out)) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(out))
        for factors in (self.audio, self.text):
            # the sum over ranks of products of two maps of variance 1 / √rank has variance 1
            nn.init.normal_(factors, std=((1 + factor) * rank**0.5) ** -0.5)

    def forward(self, audio: Tensor, text: Tensor) -> Tensor:
        """(docs, factor) twice → (docs, out)."""
        maps = (torch.einsum("bi,rio->bro", with_one(z), w) for z, w in ((audio, self.audio), (text, self.text)))
        left, right = maps
        return (left * right).sum(dim=1) + self.bias


class LmfMethod(TfnMethod):
    """`tfn` with LowRankFusion: h = GELU(Σ_r (A_r [1; a]) ⊙ (T_r [1; t]) + b), logits = W h."""

    def make_fusion(self) -> nn.Module:
        """Low-rank."""
        return LowRankFusion(self.options["factor"], self.options["width"], self.options["rank"])


class Lmf(NeuralBaseline):
    """Low-rank fusion of both modalities, trained end to end."""

    method = LmfMethod
    defaults = {"factor": 32, "rank": 4}  # noqa: RUF012
    space = NeuralBaseline.space | {"rank": [2, 4, 8]}  # type: ignore[operator]


class LmfOnVectors(Lmf):
    """`lmf-vectors`: low-rank fusion of HILBERT's document vectors."""

    defaults = Lmf.defaults | {"backbone": "vectors"}
