"""`mmvae`: variational autoencoder with a mixture-of-experts posterior (Shi et al. 2019, arXiv 1911.03393)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.method import Method, Shape
from hilbert.baselines.neural import NeuralBaseline
from hilbert.nn.ragged import Ragged
from hilbert.training.data import Batch

VARIANCE_FLOOR = 1e-6
DEVIATION_FLOOR = 1e-2
PRIOR_ROWS = 1e-2
POSTERIOR_FLOOR = 1e-6
NOISE_FLOOR = 0.05


class Laplace(NamedTuple):
    """Independent Laplace distributions, mean and scale of one shape."""

    mean: Tensor
    scale: Tensor

    def draw(self, samples: int) -> Tensor:
        """(samples, *shape), differentiable in mean and scale."""
        uniform = torch.rand(samples, *self.mean.shape, device=self.mean.device) - 0.5
        # log1p(−1) is the one place where it would be infinite
        return self.mean - self.scale * uniform.sign() * torch.log1p((-2 * uniform.abs()).clamp_min(-1 + 1e-7))

    def log_density(self, z: Tensor) -> Tensor:
        """(…, latent) → (…), in nats."""
        return -((z - self.mean).abs() / self.scale + (2 * self.scale).log()).sum(dim=-1)

    def constant(self) -> Laplace:
        """The same without a gradient."""
        return Laplace(self.mean.detach(), self.scale.detach())


def pooled(segments: Ragged) -> Tensor:
    """Mean and standard deviation over each document's segments, (docs, 2 dim); without segments 0 and its floor."""
    docs, dim = len(segments.lengths), segments.values.shape[1]
    owner = torch.repeat_interleave(torch.arange(docs, device=segments.lengths.device), segments.lengths)
    counts = segments.lengths.clamp_min(1)[:, None]
    mean = segments.values.new_zeros(docs, dim).index_add(0, owner, segments.values) / counts
    squares = (segments.values - mean[owner]).square()
    variance = squares.new_zeros(docs, dim).index_add(0, owner, squares) / counts
    return torch.cat([mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()], dim=1)


