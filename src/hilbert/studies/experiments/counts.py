"""Does the modality with more segments win, at the same information?"""

from __future__ import annotations

import math

from hilbert.studies.arms import CONCAT, network
from hilbert.studies.claims import Claim, above, below
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

PAIRS = ((5, 50), (50, 50), (50, 5), (500, 5))
FORMS = ("concat", "gated", "sequence", "sequence_plain")
DRAWN = ("concat", "sequence")
LONG = ("sequence", "sequence_plain")  # forms that are also trained on 500 segments, which takes minutes
SEEDS = 5
SLACK = 0.05


def trials(size: Size) -> list[Trial]:
    """Noise grows with the root of the count: a document's mean says the same whatever the number of segments."""
    less = size._replace(seeds=min(size.seeds, SEEDS))
    pairs = PAIRS[0:3:2] if size.small else PAIRS
    cases = {}
    for audio, text in pairs:
        sides = [{"dim": 32, "segments": float(n), "noise": AUDIO.noise * math.sqrt(n / 12)} for n in (audio, text)]
        cases[f"{audio} : {text}"] = (math.log10(audio / text), corpus(less, *sides))
    measures = ("prediction", "latents", "flow", "padding")
    long = {name: case for name, case in cases.items() if name.startswith("500")}
    usual = {name: case for name, case in cases.items() if name not in long}
    made = crossed([joint(form) for form in FORMS], usual, less, measures)
    if size.small:
        return made
    others = [joint(form, drawn=True) for form in DRAWN] + [network("robust", "shipped"), CONCAT]
    made += crossed(others, cases, less, measures)
    return made + crossed([joint(form) for form in LONG], long, less, measures)


def joint(form: str, drawn: bool = False) -> Arm:
    """The preset `paper` with one form of its joint embedding, trained on all segments or on 16 drawn ones."""
    if drawn:
        return network("paper", f"{form}, 16 drawn", {"model.joint": form})
    return network("paper", form, {"model.joint": form, "training.max_segments": None})


def claims(found: Found) -> list[Claim]:
    """A level line for each form, and no dependence on padding."""
    made = []
    arms = [joint(form).name for form in FORMS] + [joint(form, True).name for form in DRAWN]
    for arm in (*arms, network("robust", "shipped").name):
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
    "so that a document's mean holds the same information throughout. The preset `paper` is trained on all segments "
    "and, as it is shipped, on 16 drawn anew for each step, which hold less the more there are. sequence_plain is "
    "sequence without the bias of −log n on its keys. `robust` pools before it trains.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "mass_audio", "gradient_audio", "padding"),
    ("dominance", "mass_audio", "auc"),
    "log₁₀ of audio segments / text segments",
)
