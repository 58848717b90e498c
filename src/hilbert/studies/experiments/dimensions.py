"""Does the wider modality win, at the same information?"""

from __future__ import annotations

import math

from hilbert.studies.arms import CONCAT, PRESETS, SHIPPED, network, raised, without
from hilbert.studies.claims import Claim, above, below
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

NARROW = 16  # as many as a segment's code has numbers
WIDTHS = (16, 64, 320, 1280)
FLAT = 0.02  # of D or of retention, for a width ten times as large
SEGMENTS = {"segments": 8.0}


def trials(size: Size) -> list[Trial]:
    """Audio of 16 to 1,280 dimensions beside text of 16."""
    widths = (16, 320) if size.small else WIDTHS
    cases = {
        f"{w} : {NARROW}": (math.log10(w / NARROW), corpus(size, {"dim": w, **SEGMENTS}, {"dim": NARROW, **SEGMENTS}))
        for w in widths
    }
    arms = [raised("paper"), without("paper", "CKA", "balance"), reduced()]
    if not size.small:
        arms += [raised("robust"), without("robust", "CKA", "balance"), SHIPPED, CONCAT]
        arms += [network(preset, "shipped") for preset in PRESETS]
    return crossed(arms, cases, size, ("prediction", "latents", "flow"))


def reduced() -> Arm:
    """The preset `paper` without both terms, on 16 principal components of each modality."""
    return network("paper", "− CKA, balance, with PCA", dict(without("paper", "CKA", "balance").options) | {
        "input.components": NARROW
    })  # fmt: skip


def claims(found: Found) -> list[Claim]:
    """Flat lines; and terms that do more than principal components do."""
    made = []
    for arm, what in (
        (raised("paper").name, "paper, all terms: dominance does not follow the width"),
        (reduced().name, "paper without CKA and balance, after PCA: dominance does not follow the width"),
        (raised("robust").name, "robust, all terms: dominance does not follow the width"),
    ):
        slope = found.slope("dominance", arm)
        if slope:
            parts = [below("slope of D per factor ten", slope, FLAT), above("slope of D", slope, -FLAT)]
            made.append(Claim(what, parts))
    on, off = (found.slope("imbalance", arm) for arm in (raised("paper").name, reduced().name))
    gain = {seed: abs(off[seed]) - abs(value) for seed, value in on.items() if seed in off}
    text = "paper: the terms guard against width better than principal components alone"
    return [*made, Claim(text, [above("|slope| with PCA alone − |slope| with the terms", gain)])]


EXPERIMENT = Experiment(
    "dimensions",
    "Does the wider modality dominate, at the same information?",
    "Audio of 16, 64, 320 or 1,280 dimensions beside text of 16, eight segments each. A segment's code is turned "
    "into the wider space, so that no information about any latent changes; white noise of .1 per dimension comes with "
    "the width, as real features have it.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "retention_least", "gradient_audio"),
    ("dominance", "retention_least", "auc"),
    "log₁₀ of audio width / text width",
)
