"""Labels from latents, and the exact probabilities of a model that sees the latents."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.fft import dct
from scipy.special import ndtr

from hilbert.errors import ConfigError
from hilbert.synthetic.design import Design, Populations
from hilbert.synthetic.latents import Floats, Ints
from hilbert.synthetic.streams import Stream, stream


def directions(size: int) -> Floats:
    """(size, size) orthonormal rows that rules are made of: the cosine basis, whose first row has equal weights."""
    return np.asarray(dct(np.eye(size), axis=0, norm="ortho"), dtype=np.float64)


def rules(populations: Populations, size: int) -> Floats:
    """(populations, size) unit vector of each sub-population's linear rule on ``size`` latents.

    √(1 − h) · common + √h · own, h the heterogeneity; the own rules are the corners of a regular simplex, which add up
    to 0, in directions orthogonal to the common one.
    """
    count, h = populations.count, populations.heterogeneity
    corners = directions(count)[1:].T * math.sqrt(count / max(count - 1, 1))
    mix = np.concatenate([np.full((count, 1), math.sqrt(1 - h)), math.sqrt(h) * corners], axis=1)
    return np.asarray(mix @ directions(size)[:count], dtype=np.float64)


def signal(design: Design, latents: Mapping[str, Floats], populations: Ints) -> Floats:
    """(docs,) the part of the score that latents and sub-population explain, of variance 1."""
    target = design.target
    total = np.zeros(len(populations))
    for name, weight in (("shared", target.shared), ("audio", target.audio), ("text", target.text)):
        if weight:
            x = latents[name]
            total += weight * (x * rules(design.populations, x.shape[1])[populations]).sum(axis=1)
    if target.synergy:
        last = directions(design.unique_latents)[-1]
        total += target.synergy * np.sign(latents["audio"] @ last) * np.sign(latents["text"] @ last)
    return total / math.hypot(*target.weights)


def draw_labels(design: Design, seed: int, explained: Floats) -> tuple[Ints, Floats]:
    """Labels (docs,), 0 for the lowest scores, and what the oracle knows: P(label | latents), (docs, classes).

    ``explained``: (docs,) of ``signal``. Class sizes are the priors' shares of the documents, rounded; so the
    cuts, and with them labels close to one, move when there are more documents. The probabilities are exact given the
    cuts: P(y ≤ c) = Φ((cut_c − √(1 − noise) · explained) / √noise).

    Raises ConfigError where a class would have no document.
    """
    target, docs = design.target, len(explained)
    upto = np.rint(np.cumsum(target.priors) * docs).astype(np.int64)
    upto[-1] = docs
    sizes = np.diff(upto, prepend=0)
    if sizes.min() < 1:
        rarest = int(sizes.argmin())
        raise ConfigError(
            f"target priors: class {rarest}, of share {target.priors[rarest]:g}, has no document among {docs}; "
            "ask for more documents or a larger share"
        )
    centre = math.sqrt(1 - target.noise) * explained
    score = centre + math.sqrt(target.noise) * stream(seed, Stream.LABELS).standard_normal(docs)
    order = np.argsort(score, kind="stable")
    y = np.empty(docs, dtype=np.int64)
    y[order] = np.repeat(np.arange(len(sizes)), sizes)
    ranked = score[order]
    cuts = (ranked[upto[:-1] - 1] + ranked[upto[:-1]]) / 2
    spread = math.sqrt(max(target.noise, 1e-12))  # without noise the step function, whose steps are this wide
    below = ndtr((cuts - centre[:, None]) / spread)
    return y, np.diff(below, axis=1, prepend=0.0, append=1.0)
