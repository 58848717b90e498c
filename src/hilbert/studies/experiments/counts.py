"""Does the modality with more segments win, at the same information?"""

from __future__ import annotations

import math

from hilbert.studies.arms import CONCAT, SHIPPED, network, raised
from hilbert.studies.claims import Claim, above, below
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

PAIRS = ((5, 50), (50, 50), (50, 5), (500, 5))
FORMS = ("concat", "gated", "sequence")
SLACK = 0.05


def trials(size: Size) -> list[Trial]:
    """Noise grows with the root of the count: a document's mean says the same whatever the number of segments."""
    pairs = PAIRS[::2] if size.small else PAIRS
    cases = {}
    for audio, text in pairs:
        sides = [{"dim": 32, "segments": float(n), "noise": AUDIO.noise * math.sqrt(n / 12)} for n in (audio, text)]
        cases[f"{audio} : {text}"] = (math.log10(audio / text), corpus(size, *sides))
    arms = [joint("paper", form) for form in FORMS]
    if not size.small:
        arms += [network("robust", "shipped"), raised("robust"), SHIPPED, CONCAT]
    return crossed(arms, cases, size, ("prediction", "latents", "flow", "padding"))


def joint(preset: str, form: str) -> Arm:
    """A preset with one form of its joint embedding."""
    return network(preset, form, {"model.joint": form})


def claims(found: Found) -> list[Claim]:
    """A level line for each form, and no dependence on padding."""
    made = []
    for arm in (*(joint("paper", form).name for form in FORMS), network("robust", "shipped").name):
        slope = found.slope("dominance", arm)
        if slope:
            parts = [below("slope of D per factor ten", slope, SLACK), above("slope of D", slope, -SLACK)]
            made.append(Claim(f"{arm}: dominance does not follow the numbers of segments", parts))
        mass = found.slope("mass_audio", arm)
        if mass:
            parts = [below("slope of the audio's mass", mass, SLACK), above("slope of the mass", mass, -SLACK)]
            made.append(Claim(f"{arm}: the gate's or attention's mass does not follow the numbers of segments", parts))
    padded = [below(arm, found.values("padding", arm), 1e-4) for arm in found.arms if found.values("padding", arm)]
    return [*made, Claim("embeddings do not depend on what a document is padded to", padded)]


EXPERIMENT = Experiment(
    "counts",
    "Does the modality with more segments dominate, at the same information?",
    "5, 50 or 500 segments of audio beside 50 or 5 of text; the segments' noise grows with the root of their number, "
    "so that a document's mean holds the same information throughout. In training at most 16 segments are drawn.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "mass_audio", "gradient_audio", "padding"),
    ("dominance", "mass_audio", "auc"),
    "log₁₀ of audio segments / text segments",
)
