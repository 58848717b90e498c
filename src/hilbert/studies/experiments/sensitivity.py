"""Are gains only favourable hyper-parameters?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hilbert.benchmark.models import chosen_options
from hilbert.studies.arms import CONCAT, SHIPPED, STUDIED, studied_weight
from hilbert.studies.claims import Claim, Estimate, Part, PerSeed, above, below, combined
from hilbert.studies.experiment import FIRST, Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

WEIGHTS = ("contrast.weight", "cka.weight", "balance.weight", "head.router_z")
FACTORS = (0.0, 0.1, 1.0, 10.0)
SINGLE: Mapping[str, tuple[float, ...]] = {
    "contrast.temperature": (0.03, 0.3),
    "network.width": (32, 128),
    "vectors.components": (64, 256),
    "head.experts": (1, 8),
    "training.learning_rate": (6e-4, 6e-3),
}
DRAWS, SEEDS, SHARE = 30, 5, 0.9
REPEATS = 5  # model seeds of the shipped model, whose spread that of draws is held against
SEGMENT_COUNTS = (6, 24)
UNIQUE, HALF = "unique", "half salient"
GMC = Arm("gmc", "gmc", chosen_options().get("gmc", {}))
LEVEL, COST = 0.003, 0.01  # of macro AUC: a spread over draws beyond that of seeds, and a loss that is one
OF_EXPERTS = ("head.experts", "head.router_z")  # what a readout hides: judged by the experts themselves
EXPERTS = Arm("hilbert, experts alone", "hilbert", {"stack.members": ["experts"]})
UNTRAINED = "auc_untrained"


def usual(option: str) -> float:
    """The weight that is multiplied: that of `robust`, or where it leaves a term out, the one it had before."""
    return studied_weight("robust", option)


def draws() -> list[Arm]:
    """Joint draws: each weight within a factor of ten of the usual one, on a logarithmic scale."""
    rng = np.random.default_rng(20260416)
    powers = rng.uniform(-1, 1, (DRAWS, len(WEIGHTS)))
    return [
        _arm(f"draw {i + 1}", {w: float(f"{usual(w) * 10**p:.4g}") for w, p in zip(WEIGHTS, row, strict=True)})
        for i, row in enumerate(powers)
    ]


def one_by_one() -> list[Arm]:
    """One option at a time."""
    changes = {w: [f for f in FACTORS if f != (0.0 if w in STUDIED["robust"] else 1.0)] for w in WEIGHTS}
    arms = [_arm(f"{w} × {f:g}", {w: usual(w) * f}) for w, factors in changes.items() for f in factors]
    return arms + [_arm(f"{name} = {value:g}", {name: value}) for name, values in SINGLE.items() for value in values]


def by_experts(arm: Arm) -> Arm:
    """The same, predicting by the network's experts alone."""
    return Arm(f"{arm.name}, experts alone", arm.model, {**arm.options, **EXPERTS.options})


def _single() -> list[tuple[str, Arm, Arm]]:
    """Single changes: option, arm, and what it is held against."""
    made = []
    for arm in one_by_one():
        (option,) = arm.options
        of_experts = option in OF_EXPERTS
        made.append((option, by_experts(arm), EXPERTS) if of_experts else (option, arm, SHIPPED))
    return made


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
    more = less._replace(seeds=size.seeds)
    made += [t for t in crossed([SHIPPED], case, less._replace(repeats=REPEATS), ("prediction",)) if t.repeat]
    made += [t for t in crossed([SHIPPED], case, more, ("prediction",)) if t.seed >= FIRST + less.seeds]
    made += crossed([EXPERTS, *(arm for _, arm, _ in _single())], case, more, ("prediction",))
    for count in SEGMENT_COUNTS:  # segments of another length: as many as fit, each as much less noisy
        sides = {"segments": float(count), "noise": AUDIO.noise * (count / 12) ** 0.5}
        other = {f"{count} segments": (float(count), corpus(less, sides, sides, target=target))}
        made += crossed([SHIPPED, CONCAT, GMC], other, less, ("prediction",))
    half = {"salience": 0.5}  # the mean of a document is then not all that it says
    return made + crossed(arms, {HALF: (12.0, corpus(less, half, half, target=target))}, less, ("prediction",))


