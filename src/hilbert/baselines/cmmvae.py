"""`contrastive-mmvae`: MMVAE that tells related pairs from unrelated ones (Shi et al. 2021, arXiv 2007.01179)."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from hilbert.baselines.method import both_present, same_group
from hilbert.baselines.mmvae import Decoder, Laplace, Mmvae, MmvaeMethod
from hilbert.training.data import Batch


class ContrastiveMmvaeMethod(MmvaeMethod):
    """−γ log p(a, t) + ½ [log Σ_i p(a_i, t) + log Σ_i p(a, t_i)], each log p by MMVAE's looser bound.

    The sums hold the pair itself and a few negatives, as those of (N + 1)-tuplet losses and InfoNCE do: so the
    loss is at least (1 − γ) log p(a, t), while sums over negatives alone would fall without end as the decoders'
    σ does. Samples and their decoded means belong to one document and one modality and are computed once; pairs
    only recombine them. The gradient is the plain one: a sample has another importance weight in every pair.
    """

    def one_source(self, source: int, x: list[Tensor], experts: list[Laplace], z: Tensor, partners: Tensor) -> Tensor:
        """log 1/K Σ_k p(z) p(x_i | z) p(x'_j | z) / q(z | x_i, x'_j), z ~ q(z | x_i): (pairs, docs) in nats.

        z: (samples, docs, latent) of modality ``source``, here x; partners: (pairs, docs) the j of each i.
        """
        other = 1 - source
        decoders = cast(list[Decoder], list(self.decoders))
        own = self.log_prior(z) + self.powers[source] * decoders[source](x[source], z)
        decoded = decoders[other].mean(z)
        across = decoders[other].log_density(x[other][partners][:, None], decoded)  # (pairs, samples, docs)
        q = experts[other]
        partner = Laplace(q.mean[partners][:, None], q.scale[partners][:, None])
        log_q = torch.logaddexp(experts[source].log_density(z), partner.log_density(z)) - math.log(2.0)
        log_w: Tensor = own + self.powers[other] * across - log_q
        return log_w.logsumexp(dim=1) - math.log(len(z))

    def pairs(self, x: list[Tensor], shifts: Tensor, samples: int) -> Tensor:
        """Bounds of log p(a_i, t_(i + s)) of all documents i and shifts s, (shifts, docs) in nats."""
        experts = [encode(own) for encode, own in zip(self.encoders, x, strict=True)]
        docs = torch.arange(len(x[0]), device=shifts.device)
        later, earlier = (docs + shifts[:, None]) % len(docs), (docs - shifts[:, None]) % len(docs)
        of_audio = self.one_source(0, x, experts, experts[0].draw(samples), later)
        of_text = self.one_source(1, x, experts, experts[1].draw(samples), earlier)  # by text
        return 0.5 * (of_audio + of_text.gather(1, later))

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Over documents with both modalities, in nats a feature; documents of one group are no negatives.

        The same few shifts for all documents give each of them as many negatives, and make every pair serve twice:
        among the a_i of a text, and among the t_i of an audio.
        """
        x, _ = self.inputs(batch)
        both = both_present(batch)
        x = [own[both] for own in x]
        docs = len(x[0])
        if not docs:
            return {"total": x[0].sum(), "contrast": x[0].sum()}  # 0
        device = both.device
        drawn = 1 + torch.randperm(docs - 1, device=device)[: self.options["negatives"]]
        shifts = torch.cat([drawn.new_zeros(1), drawn])
        pairs = self.pairs(x, shifts, self.options["samples"])
        rows = torch.arange(docs, device=device)
        later, earlier = (rows + shifts[:, None]) % docs, (rows - shifts[:, None]) % docs
        excluded = same_group(batch)[both][:, both][rows, later]
        excluded[0] = False  # the pair itself
        candidates = pairs.masked_fill(excluded, -torch.inf)
        contrast = 0.5 * (candidates.logsumexp(dim=0) + candidates.gather(1, earlier).logsumexp(dim=0))
        total = (contrast - self.options["gamma"] * pairs[0]).mean() / self.features
        return {"total": total, "contrast": (contrast - pairs[0]).mean()}


class ContrastiveMmvae(Mmvae):
    """Contrastive MMVAE on pooled frozen features; the heads see both posterior means."""

    method = ContrastiveMmvaeMethod
    defaults = {**Mmvae.defaults, "negatives": 5, "gamma": 2.0}  # noqa: RUF012
    space = Mmvae.space | {"gamma": [1.5, 2.0, 4.0]}
