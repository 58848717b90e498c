"""Verdicts: supported, not supported, undecided or no test, computed from intervals over data seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SUPPORTED, REFUTED, UNDECIDED, NO_TEST = "supported", "not supported", "undecided", "no test"
AUC_MATTERS, R2_MATTERS = 0.005, 0.01  # the least differences that count as effects, of AUC or AUPRC and of R² or CKA
PerSeed = Mapping[int, float]


class Estimate(NamedTuple):
    """A mean over data seeds and its 95 % interval by Student's t; without an interval below 3 seeds."""

    value: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Part:
    """One condition of a claim: an estimate that is wanted ``wanted`` ("above" or "below") a bound."""

    what: str
    estimate: Estimate
    wanted: str
    bound: float

    @property
    def holds(self) -> bool | None:
        """True or False where the whole interval is on one side of the bound, else None."""
        _, low, high, seeds = self.estimate
        if not seeds or math.isnan(low):
            return None
        if low <= self.bound <= high:
            return None
        return (low > self.bound) == (self.wanted == "above")


@dataclass(frozen=True)
class Claim:
    """A sentence that the experiment could refute, and the conditions it stands or falls with.

    ``premise``: without what the sentence says nothing, such as something for a term to act on.
    """

    text: str
    parts: Sequence[Part]
    premise: Sequence[Part] = ()

    @property
    def verdict(self) -> str:
        """Supported where every part holds, not supported where one is refuted, else undecided.

        No test where a premise is refuted, undecided where one is open.
        """
        given = [part.holds for part in self.premise]
        if any(part is False for part in given):
            return NO_TEST
        if not all(given):
            return UNDECIDED
        held = [part.holds for part in self.parts]
        if any(part is False for part in held):
            return REFUTED
        return SUPPORTED if held and all(held) else UNDECIDED


def estimate(values: PerSeed) -> Estimate:
    """Mean and interval of one number a data seed."""
    from scipy.stats import t

    x = np.array(list(values.values()), dtype=np.float64)
    if not len(x):
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float(x.mean())
    if len(x) < 3:
        return Estimate(mean, math.nan, math.nan, len(x))
    half = float(t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Estimate(mean, mean - half, mean + half, len(x))


def above(what: str, values: PerSeed, bound: float = 0.0) -> Part:
    """The mean lies above the bound."""
    return Part(what, estimate(values), "above", bound)


def below(what: str, values: PerSeed, bound: float = 0.0) -> Part:
    """The mean lies below the bound."""
    return Part(what, estimate(values), "below", bound)


def combined(one: PerSeed, other: PerSeed, weight: float = -1.0) -> dict[int, float]:
    """one + weight · other, for the seeds that both have: by default the paired difference."""
    return {seed: value + weight * other[seed] for seed, value in one.items() if seed in other}
