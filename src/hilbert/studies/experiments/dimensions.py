"""Does the wider modality win, at the same information?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hilbert.studies.arms import CONCAT, GMC, PRESETS, all_but, all_terms, raised, without
from hilbert.studies.claims import Claim, Part, above
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

NARROW = 16  # as many as a segment's code has numbers
WIDTHS = (16, 320, 1280)
SEGMENTS = {"segments": 8.0}
# quantity → its name, and the slope for a width ten times as large that is one, or that is taken off
FOLLOWS = {"dominance": ("D", 0.05), "least": ("R² of the less kept latents", 0.02)}


def trials(size: Size) -> list[Trial]:
    """Audio of 16 to 1,280 dimensions beside text of 16."""
    widths = WIDTHS[:2] if size.small else WIDTHS
    cases = {
        f"{w} : {NARROW}": (math.log10(w / NARROW), corpus(size, {"dim": w, **SEGMENTS}, {"dim": NARROW, **SEGMENTS}))
        for w in widths
    }
    arms = [raised("paper"), without("paper", "CKA", "balance"), reduced(without("paper", "CKA", "balance"))]
    if not size.small:
        arms += [reduced(raised("paper")), raised("robust"), without("robust", "CKA", "balance"), GMC, CONCAT]
        arms += [arm for p in PRESETS for arm in (all_terms(p), all_but(p, "CKA", "balance"))]
    return crossed(arms, cases, size, ("prediction", "latents", "flow"))


def reduced(arm: Arm) -> Arm:
    """An arm on 16 principal components of each modality, scaled to one norm."""
    return replace(arm, name=f"{arm.name}, with PCA", options={**arm.options, "network.components": NARROW})


def claims(found: Found) -> list[Claim]:
    """What follows the width without the terms, and what terms or principal components take off that."""
    bare = {preset: without(preset, "CKA", "balance") for preset in PRESETS}
    pca = reduced(bare["paper"])
    asked: list[tuple[str, Arm, Arm]] = [
        ("paper: CKA and balance at raised weights", raised("paper"), bare["paper"]),
        ("paper: principal components alone", pca, bare["paper"]),
        ("paper: CKA and balance after principal components", reduced(raised("paper")), pca),
        ("robust: CKA and balance at raised weights", raised("robust"), bare["robust"]),
    ]
    asked += [(f"{p}: CKA and balance at usual weights", all_terms(p), all_but(p, "CKA", "balance")) for p in PRESETS]
    made = []
    for quantity, (short, matters) in FOLLOWS.items():
        for text, on, off in asked:
            if on.name in found.arms and off.name in found.arms:
                premise, parts = _flatter(found, quantity, on.name, off.name, matters)
                made.append(Claim(f"{text} keep {short} from following the width", parts, premise))
        parts = _flatter(found, quantity, raised("paper").name, pca.name, matters, bare["paper"].name)[1]
        premise = _flatter(found, quantity, pca.name, bare["paper"].name, matters)[0]
        made.append(Claim(f"paper: the terms guard {short} better than principal components alone", parts[:1], premise))
    return made


def _flatter(
    found: Found, quantity: str, on: str, off: str, matters: float, direction: str | None = None
) -> tuple[list[Part], Sequence[Part]]:
    """Premise: without them the quantity follows the width. Parts: it does so less with them, and does not turn round.

    ``direction``: the arm whose mean slope says which way is "following" (default: ``off``).
    """
    slopes = {arm: found.slope(quantity, arm) for arm in (on, off, direction or off)}
    sign = float(np.sign(sum(slopes[direction or off].values()))) or 1.0
    along = {arm: {seed: sign * value for seed, value in slope.items()} for arm, slope in slopes.items()}
    less = {seed: value - along[on][seed] for seed, value in along[off].items() if seed in along[on]}
    premise = [above("slope without, per factor ten", along[off], matters)]
    return premise, [above("what they take off", less, matters / 2), above("slope with", along[on], -matters)]


EXPERIMENT = Experiment(
    "dimensions",
    "Does the wider modality dominate, at the same information?",
    "Audio of 16, 320 or 1,280 dimensions beside text of 16, eight segments each. A segment's code is turned "
    "into the wider space, so that no information about any latent changes; white noise of .1 per dimension comes with "
    "the width, as real features have it. Slopes are counted in the direction in which the quantity goes without the "
    "terms: where it goes nowhere there is nothing to guard against. Retention stands in the table alone: that of the "
    "true latents themselves would change with the width of what they are compared with.",
    trials,
    claims,
    ("auc", "dominance", "least", "latent_audio", "latent_text", "retention_least", "gradient_audio"),
    ("dominance", "least", "auc"),
    "log₁₀ of audio width / text width",
    lines=(
        *(arm.name for p in PRESETS for arm in (all_terms(p), without(p, "CKA", "balance"), raised(p))),
        reduced(without("paper", "CKA", "balance")).name,
        GMC.name,
        CONCAT.name,
    ),
)
