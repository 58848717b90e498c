"""`st-moe`: sparse experts on pooled features, as in ST-MoE (Zoph et al. 2022, arXiv 2202.08906)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hilbert.baselines.method import Classifier, Shape
from hilbert.baselines.neural import NeuralBaseline
from hilbert.config import HeadConfig
from hilbert.nn.experts import HeadOutput, MixtureOfExperts
from hilbert.nn.pooling import VARIANCE_FLOOR
from hilbert.nn.ragged import Ragged, pad
from hilbert.training.data import Batch


class JitteredRouter(nn.Linear):
    """A linear router whose input is multiplied by U(1 − ε, 1 + ε) in training (Switch, arXiv 2101.03961)."""

    def __init__(self, inputs: int, experts: int, jitter: float) -> None:
        super().__init__(inputs, experts)
        self.jitter = jitter

    def forward(self, x: Tensor) -> Tensor:
        """(docs, inputs) → (docs, experts)."""
        if self.training:
            x = x * (1 + self.jitter * (2 * torch.rand_like(x) - 1))
        return super().forward(x)


def mean_and_spread(segments: Ragged) -> Tensor:
    """Mean and standard deviation over a document's segments, (docs, 2 dim); without segments 0, and about 0."""
    values, mask = pad(segments.values, segments.lengths)
    count = segments.lengths.clamp_min(1)[:, None].to(values.dtype)
    mean = values.sum(dim=1) / count
    centred = (values - mean[:, None]) * mask[..., None]
    spread = (centred.square().sum(dim=1) / count).clamp_min(VARIANCE_FLOOR).sqrt()
    return torch.cat([mean, spread], dim=1)


class StMoeMethod(Classifier):
    """x = W [LN p_audio; LN p_text], h = LN Σ_e g_e(x) FFN_e(x), g the renormalised top 2 of softmax(W_r x).

    L = label + λ_b E Σ_e f_e P_e + λ_z mean (logsumexp W_r x)². p_m is the mean and spread of the segments; the
    documents take the place of tokens. Adaptations: all experts are computed, so there is no capacity and no
    document is dropped; the second expert is always used; 3 ``width`` is the width of x, normed in three blocks; as the
    layer's width changes there is no residual path around it.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        width = options["width"]
        super().__init__(shape, options, width)
        self.norm_audio, self.norm_text = nn.LayerNorm(2 * shape.audio), nn.LayerNorm(2 * shape.text)
        self.mix = nn.Linear(2 * (shape.audio + shape.text), 3 * width)
        names = ("experts", "hidden", "top_k", "dropout")
        config = HeadConfig(kind="experts", class_weights=True, **{name: options[name] for name in names})
        self.experts = MixtureOfExperts(width, width, config)
        with torch.no_grad():  # a head starts at zero, a layer does not
            self.experts.w2.copy_(torch.empty_like(self.experts.w2).uniform_(-1, 1) / math.sqrt(options["hidden"]))
        self.experts.router = JitteredRouter(3 * width, options["experts"], options["jitter"])
        self.norm = nn.LayerNorm(width)

    def routed(self, batch: Batch) -> HeadOutput:
        """The experts' output (docs, width) and the router's losses."""
        audio, text = mean_and_spread(batch.inputs.audio), mean_and_spread(batch.inputs.text)
        pooled = self.norm_audio(audio), self.norm_text(text)
        output: HeadOutput = self.experts(self.mix(torch.cat(pooled, dim=1)))
        return output

    def represent(self, batch: Batch) -> Tensor:
        """h (docs, width)."""
        normed: Tensor = self.norm(self.routed(batch).logits)
        return normed

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The label loss with the router's two."""
        output = self.routed(batch)
        label = self.label_loss(self.classified(self.norm(output.logits), batch), batch)
        balance, router_z = output.load_balance, output.router_z
        total = label + self.options["load_balance"] * balance + self.options["router_z"] * router_z
        return {"total": total, "label": label, "load_balance": balance, "router_z": router_z}


class StMoe(NeuralBaseline):
    """Top-2 experts on the mean and spread of both modalities, trained end to end."""

    method = StMoeMethod
    defaults = {  # noqa: RUF012
        "experts": 4, "hidden": 32, "top_k": 2, "jitter": 0.01, "load_balance": 0.01, "router_z": 0.001,
    }  # fmt: skip
    space = NeuralBaseline.space | {"experts": [4, 8]}  # type: ignore[operator]
