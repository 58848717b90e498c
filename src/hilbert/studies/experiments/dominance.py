"""Do the terms prevent one modality from dominating the joint embedding?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, raised, without
from hilbert.studies.claims import Claim, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import TEXT, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Trial

RATIOS = (1, 2, 4, 8)
COST = 0.005


def trials(size: Size) -> list[Trial]:
    """The text is 1 to 8 times as noisy as the audio."""
    ratios = RATIOS[2:3] if size.small else RATIOS
    cases = {f"× {r}": (float(r), corpus(size, text={"noise": TEXT.noise * r})) for r in ratios}
    arms = [arm for p in PRESETS for arm in (raised(p), without(p, "CKA", "balance"))]
    if not size.small:
        arms += [arm for p in PRESETS for arm in _more(p)] + [GMC, CONCAT]
    return crossed(arms, cases, size, ("prediction", "latents", "flow"))


def _more(preset: str) -> list:  # type: ignore[type-arg]
    one_less = [without(preset, term) for term in ("CKA", "balance", "dual")]
    return [network(preset, "shipped"), *one_less, direct(preset)]


def claims(found: Found) -> list[Claim]:
    """Half the dominance, more of the weaker modality, and no more than .005 of macro AUC for it."""
    cases = [case for case, level in found.levels.items() if level > 1]
    made = []
    for preset in PRESETS:
        with_terms, bare = raised(preset).name, without(preset, "CKA", "balance").name

        def change(quantity: str, factor: float = 1.0, on: str = with_terms, off: str = bare) -> dict[int, float]:
            return combined(found.values(quantity, on, *cases), found.values(quantity, off, *cases), -factor)

        parts = [
            below("|D| with − ½ |D| without", change("imbalance", 0.5)),
            above("least retention with − without", change("retention_least")),
            above("macro AUC with − without", change("auc"), -COST),
        ]
        made.append(Claim(f"{preset}: CKA and balance together prevent dominance at no cost", parts))
    return made


EXPERIMENT = Experiment(
    "dominance",
    "Do the terms prevent one modality from dominating the joint embedding?",
    "Both modalities hold the same shared latents and as many of their own, the label rests on all three. The text's "
    "segments are 1, 2, 4 or 8 times as noisy as the audio's. D: (R²_a − R²_t) / (R²_a + R²_t) of the modalities' own "
    "latents, from z_joint by ridge regression on held-out documents; 1 is audio alone. Verdicts use ratios above 1.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "retention_least", "gradient_audio"),
    ("imbalance", "retention_least", "auc"),
    "noise of the text, times that of the audio",
    logarithmic=True,
)
