"""Are gains only favourable hyper-parameters?"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from hilbert.config import HilbertConfig
from hilbert.studies.arms import CONCAT, GMC, SHIPPED
from hilbert.studies.claims import Claim, Part, above, combined, estimate
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

WEIGHTS = ("contrast.weight", "cka.weight", "balance.weight")
FACTORS = (0.0, 0.1, 0.3, 3.0, 10.0)
SINGLE = {
    "contrast.temperature": (0.03, 0.3, 1.0),
    "model.width": (32, 64, 256),
    "head.experts": (2, 8),
    "training.learning_rate": (3e-4, 3e-3),
}
DRAWS, SEEDS, SHARE = 30, 5, 0.9
SEGMENT_COUNTS = (6, 24)


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
    cases = {"unique": (12.0, corpus(less, target=target))}
    if not size.small:
        half = {"salience": 0.5}  # the mean of a document is then not all that it says
        cases["half salient"] = (12.0, corpus(less, half, half, target=target))
    made = crossed(arms, cases, less, ("prediction",))
    if not size.small:
        made += crossed(one_by_one(), {"unique": cases["unique"]}, less, ("prediction",))
        for count in SEGMENT_COUNTS:  # segments of another length: as many as fit, each as much less noisy
            sides = {"segments": float(count), "noise": AUDIO.noise * (count / 12) ** 0.5}
            other = {f"{count} segments": (float(count), corpus(less, sides, sides, target=target))}
            made += crossed([SHIPPED, CONCAT, GMC], other, less, ("prediction",))
    return made


def claims(found: Found) -> list[Claim]:
    """The share of draws above concat-lr and gmc in the mean over data seeds."""
    names = [arm.name for arm in draws() if arm.name in found.arms]
    made = []
    for case, reference in product(("unique", "half salient"), (CONCAT.name, GMC.name)):
        if case not in found.cases:
            continue
        other = found.values("auc", reference, case)
        gains = {name: combined(found.values("auc", name, case), other) for name in names}
        over = [sum(gain.values()) > 0 for gain in gains.values() if gain]
        share = float(np.mean(over)) if over else float("nan")
        exact = estimate({i: share for i in range(len(over))})._replace(low=share, high=share, seeds=len(over))
        decided = exact if len(over) == DRAWS else exact._replace(low=float("nan"), high=float("nan"))
        text = f"{case}: at least {SHARE:.0%} of {DRAWS} joint draws of the weights are above {reference}"
        made.append(Claim(text, [Part(f"share of draws above {reference}", decided, "above", SHARE - 1e-9)]))
        lead = combined(found.values("auc", SHIPPED.name, case), other)
        made.append(Claim(f"{case}: the shipped model is above {reference}", [above("macro AUC, difference", lead)]))
    return made


EXPERIMENT = Experiment(
    "sensitivity",
    "Are gains only favourable hyper-parameters?",
    "Labels from both modalities' own latents, which all segments show (unique) or half of them (half salient). The "
    "shipped model, linear core, second network and inner selection included, with thirty joint draws of its three "
    "weights, each within a factor of ten, and with one option changed at a time; five data seeds. concat-lr chooses C "
    "on inner folds, as always.",
    trials,
    claims,
    ("auc", "auprc"),
    (),
    "",
)
