"""`misa`: modality-invariant and -specific representations (Hazarika et al. 2020, arXiv 2005.03545)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.method import Classifier, Shape, both_present, make_encoder, present
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import unit
from hilbert.nn.attention import CrossAttention
from hilbert.training.data import Batch

MOMENTS = 5


def moment_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """CMD = ‖E x − E y‖ + Σ_{k=2…5} ‖c_k(x) − c_k(y)‖ of samples (n, width) in 0 … 1, c_k the central moments.

    Source: Zellinger et al. 2017, arXiv 1702.08811, eq. 5. Equal samples give 0 with a finite gradient: the slope
    of ``vector_norm`` at 0 is 0, where that of a square root is infinite. An empty sample gives 0.
    """
    if not len(x) or not len(y):
        return x.sum() * 0.0 + y.sum() * 0.0
    means = x.mean(dim=0), y.mean(dim=0)
    total: Tensor = torch.linalg.vector_norm(means[0] - means[1])
    centred = x - means[0], y - means[1]
    for k in range(2, MOMENTS + 1):
        total = total + torch.linalg.vector_norm(centred[0].pow(k).mean(dim=0) - centred[1].pow(k).mean(dim=0))
    return total


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """Mean of the squared entries of X̂ᵀ Ŷ, (width, width), X̂ (n, width) with centred columns, then rows of norm 1.

    The paper's soft orthogonality ‖X̂ᵀ Ŷ‖²_F, as a mean: its sum grows with the width, for one weight of the term.
    """
    x, y = (unit(z - z.mean(dim=0)) for z in (x, y))
    squared: Tensor = (x.T @ y).square()
    return squared.mean()


class Parts(NamedTuple):
    """(docs, width) each: a modality's vector, what is private in it, and what it shares."""

    whole: Tensor
    private: Tensor
    shared: Tensor


class MisaMethod(Classifier):
    """u_m = LN z_m, p_m = σ(P_m u_m), s_m = σ(S u_m); a transformer layer over the four of them, then an MLP.

    L = label + λ_c CMD(s_audio, s_text) + λ_d [C(p_audio, s_audio) + C(p_text, s_text) + C(p_audio, p_text)]
    + λ_r mean_m mean (u_m − D_m(p_m + s_m))², where C is ``correlation``. Adaptations: z_m comes from attentively
    pooled segments; CMD and C are over documents that have both modalities, reconstruction over those that have it;
    C is a mean over entries; the transformer layer norms first.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width, dropout = options["width"], options["dropout"]
        super().__init__(shape, options, 2 * width)
        self.audio, self.text = (
            nn.Sequential(make_encoder(shape, options, part), nn.LayerNorm(width)) for part in ("audio", "text")
        )
        self.private_audio, self.private_text, self.shared = (nn.Linear(width, width) for _ in range(3))
        self.decode_audio, self.decode_text = (nn.Linear(width, width) for _ in range(2))
        self.attention = CrossAttention(width, options["heads"], dropout, zero=False)
        self.fuse = nn.Sequential(nn.Linear(4 * width, 2 * width), nn.GELU())

    def parts(self, batch: Batch) -> tuple[Parts, Parts]:
        """Audio's and text's."""
        whole = self.audio(batch.inputs.audio), self.text(batch.inputs.text)
        private = self.private_audio(whole[0]).sigmoid(), self.private_text(whole[1]).sigmoid()
        audio, text = (Parts(u, p, self.shared(u).sigmoid()) for u, p in zip(whole, private, strict=True))
        return audio, text

    def fused(self, audio: Parts, text: Parts) -> Tensor:
        """(docs, 2 width) from the four tokens."""
        tokens = torch.stack([audio.private, text.private, audio.shared, text.shared], dim=1)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        fused: Tensor = self.fuse(self.attention(tokens, tokens, mask).flatten(1))
        return fused

    def represent(self, batch: Batch) -> Tensor:
        """(docs, 2 width)."""
        return self.fused(*self.parts(batch))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The label loss with similarity, difference and reconstruction."""
        audio, text = self.parts(batch)
        label = self.label_loss(self.classified(self.fused(audio, text), batch), batch)
        both = both_present(batch)
        a, t = (Parts(*(z[both] for z in parts)) for parts in (audio, text))
        similarity = moment_discrepancy(a.shared, t.shared)
        pairs = (a.private, a.shared), (t.private, t.shared), (a.private, t.private)
        difference = torch.stack([correlation(x, y) for x, y in pairs]).sum()
        errors = []
        decoders = self.decode_audio, self.decode_text
        for parts, decode, known in zip((audio, text), decoders, present(batch), strict=True):
            has = known.to(label.dtype)
            error = F.mse_loss(decode(parts.private + parts.shared), parts.whole, reduction="none").mean(dim=1)
            errors.append((has * error).sum() / has.sum().clamp_min(1.0))
        reconstruction = (errors[0] + errors[1]) / 2
        weights = self.options
        total = label + weights["similarity"] * similarity + weights["difference"] * difference
        total = total + weights["reconstruction"] * reconstruction
        return {
            "total": total, "label": label, "similarity": similarity, "difference": difference,
            "reconstruction": reconstruction,
        }  # fmt: skip


class Misa(NeuralBaseline):
    """MISA on frozen segment features, trained end to end."""

    method = MisaMethod
    version = 2
    defaults = {"heads": 4, "similarity": 1.0, "difference": 0.3, "reconstruction": 1.0}  # noqa: RUF012
    space = NeuralBaseline.space | {  # type: ignore[operator]
        "similarity": [0.1, 0.3, 1.0],
        "difference": [0.1, 0.3, 1.0],
        "reconstruction": [0.1, 1.0],
    }


class MisaOnVectors(Misa):
    """`misa-vectors`: MISA on HILBERT's document vectors."""

    defaults = Misa.defaults | {"backbone": "vectors"}
