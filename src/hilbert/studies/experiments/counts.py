"""Does the modality with more segments win, at the same information?"""

from __future__ import annotations

import math

from hilbert.studies.arms import CONCAT, network
from hilbert.studies.claims import AUC_MATTERS, Claim, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import AUDIO, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

PAIRS = ((5, 50), (50, 5), (500, 5))
FORMS = ("concat", "gated", "sequence", "sequence_plain")
DRAWN = ("concat", "sequence")
LONG = ("sequence", "sequence_plain")  # forms that are also trained on 500 segments, which takes minutes
SEEDS = 5  # with 500 segments
SLACK = 0.05


def trials(size: Size) -> list[Trial]:
    """Noise grows with the root of the count: a document's mean says the same whatever the number of segments."""
    cases = {}
    for audio, text in PAIRS[:2] if size.small else PAIRS:
        sides = [{"dim": 32, "segments": float(n), "noise": AUDIO.noise * math.sqrt(n / 12)} for n in (audio, text)]
        cases[f"{audio} : {text}"] = (math.log10(audio / text), corpus(size, *sides))
    measures = ("prediction", "latents", "flow", "padding")
    long = {name: case for name, case in cases.items() if name.startswith("500")}
    usual = {name: case for name, case in cases.items() if name not in long}
    arms = [joint(form) for form in FORMS]
    if size.small:
        return crossed(arms, usual, size, measures)
    others = [*(joint(form, drawn=True) for form in DRAWN), network("robust", "shipped"), CONCAT]
    less = size._replace(seeds=min(size.seeds, SEEDS))
    made = crossed([*arms, *others], usual, size, measures)
    return made + crossed([*(joint(form) for form in LONG), *others], long, less, measures)


def joint(form: str, drawn: bool = False) -> Arm:
    """The preset `paper` with one form of its joint embedding, trained on all segments or on 16 drawn ones."""
    if drawn:
        return network("paper", f"{form}, 16 drawn", {"network.joint": form})
    return network("paper", form, {"network.joint": form, "network.max_segments": None})


def claims(found: Found) -> list[Claim]:
    """A level line for each form, what the bias on the keys is worth, and no dependence on padding."""
    made = []
    equal = [*(joint(form).name for form in FORMS), network("robust", "shipped").name]
    for arm in (*equal, *(joint(form, True).name for form in DRAWN)):
        less = "" if arm in equal else ", which hold less the more there are"
        for quantity, what, slack in (
            ("dominance", "D", SLACK),
            ("mass_audio", "the audio's mass in gate or attention", SLACK),
            ("auc", "macro AUC", AUC_MATTERS),
        ):
            slope = found.slope(quantity, arm)
            if slope:
                parts = [below(f"slope of {what} per factor ten", slope, slack), above("the same", slope, -slack)]
                made.append(Claim(f"{arm}: {what} does not follow the numbers of segments{less}", parts))
    plain, biased = (found.slope("mass_audio", joint(form).name) for form in ("sequence_plain", "sequence"))
    if plain and biased:
        text = "sequence: the bias of −log n on its keys keeps attention from following the numbers of segments"
        made.append(Claim(text, [above("slope of the mass, without − with", combined(plain, biased), SLACK)]))
    padded = []
    for arm in found.arms:
        own = [case for case in found.cases if found.values("padding", arm, case)]
        if own:
            padded.append(below(arm, found.values("padding", arm, *own), 1e-4))
    return [*made, Claim("embeddings do not depend on what a document is padded to", padded)]


EXPERIMENT = Experiment(
    "counts",
    "Does the modality with more segments dominate, at the same information?",
    "5, 50 or 500 segments of audio beside 50 or 5 of text; the segments' noise grows with the root of their number, "
    "so that a document's mean holds the same information throughout. The preset `paper` is trained on all segments "
    "and, as it is shipped, on 16 drawn anew for each step, which hold less the more there are. sequence_plain is "
    "sequence without the bias of −log n on its keys. `robust` pools before it trains. Slopes of an arm are over the "
    "conditions that it was trained in.",
    trials,
    claims,
    ("auc", "dominance", "latent_audio", "latent_text", "mass_audio", "gradient_audio", "padding"),
    ("dominance", "mass_audio", "auc"),
    "log₁₀ of audio segments / text segments",
)