def claims(found: Found) -> list[Claim]:
    """The share of draws above others in the mean over data seeds; how far they spread; single changes."""
    made = []
    for case in (case for case in (UNIQUE, HALF) if case in found.cases):
        concat = found.values("auc", CONCAT.name, case)
        for quantity, what, beside in (("auc", "", "auc_core"), ("auc_network", ", their network alone,", "auc")):
            gmc, untrained = found.values(beside, GMC.name, case), found.values(UNTRAINED, SHIPPED.name, case)
            own = {arm.name: found.values(quantity, arm.name, case) for arm in draws() if arm.name in found.arms}
            alike = "gmc beside a linear core" if beside == "auc_core" else "gmc alone"
            for reference, other in ((CONCAT.name, concat), ("no training", untrained), (alike, gmc)):
                made.append(_share(case, what, reference, {name: combined(one, other) for name, one in own.items()}))
        lead = combined(found.values("auc", SHIPPED.name, case), concat)
        made.append(Claim(f"{case}: the shipped model is above concat-lr", [above("macro AUC, difference", lead)]))
        gain = combined(found.values("auc", SHIPPED.name, case), found.values(UNTRAINED, SHIPPED.name, case))
        made.append(Claim(f"{case}: training gains on no training", [above("macro AUC, difference", gain)]))
    for quantity, what in (("auc", ""), ("auc_network", ", their network alone,")):
        made.append(_spread(found, quantity, what))
    parts: dict[str, list[Part]] = {}
    for option, arm, held_against in _single():
        if arm.name in found.arms:
            change = found.change("auc", arm.name, held_against.name, UNIQUE)
            parts.setdefault(option, []).append(above(f"macro AUC of {arm.name}", change, -COST))
    for option, own_parts in parts.items():
        made.append(Claim(f"{option}: no single change costs more than {COST:g} of macro AUC", own_parts))
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


def _spread(found: Found, quantity: str, what: str) -> Claim:
    """The standard deviation over draws beyond that over model seeds of the shipped model, in each data seed."""
    own = [found.values(quantity, arm.name, UNIQUE) for arm in draws() if arm.name in found.arms]
    seeds: dict[int, list[float]] = {}
    for row in found.rows:
        if (row["arm"], row["case"]) == (SHIPPED.name, UNIQUE) and quantity in row["values"]:
            seeds.setdefault(row["seed"], []).append(row["values"][quantity])
    beyond = {
        seed: float(np.std([one[seed] for one in own], ddof=1) - np.std(values, ddof=1))
        for seed, values in seeds.items()
        if len(values) == REPEATS and len(own) == DRAWS and all(seed in one for one in own)
    }
    text = f"{UNIQUE}: draws{what} spread no more than model seeds do, by {LEVEL:g} of macro AUC"
    return Claim(text, [below("standard deviation over draws − over model seeds", beyond, LEVEL)])


EXPERIMENT = Experiment(
    "sensitivity",
    "Are gains only favourable hyper-parameters?",
    "Labels from both modalities' own latents, which all segments show (unique) or half of them (half salient). The "
    "shipped model, all its members included, with thirty joint draws of its four weights, each within a factor of ten "
    "of its usual value (of CKA and balance, which it leaves out, the one that it had before), and with one option "
    "changed at a time; five data seeds, ten for single changes. Draws share data seeds and the members that are not "
    "trained, so that they tend to lie above or below together: no training is what these members give without the "
    "network, and the network alone is shown, too. Options of the experts are judged by the experts alone. concat-lr "
    "chooses C on inner folds, as always; gmc has the options that tuning on calls chose, and a linear core.",
    trials,
    claims,
    ("auc", "auc_untrained", "auc_network", "auc_core", "auprc"),
    ("auc",),
    "",
    reference=CONCAT.name,
)