class CommonScale(nn.Module):
    """Centre each column and divide all by one number, by the moments of all rows seen in training.

    Columns come from principal components: a divisor of each would make noise as large as what documents differ by,
    and the autoencoder would spend its latents on it. The mean variance counts one hundredth of a row of variance 1.
    Moments are buffers, so that outside training a document's output depends on no other, and early stopping
    restores them.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("squares", torch.zeros(dim))

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """x (docs, dim), present (docs,) rows that count → (docs, dim)."""
        if self.training:
            self._update(x[present])
        return (x - self.mean) / self.deviation()

    def deviation(self) -> Tensor:
        """What all columns are divided by, a scalar."""
        variance: Tensor = (self.squares.mean() + PRIOR_ROWS) / (self.count + PRIOR_ROWS)
        return variance.sqrt().clamp_min(DEVIATION_FLOOR)

    @torch.no_grad()
    def _update(self, x: Tensor) -> None:
        """Merge the moments of new rows into the old ones (Chan et al. 1983)."""
        if not len(x):
            return
        total = self.count + len(x)
        mean = x.mean(dim=0)
        shift = mean - self.mean
        self.squares += (x - mean).square().sum(dim=0) + shift.square() * self.count * len(x) / total
        self.mean += shift * len(x) / total
        self.count.copy_(total)


class Encoder(nn.Module):
    """q(z | x): mean, and a scale that a softmax shares out, so that it is 1 on average over the latents."""

    def __init__(self, dim: int, hidden: int, latent: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout))
        self.mean, self.scale = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, x: Tensor) -> Laplace:
        """(docs, dim) → distributions (docs, latent)."""
        hidden = self.hidden(x)
        scale = self.scale(hidden).softmax(dim=-1) * self.scale.out_features + POSTERIOR_FLOOR
        return Laplace(self.mean(hidden), scale)


class Decoder(nn.Module):
    """p(x | z): a Gaussian with a learnt standard deviation of each feature, at least 0.05."""

    def __init__(self, latent: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(latent, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.raw = nn.Parameter(torch.full((dim,), math.log(math.expm1(1.0 - NOISE_FLOOR))))  # starts at 1

    def log_density(self, x: Tensor, mean: Tensor) -> Tensor:
        """log N(x; mean, σ²) in nats: (…, dim) of shapes that broadcast → (…)."""
        sigma = F.softplus(self.raw) + NOISE_FLOOR
        constant = sigma.log().sum() + 0.5 * len(sigma) * math.log(2 * math.pi)
        # divided before they broadcast
        return -0.5 * (x / sigma - mean / sigma).square().sum(dim=-1) - constant

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """x (docs, dim), z (…, docs, latent) → (…, docs)."""
        return self.log_density(x, self.mean(z))


class MmvaeMethod(Method):
    """−1/M Σ_m log 1/K Σ_k p(z) Π_d p(x_d | z)^{s_d} / q(z | x), z ~ q_m, q = 1/M Σ_m q_m, s_d = dim_min / dim_d.

    The paper's looser bound with stratified samples, Laplace prior and posteriors. The value is the bound, per
    feature; its gradient is DReG's (Tucker et al. 2018, arXiv 1810.04152): posteriors constant in log q, and the
    samples' gradient weighted once more by the normalised importance weights. Adaptation: x_d are the mean and
    spread over a document's segments, at a common scale, not images; a document without a modality has one expert and
    one likelihood, and one without any has no part in the loss.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        hidden, latent, dims = 2 * options["width"], options["latent"], (2 * shape.audio, 2 * shape.text)
        self.powers = [min(dims) / dim for dim in dims]
        self.features = sum(dims)
        self.scales = nn.ModuleList(CommonScale(dim) for dim in dims)
        self.encoders = nn.ModuleList(Encoder(dim, hidden, latent, options["dropout"]) for dim in dims)
        self.decoders = nn.ModuleList(Decoder(latent, hidden, dim) for dim in dims)

    def inputs(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """Scaled features (docs, 2 dim) of each modality, and (2, docs) which of them there are."""
        segments = batch.inputs.audio, batch.inputs.text
        present = torch.stack([own.lengths > 0 for own in segments])
        both = zip(self.scales, segments, present, strict=True)
        return [layer(pooled(own), has) for layer, own, has in both], present

    @staticmethod
    def log_prior(z: Tensor) -> Tensor:
        """Laplace(0, 1): (…, latent) → (…)."""
        return -(z.abs() + math.log(2.0)).sum(dim=-1)

    def log_weights(self, z: Tensor, x: list[Tensor], experts: list[Laplace], present: Tensor) -> Tensor:
        """log p(z) + Σ_d s_d log p(x_d | z) − log q(z | x) of samples z (…, docs, latent) → (…, docs).

        Every document has at least one modality here.
        """
        known = zip(self.powers, present, self.decoders, x, strict=True)
        likelihood = torch.stack([s * has * decode(own, z) for s, has, decode, own in known])
        density = torch.stack(
            [q.log_density(z).masked_fill(~has, -torch.inf) for q, has in zip(experts, present, strict=True)]
        )
        log_q = density.logsumexp(dim=0) - present.sum(dim=0).log()
        return self.log_prior(z) + likelihood.sum(dim=0) - log_q

    def bound(self, x: list[Tensor], present: Tensor, samples: int) -> Tensor:
        """The bound of log p(x) by document, (docs,) in nats, with DReG's gradient."""
        experts = [encode(own) for encode, own in zip(self.encoders, x, strict=True)]
        z = torch.stack([q.draw(samples) for q in experts])  # (experts, samples, docs, latent)
        log_w = self.log_weights(z, x, [q.constant() for q in experts], present)
        if z.requires_grad:
            normalised = log_w.detach().softmax(dim=1)[..., None]
            z.register_hook(lambda gradient: normalised * gradient)
        by_expert = log_w.logsumexp(dim=1) - math.log(samples)
        return by_expert.where(present, 0.0).sum(dim=0) / present.sum(dim=0)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Mean over documents that have any segment, in nats a feature."""
        x, present = self.inputs(batch)
        known = present.any(dim=0)
        bound = self.bound([own[known] for own in x], present[:, known], self.options["samples"])
        return {"total": -bound.sum() / max(len(bound), 1) / self.features}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Posterior means (docs, latent); the prior's, 0, where a modality lacks."""
        x, present = self.inputs(batch)
        audio, text = (
            encode(own).mean * has[:, None] for encode, own, has in zip(self.encoders, x, present, strict=True)
        )
        return {"audio": audio, "text": text}


class Mmvae(NeuralBaseline):
    """MMVAE on pooled frozen features; the heads see both posterior means."""

    method = MmvaeMethod
    defaults = {"latent": 32, "samples": 10}  # noqa: RUF012
    space = NeuralBaseline.space | {"latent": [16, 32, 64], "samples": [5, 10]}  # type: ignore[operator]
