"""What synthetic documents are made of: latents, two modalities, a target, sub-populations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from hilbert.errors import ConfigError


@dataclass(frozen=True)
class Modality:
    """How one modality shows the latents. A segment has a code of few numbers, embedded in ``dim`` dimensions.

    ``dim``: width of a segment's vector. ``segments``: mean number of segments of a document, ``spread``: standard
    deviation of its natural logarithm (0: every document has ``segments``). ``shared``, ``unique``: strengths of the
    shared latents and of the modality's own, each falling off as exp(-i / ``decay``) over latents i = 0, 1, …
    (None: not at all). ``salience``: share of segments that show the latents. ``population``: strength with which
    every segment shows its sub-population, where there are several.

    ``noise``: standard deviation of segment noise in each coordinate of the code, so that the signal-to-noise ratio of
    a segment is (shared / noise)² in power. ``nuisance``: coordinates of the code that hold nothing but noise.
    ``white``, ``ambient``: standard deviation of white noise inside and outside the code's space, per dimension: the
    total outside grows with ``dim``.
    """

    dim: int = 64
    segments: float = 20.0
    spread: float = 0.5
    shared: float = 1.0
    unique: float = 1.0
    decay: float | None = 8.0
    salience: float = 1.0
    population: float = 1.0
    noise: float = 2.0
    nuisance: int = 8
    white: float = 0.1
    ambient: float = 0.1

    def __post_init__(self) -> None:
        for name in ("shared", "unique", "population", "noise", "ambient", "spread"):
            _number(f"modality {name}", getattr(self, name))
        _number("modality dim", self.dim, 1, whole=True)
        _number("modality nuisance", self.nuisance, whole=True)
        _number("modality segments", self.segments, 1)
        _number("modality salience", self.salience, 0, 1)
        _number("modality white", self.white, 1e-6)
        if self.decay is not None:
            _number("modality decay", self.decay, 1e-3)

    def without_signal(self) -> Modality:
        """The same modality as pure noise: neither latents nor sub-population show."""
        return replace(self, shared=0.0, unique=0.0, population=0.0)


@dataclass(frozen=True)
class Target:
    """What the label depends on: a score of unit variance, cut at quantiles into ordered classes.

    score = √(1 − noise) · Σ w · term / ‖w‖ + √noise · ε, with ε ~ N(0, 1); the terms are independent, each of
    variance 1. ``shared``, ``audio``, ``text``: weights of a linear rule on the shared latents and on either modality's
    own. ``synergy``: weight of the product of the signs of one direction of the audio's and one of the text's own
    latents, about which neither modality says anything alone.

    ``priors``: shares of the classes, from the lowest score to the highest; ``noise``: share of the score's variance
    that no latent explains, 0 to 1.
    """

    shared: float = 1.0
    audio: float = 0.0
    text: float = 0.0
    synergy: float = 0.0
    priors: tuple[float, ...] = (0.70, 0.18, 0.08, 0.04)
    noise: float = 0.3

    def __post_init__(self) -> None:
        for name in ("shared", "audio", "text", "synergy"):
            _number(f"target {name}", getattr(self, name))
        _number("target noise", self.noise, 0, 1)
        if not any(self.weights):
            raise ConfigError("target: expected a weight above 0, found none; for labels of pure noise set noise to 1")
        if self.noise == 0 and not any(self.weights[:3]):
            raise ConfigError(
                "target: synergy alone gives a score of two values, which quantiles cannot cut; expected noise above 0"
            )
        object.__setattr__(self, "priors", tuple(self.priors))
        for prior in self.priors:
            _number("target priors", prior, 0, 1)
        if len(self.priors) < 2 or not all(self.priors) or not math.isclose(sum(self.priors), 1):
            raise ConfigError(f"target priors: expected two or more shares that add up to 1, found {self.priors}")

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """Of the shared, audio, text and synergy terms."""
        return self.shared, self.audio, self.text, self.synergy


@dataclass(frozen=True)
class Populations:
    """Sub-populations whose labels follow rules of their own; a group belongs to one of them, with equal chances.

    ``heterogeneity``: share of a linear term's variance that the sub-population's own rule takes from the common one.
    At 0 there is one rule. At 1 the rules cancel: two are opposite, three lie 120° apart, so that what does not
    know the sub-population is at chance. A term's variance is the same throughout, and so is the oracle.
    """

    count: int = 1
    heterogeneity: float = 0.0

    def __post_init__(self) -> None:
        _number("populations count", self.count, 1, whole=True)
        _number("populations heterogeneity", self.heterogeneity, 0, 1)
        if self.heterogeneity and self.count == 1:
            raise ConfigError("populations: expected a count of 2 or more for heterogeneity above 0, found 1")


@dataclass(frozen=True)
class Design:
    """Everything about a synthetic corpus but its seed.

    ``group_sizes``: documents of the first, second, … group (a family, a speaker), over and over again. ``icc``: share
    of the variance of each latent that a group has in common. ``shared_latents``, ``unique_latents``: how many, the
    latter for each modality. ``length_correlation``: of the logarithms of both modalities' numbers of segments.

    Raises ConfigError for a value outside its range, or where the parts do not fit one another.
    """

    documents: int = 200
    group_sizes: tuple[int, ...] = (1,)
    icc: float = 0.0
    shared_latents: int = 4
    unique_latents: int = 4
    length_correlation: float = 0.0
    audio: Modality = field(default_factory=lambda: Modality(dim=256, segments=40))
    text: Modality = field(default_factory=Modality)
    target: Target = field(default_factory=Target)
    populations: Populations = field(default_factory=Populations)

    def __post_init__(self) -> None:
        for name in ("documents", "shared_latents", "unique_latents"):
            _number(name, getattr(self, name), 1, whole=True)
        _number("icc", self.icc, 0, 1)
        _number("length_correlation", self.length_correlation, -1, 1)
        object.__setattr__(self, "group_sizes", tuple(self.group_sizes))
        if not self.group_sizes:
            raise ConfigError("group_sizes: expected at least one size, found none")
        for size in self.group_sizes:
            _number("group_sizes", size, 1, whole=True)
        self._check_latents()
        for name, modality in (("audio", self.audio), ("text", self.text)):
            size = self.code_size(modality)
            if modality.dim < size:
                raise ConfigError(
                    f"{name} dim: expected at least {size}, the numbers in a segment's code "
                    f"(latents, sub-populations, nuisance), found {modality.dim}"
                )

    def code_size(self, modality: Modality) -> int:
        """Numbers in a segment's code: shared latents, own latents, sub-populations where several, nuisance."""
        count = self.populations.count
        return self.shared_latents + self.unique_latents + (count if count > 1 else 0) + modality.nuisance

    def _check_latents(self) -> None:
        """A sub-population's rule needs a direction of its own in every weighted term, and synergy one more."""
        target, rules = self.target, self.populations.count
        unique = (rules if target.audio or target.text else 0) + (1 if target.synergy else 0)
        for name, need in (("shared_latents", rules if target.shared else 0), ("unique_latents", unique)):
            if getattr(self, name) < need:
                raise ConfigError(
                    f"{name}: expected at least {need} for the target's rules ({rules} sub-populations"
                    f"{', synergy' if target.synergy else ''}), found {getattr(self, name)}"
                )


def _number(name: str, value: float, low: float = 0.0, high: float = math.inf, whole: bool = False) -> None:
    """Raise ConfigError unless a finite number (``whole``: an integer) from low to high."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not (low <= value <= high and math.isfinite(value)):
        bounds = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
        raise ConfigError(f"{name}: expected {'a whole number' if whole else 'a number'} of {bounds}, found {value!r}")
