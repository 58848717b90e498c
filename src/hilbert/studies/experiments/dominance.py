"""Do the terms prevent one modality from dominating the joint embedding?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, raised, shipped_without, without
from hilbert.studies.claims import Claim, Part, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import TEXT, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

RATIOS = (1, 2, 4, 8)
COST = 0.005


def trials(size: Size) -> list[Trial]:
    """The noise of the text has 1 to 8 times the power of the audio's."""
    ratios = RATIOS[2:3] if size.small else RATIOS
    cases = {f"1 : {r}": (float(r), corpus(size, text={"noise": TEXT.noise * math.sqrt(r)})) for r in ratios}
    both = ("CKA", "balance")
    arms = [arm for p in PRESETS for arm in (raised(p), without(p, *both))]
    if not size.small:
        arms += [arm for p in PRESETS for arm in _more(p)] + [GMC, CONCAT]
    return crossed(arms, cases, size, ("prediction", "latents", "flow"))


def _more(preset: str) -> list[Arm]:
    one_less = [without(preset, term) for term in ("CKA", "balance", "dual")]
    return [network(preset, "shipped"), shipped_without(preset, "CKA", "balance"), *one_less, direct(preset)]


def claims(found: Found) -> list[Claim]:
    """Half the dominance, more of the weaker modality, and no more than .005 of macro AUC for it."""
    cases = [case for case, level in found.levels.items() if level > 1]
    made = []
    for preset in PRESETS:
        pairs = {
            "raised weights": (raised(preset).name, without(preset, "CKA", "balance").name),
            "shipped weights": (network(preset, "shipped").name, shipped_without(preset, "CKA", "balance").name),
        }
        for weights, (on, off) in pairs.items():
            if off in found.arms:
                text = f"{preset}, {weights}: CKA and balance together prevent dominance at no cost"
                made.append(Claim(text, _parts(found, on, off, cases)))
    return made


def _parts(found: Found, on: str, off: str, cases: Sequence[str]) -> list[Part]:
    half = combined(found.values("imbalance", on, *cases), found.values("imbalance", off, *cases), -0.5)
    return [
        below("|D| with − ½ |D| without", half),
        above("least retention with − without", found.change("retention_least", on, off, *cases)),
        above("macro AUC with − without", found.change("auc", on, off, *cases), -COST),
    ]


EXPERIMENT = Experiment(
    "dominance",
    "Do the terms prevent one modality from dominating the joint embedding?",
    "Both modalities hold the same shared latents and as many of their own, the label rests on all three. The "
    "signal-to-noise ratio (in power) of the audio's segments is 1 to 8 times that of the text's. D: (R²_a − R²_t) "
    "/ (R²_a + R²_t) of the modalities' own latents, from z_joint by ridge regression on held-out documents; 1: audio "
    "alone. The row of concat-lr shows what the pooled inputs hold. Verdicts use ratios above 1.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "retention_least", "gradient_audio"),
    ("imbalance", "retention_least", "auc"),
    "signal-to-noise ratio, text : audio",
    logarithmic=True,
)
