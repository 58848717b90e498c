"""Do the terms prevent one modality from dominating the joint embedding?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilbert.studies.arms import CONCAT, GMC, PRESETS, all_but, all_terms, direct, moved, raised, without
from hilbert.studies.claims import AUC_MATTERS, R2_MATTERS, Claim, Part, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import NUISANCE, TEXT, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

RATIOS = (1, 2, 4, 8)
MIDDLE = 4
EXCESS = 0.05  # of |D| above that of the inputs, which terms could be asked to prevent


def trials(size: Size) -> list[Trial]:
    """The noise of the text has 1 to 8 times the power of the audio's."""
    ratios = (MIDDLE,) if size.small else RATIOS
    cases = {name(r): (float(r), corpus(size, text={"noise": TEXT.noise * math.sqrt(r), **NUISANCE})) for r in ratios}
    arms = [arm for p in PRESETS for arm in (raised(p), without(p, "CKA", "balance"))] + [CONCAT]
    measures = ("prediction", "latents", "flow", "terms")
    if size.small:
        return crossed(arms, cases, size, measures)
    arms += [arm for p in PRESETS for arm in (all_terms(p), all_but(p, "CKA", "balance"))]
    others = [arm for p in PRESETS for arm in _others(p)] + [GMC]
    middle = {name(MIDDLE): cases[name(MIDDLE)]}
    return crossed(arms, cases, size, measures) + crossed(others, middle, size, measures)


def name(ratio: int) -> str:
    """The case of a ratio."""
    return f"1 : {ratio}"


def _others(preset: str) -> list[Arm]:
    return [*(without(preset, term) for term in ("CKA", "balance", "dual")), direct(preset)]


def claims(found: Found) -> list[Claim]:
    """What the terms prevent, what there is to prevent, and what each of them does for the weaker modality."""
    cases = [case for case, level in found.levels.items() if level > 1]
    made = []
    for preset in PRESETS:
        pairs = {
            "raised weights": (raised(preset).name, without(preset, "CKA", "balance").name),
            "usual weights": (all_terms(preset).name, all_but(preset, "CKA", "balance").name),
        }
        for weights, (on, off) in pairs.items():
            if off not in found.arms:
                continue
            own, inputs = (found.values("imbalance", arm, *cases) for arm in (off, CONCAT.name))
            text = f"{preset}, {weights}: without CKA and balance one modality dominates more than in the inputs"
            made.append(Claim(text, [above("|D| without − |D| of the inputs", combined(own, inputs), EXCESS)]))
            text = f"{preset}, {weights}: CKA and balance together halve dominance at no cost"
            made.append(Claim(text, _halved(found, on, off, cases)))
            text = f"{preset}, {weights}: CKA and balance together keep more of the weaker modality"
            more = found.change("least", on, off, *cases)
            made.append(Claim(text, [above("R² of the less kept latents, with − without", more, R2_MATTERS)]))
        for term in ("CKA", "balance"):
            on, off = raised(preset).name, without(preset, term).name
            if off in found.arms:
                more = found.change("least", on, off, name(MIDDLE))
                text = f"{preset}: {term} alone keeps more of the weaker modality"
                parts = [above("R² of the less kept latents, with − without", more, R2_MATTERS)]
                made.append(Claim(text, parts, moved(found, preset, term, on, off, name(MIDDLE))))
    return made


def _halved(found: Found, on: str, off: str, cases: Sequence[str]) -> list[Part]:
    half = combined(found.values("imbalance", on, *cases), found.values("imbalance", off, *cases), -0.5)
    return [
        below("|D| with − ½ |D| without", half),
        above("least retention with − without", found.change("retention_least", on, off, *cases), R2_MATTERS),
        above("macro AUC with − without", found.change("auc", on, off, *cases), -AUC_MATTERS),
    ]


EXPERIMENT = Experiment(
    "dominance",
    "Do the terms prevent one modality from dominating the joint embedding?",
    "Both modalities hold the same shared latents and as many of their own, the label rests on all three. The "
    "signal-to-noise ratio (in power) of the audio's segments is 1 to 8 times that of the text's, which also has 50 "
    "coordinates of nothing but noise, so that the joint embedding holds less information about it. D: (R²_a − R²_t) "
    "/ (R²_a + R²_t) of the modalities' own latents, from z_joint by ridge regression on held-out documents; 1: audio "
    "alone. The row of concat-lr shows what the pooled inputs hold, which is unequal itself: halving |D| may take "
    "away from the stronger modality, so what the weaker one gains is asked apart. Verdicts use ratios above 1.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "retention_least", "gap", "gradient_audio"),
    ("imbalance", "least", "auc"),
    "signal-to-noise ratio, text : audio",
    logarithmic=True,
    lines=(
        CONCAT.name,
        *(arm.name for p in PRESETS for arm in (raised(p), without(p, "CKA", "balance"), all_terms(p))),
    ),
)
