"""Are gains only favourable hyper-parameters?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from hilbert.benchmark.models import chosen_options
from hilbert.config import HilbertConfig
from hilbert.studies.arms import CONCAT, SHIPPED
from hilbert.studies.claims import Claim, Estimate, Part, PerSeed, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

WEIGHTS = ("contrast.weight", "cka.weight", "balance.weight", "head.router_z")
FACTORS = (0.0, 0.1, 0.3, 3.0, 10.0)
SINGLE: Mapping[str, tuple[float, ...]] = {
    "contrast.temperature": (0.03, 0.3, 1.0),
    "model.width": (32, 64, 256),
    "segments.width": (64, 256),
    "head.experts": (1, 2, 8),
    "training.learning_rate": (3e-4, 3e-3),
}
DRAWS, SEEDS, SHARE = 30, 5, 0.9
SEGMENT_COUNTS = (6, 24)
UNIQUE, HALF = "unique", "half salient"
GMC = Arm("gmc", "gmc", chosen_options().get("gmc", {}))
LEVEL, COST = 0.01, 0.01  # of macro AUC: a range over draws that is no sensitivity, and a loss that is one


@cache
def shipped(option: str) -> float:
    """The value of an option in `robust`."""
    section, name = option.split(".")
    return float(getattr(getattr(HilbertConfig.load(), section), name))


def draws() -> list[Arm]:
    """Joint draws: each weight within a factor of ten of its value, on a logarithmic scale."""
    rng = np.random.default_rng(20260416)
    powers = rng.uniform(-1, 1, (DRAWS, len(WEIGHTS)))
    return [
        _arm(f"draw {i + 1}", {w: float(f"{shipped(w) * 10**p:.4g}") for w, p in zip(WEIGHTS, row, strict=True)})
        for i, row in enumerate(powers)
    ]


def one_by_one() -> list[Arm]:
    """One option at a time."""
    arms = [_arm(f"{w} × {f:g}", {w: shipped(w) * f}) for w in WEIGHTS for f in FACTORS]
    return arms + [_arm(f"{name} = {value:g}", {name: value}) for name, values in SINGLE.items() for value in values]


def _arm(name: str, options: dict[str, Any]) -> Arm:
    return Arm(name, "hilbert", options)


def trials(size: Size) -> list[Trial]:
    """The shipped model under draws, under single changes, and with segments of other lengths."""
    less = size._replace(seeds=min(size.seeds, SEEDS), repeats=1)
    target = Target(shared=0.0, audio=1.0, text=1.0)
    arms = [SHIPPED, CONCAT, GMC, *(draws()[:3] if size.small else draws())]
    case = {UNIQUE: (12.0, corpus(less, target=target))}
    made = crossed(arms, case, less, ("prediction",))
    if size.small:
        return made
    made += crossed(one_by_one(), case, less, ("prediction",))
    for count in SEGMENT_COUNTS:  # segments of another length: as many as fit, each as much less noisy
        sides = {"segments": float(count), "noise": AUDIO.noise * (count / 12) ** 0.5}
        other = {f"{count} segments": (float(count), corpus(less, sides, sides, target=target))}
        made += crossed([SHIPPED, CONCAT, GMC], other, less, ("prediction",))
    half = {"salience": 0.5}  # the mean of a document is then not all that it says
    return made + crossed(arms, {HALF: (12.0, corpus(less, half, half, target=target))}, less, ("prediction",))


def claims(found: Found) -> list[Claim]:
    """The share of draws above concat-lr and gmc in the mean over data seeds; how far they spread; single changes."""
    made = []
    for case in (case for case in (UNIQUE, HALF) if case in found.cases):
        concat, gmc = found.values("auc", CONCAT.name, case), found.values("auc_core", GMC.name, case)
        for quantity, what in (("auc", ""), ("auc_network", ", their network alone,")):
            own = {arm.name: found.values(quantity, arm.name, case) for arm in draws() if arm.name in found.arms}
            for reference, other in ((CONCAT.name, concat), ("gmc beside the same linear core", gmc)):
                made.append(_share(case, what, reference, {name: combined(one, other) for name, one in own.items()}))
        made.append(_range(found, case))
        lead = combined(found.values("auc", SHIPPED.name, case), concat)
        made.append(Claim(f"{case}: the shipped model is above concat-lr", [above("macro AUC, difference", lead)]))
    singles = [arm.name for arm in one_by_one() if arm.name in found.arms]
    if singles:
        parts = [above(arm, found.change("auc", arm, SHIPPED.name, UNIQUE), -COST) for arm in singles]
        made.append(Claim(f"no single change of an option costs more than {COST:g} of macro AUC", parts))
    for count in SEGMENT_COUNTS:
        lead = found.change("auc", SHIPPED.name, CONCAT.name, f"{count} segments")
        if lead:
            text = f"{count} segments instead of 12: the shipped model is above concat-lr"
            made.append(Claim(text, [above("macro AUC, difference", lead)]))
    return made


def _share(case: str, what: str, reference: str, gains: Mapping[str, PerSeed]) -> Claim:
    """Decided by itself, once every draw has every seed."""
    whole = len(gains) == DRAWS and all(len(gain) == SEEDS for gain in gains.values())
    over = [sum(gain.values()) > 0 for gain in gains.values() if gain]
    share = float(np.mean(over)) if over else math.nan
    bounds = (share, share) if whole else (math.nan, math.nan)
    part = Part(f"share of draws above {reference}", Estimate(share, *bounds, len(over)), "above", SHARE - 1e-9)
    return Claim(f"{case}: at least {SHARE:.0%} of {DRAWS} joint draws{what} are above {reference}", [part])


def _range(found: Found, case: str) -> Claim:
    """From the worst draw to the best, in each seed."""
    own = [found.values("auc", arm.name, case) for arm in draws() if arm.name in found.arms]
    seeds = set.intersection(*(set(one) for one in own)) if own else set()
    spread = {seed: max(one[seed] for one in own) - min(one[seed] for one in own) for seed in sorted(seeds)}
    return Claim(f"{case}: all draws lie within {LEVEL:g} of macro AUC", [below("best − worst draw", spread, LEVEL)])


EXPERIMENT = Experiment(
    "sensitivity",
    "Are gains only favourable hyper-parameters?",
    "Labels from both modalities' own latents, which all segments show (unique) or half of them (half salient). The "
    "shipped model, linear core, second network and inner selection included, with thirty joint draws of its four "
    "weights, each within a factor of ten, and with one option changed at a time; five data seeds. As the linear core "
    "is a part of the logits whatever the weights, the network alone is shown, too. concat-lr chooses C on inner "
    "folds, as always; gmc has the options that tuning on calls chose, and the linear core.",
    trials,
    claims,
    ("auc", "auc_network", "auc_core", "auprc"),
    ("auc",),
    "",
    reference=CONCAT.name,
)
