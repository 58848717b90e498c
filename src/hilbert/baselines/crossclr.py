"""`crossclr`: contrast across and within modalities, without the best connected negatives (arXiv 2109.14910)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hilbert.baselines.method import Method, ProjectionHead, SegmentEncoder, Shape, both_present, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import unit
from hilbert.nn.ragged import Ragged
from hilbert.training.data import Batch

RANGE_FLOOR = 1e-6


def connectivity(segments: Ragged, keep: Tensor) -> Tensor:
    """C_i = mean over j of (1 + cos(x̄_i, x̄_j)) / 2 of mean-pooled inputs: (docs kept,), in 0 to 1.

    The paper takes the cosine itself, of features that are all positive; ours are centred, so that their cosines
    add up to about 0, by which the loss weights could not be divided.
    """
    docs = len(segments.lengths)
    owner = torch.repeat_interleave(torch.arange(docs, device=keep.device), segments.lengths)
    sums = segments.values.new_zeros(docs, segments.values.shape[1]).index_add(0, owner, segments.values)
    directions = unit(sums[keep])  # a sum points where the mean does
    return 0.5 * (1.0 + directions @ directions.mean(dim=0))


def pruned(connected: Tensor, threshold: float) -> Tensor:
    """(docs,) True where C, scaled to 0 … 1 over the batch, reaches ``threshold``: too typical for a negative."""
    lowest, highest = connected.amin(), connected.amax()
    return (connected - lowest) / (highest - lowest).clamp_min(RANGE_FLOOR) >= threshold


def importance(connected: Tensor, kappa: float) -> Tensor:
    """Loss weights ∝ exp(C_i / ΣC / κ') that add up to 1; κ' = κ / docs, as C_i / ΣC falls with the batch too."""
    shares = connected / connected.sum().clamp_min(RANGE_FLOOR)
    return (shares * len(connected) / kappa).softmax(dim=0)


def one_sided(
    x: Tensor, y: Tensor, drop_x: Tensor, drop_y: Tensor, weights: Tensor, scale: float, intra: float, excluded: Tensor
) -> Tensor:
    """Σ_i w_i −log [e^{s x_i·y_i} / (e^{s x_i·y_i} + Σ_k e^{s x_i·y_k} + Σ_k e^{λ s x_i·x_k})], in nats.

    x, y: (docs, width) unit rows; drop_*: (docs,) True = a negative of nobody; excluded: (docs, docs) True = no
    negatives of each other; λ: ``intra``. What does not count has the logit −∞, not 0.
    """
    own = torch.eye(len(x), dtype=torch.bool, device=x.device)
    across = (scale * x @ y.T).masked_fill((excluded | drop_y) & ~own, -torch.inf)
    within = (intra * scale * x @ x.T).masked_fill(excluded | drop_x | own, -torch.inf)
    target = torch.arange(len(x), device=x.device)
    losses = F.cross_entropy(torch.cat([across, within], dim=1), target, reduction="none")
    return (weights * losses).sum()


class CrossclrMethod(Method):
    """½ [L(audio → text) + L(text → audio)], each document's connectivity taken from its frozen inputs.

    As the authors' code has it, λ scales the logits within a modality. Adaptation: C is scaled to 0 … 1 over the
    batch before the threshold, since centred inputs leave it close to its mean; there is no queue.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        width, dropout = options["width"], options["dropout"]
        self.audio, self.text = (SegmentEncoder(dim, width, dropout) for dim in (shape.audio, shape.text))
        self.head_audio, self.head_text = (ProjectionHead(width, options["projection"]) for _ in range(2))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Over documents that have both modalities; documents of one group are no negatives."""
        both = both_present(batch)
        audio = unit(self.head_audio(self.audio(batch.inputs.audio))[both])
        text = unit(self.head_text(self.text(batch.inputs.text))[both])
        if len(audio) < 2:
            return {"total": (audio.sum() + text.sum()) * 0.0}
        o = self.options
        connected = [connectivity(segments, both) for segments in (batch.inputs.audio, batch.inputs.text)]
        drop_audio, drop_text = (pruned(c, o["threshold"]) for c in connected)
        weight_audio, weight_text = (importance(c, o["kappa"]) for c in connected)
        scale, intra, excluded = 1.0 / o["temperature"], o["intra"], same_group(batch)[both][:, both]
        of_audio = one_sided(audio, text, drop_audio, drop_text, weight_audio, scale, intra, excluded)
        of_text = one_sided(text, audio, drop_text, drop_audio, weight_text, scale, intra, excluded)
        return {"total": 0.5 * (of_audio + of_text)}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio and z_text, before the projection heads."""
        return {"audio": self.audio(batch.inputs.audio), "text": self.text(batch.inputs.text)}


class Crossclr(NeuralBaseline):
    """CrossCLR on frozen segment features; the heads see [z_audio; z_text]."""

    method = CrossclrMethod
    defaults = {"projection": 64, "temperature": 0.1, "intra": 0.8, "threshold": 0.9, "kappa": 0.22}  # noqa: RUF012
    space = NeuralBaseline.space | {  # type: ignore[operator]
        "temperature": [0.03, 0.1, 0.2],
        "intra": [0.5, 0.8],
        "threshold": [0.7, 0.9],
    }
