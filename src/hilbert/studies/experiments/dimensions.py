"""Does the wider modality win, at the same information?"""

from __future__ import annotations

import math

from hilbert.studies.arms import CONCAT, GMC, PRESETS, network, raised, without
from hilbert.studies.claims import R2_MATTERS, Claim, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

NARROW = 16  # as many as a segment's code has numbers
WIDTHS = (16, 320, 1280)
FLAT = 0.02  # of D or of retention, for a width ten times as large
SEGMENTS = {"segments": 8.0}


def trials(size: Size) -> list[Trial]:
    """Audio of 16 to 1,280 dimensions beside text of 16."""
    widths = WIDTHS[:2] if size.small else WIDTHS
    cases = {
        f"{w} : {NARROW}": (math.log10(w / NARROW), corpus(size, {"dim": w, **SEGMENTS}, {"dim": NARROW, **SEGMENTS}))
        for w in widths
    }
    arms = [raised("paper"), without("paper", "CKA", "balance"), reduced()]
    if not size.small:
        arms += [raised("robust"), without("robust", "CKA", "balance"), GMC, CONCAT]
        arms += [network(preset, "shipped") for preset in PRESETS]
    return crossed(arms, cases, size, ("prediction", "latents", "flow"))


def reduced() -> Arm:
    """The preset `paper` without both terms, on 16 principal components of each modality, scaled to one norm."""
    options = dict(without("paper", "CKA", "balance").options) | {"input.components": NARROW}
    return network("paper", "− CKA, balance, with PCA", options)


def claims(found: Found) -> list[Claim]:
    """Flat lines; and terms that do more than principal components do."""
    made = []
    for arm, what in (
        (raised("paper").name, "paper, all terms"),
        (reduced().name, "paper without CKA and balance, after PCA"),
        (raised("robust").name, "robust, all terms"),
    ):
        for quantity, short, long in (
            ("dominance", "D", "dominance does"),
            ("retention_least", "least retention", "structure kept does"),
        ):
            slope = found.slope(quantity, arm)
            if slope:
                parts = [below(f"slope of {short} per factor ten", slope, FLAT), above("the same", slope, -FLAT)]
                made.append(Claim(f"{what}: {long} not follow the width", parts))
    on, off = (found.slope("dominance", arm) for arm in (raised("paper").name, reduced().name))
    text = "paper: the terms guard against width better than principal components alone"
    guarded = combined(off, on)
    return [*made, Claim(text, [above("slope of D with PCA alone − with the terms", guarded, R2_MATTERS)])]


EXPERIMENT = Experiment(
    "dimensions",
    "Does the wider modality dominate, at the same information?",
    "Audio of 16, 320 or 1,280 dimensions beside text of 16, eight segments each. A segment's code is turned "
    "into the wider space, so that no information about any latent changes; white noise of .1 per dimension comes with "
    "the width, as real features have it.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "retention_least", "gradient_audio"),
    ("dominance", "retention_least", "auc"),
    "log₁₀ of audio width / text width",
)
