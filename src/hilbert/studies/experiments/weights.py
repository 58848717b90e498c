"""How far must a weight be raised before its term moves what it optimises by half?"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hilbert.studies.arms import MEASURED, PRESETS, STUDIED, TERMS, acts, network, studied_weight
from hilbert.studies.claims import Claim, above, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import NUISANCE, TEXT, corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

FACTORS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
FIRST_SEED = 1000  # no other experiment sees these data
SEEDS = 5
RATIO = 4.0


def arm(preset: str, term: str, factor: float) -> Arm:
    """A preset with all terms, one weight multiplied."""
    own = {TERMS[term]: factor * studied_weight(preset, TERMS[term])}
    return network(preset, f"{term} × {factor:g}", {**STUDIED[preset], **own})


def trials(size: Size) -> list[Trial]:
    """Each term of both presets, its weight multiplied by each factor, the others as they are."""
    less = size._replace(seeds=min(size.seeds, SEEDS), repeats=1)
    factors = FACTORS[:4:3] if size.small else FACTORS
    arms = [arm(preset, term, factor) for preset in PRESETS for term in TERMS for factor in (0.0, *factors[1:])]
    case = {"noisy text": (RATIO, corpus(less, text={"noise": TEXT.noise * math.sqrt(RATIO), **NUISANCE}))}
    return crossed(arms, case, less, ("prediction", "terms", "latents"), FIRST_SEED)


def chosen(found: Found) -> dict[str, dict[str, float]]:
    """Preset → option → the least weight that halves what its term optimises.

    Counted from the lowest value that any weight reaches: a contrast with several positives, or structure under a
    ceiling, cannot reach 0.
    """
    made: dict[str, dict[str, float]] = {}
    for preset in PRESETS:
        made[preset] = {}
        for term, option in TERMS.items():
            at = _means(found, preset, term)
            half = (at[0.0] + min(at.values())) / 2 if 0.0 in at else math.inf
            factors = [factor for factor in FACTORS[1:] if factor in at and at[factor] <= half]
            gap = term != "balance" or all(part.holds for part in acts(found, arm(preset, term, 0.0).name))
            # where no weight lowers it, or there is no gap to lower, there is nothing to raise
            made[preset][option] = (factors[0] if factors and gap else 1.0) * studied_weight(preset, option)
    return made


def lowest(found: Found) -> dict[str, dict[str, float]]:
    """Preset → term → the lowest mean of what it optimises, over its weights; of a gap, its size."""
    return {p: {term: min(_means(found, p, term).values(), default=0.0) for term in TERMS} for p in PRESETS}


def _means(found: Found, preset: str, term: str) -> Mapping[float, float]:
    means = {}
    for factor in FACTORS:
        values = found.values(MEASURED[term], arm(preset, term, factor).name)
        if values:
            means[factor] = abs(sum(values.values()) / len(values))
    return means


def claims(found: Found) -> list[Claim]:
    """Whether each usual weight halves what its term optimises."""
    made = []
    for preset in PRESETS:
        for term in TERMS:
            off, on = (found.values(MEASURED[term], arm(preset, term, factor).name) for factor in (0.0, 1.0))
            least = min(_means(found, preset, term).values(), default=0.0)
            drop = combined({seed: 0.5 * (value + least) for seed, value in off.items()}, on)
            text = f"{preset}: the {term} term at its usual weight halves what it optimises"
            premise = acts(found, arm(preset, term, 0.0).name) if term == "balance" else ()
            made.append(Claim(text, [above("½ × excess without − excess with", drop)], premise))
    return made


EXPERIMENT = Experiment(
    "weights",
    "Do the terms act at all at their usual weights?",
    "Usual are the weights of `paper`, and for `robust`, which leaves CKA and balance out, those that it had. The "
    "signal-to-noise ratio of the text is a quarter of the audio's, and it has 50 coordinates of noise. One "
    "weight at a time is multiplied; measured is what its term optimises, on the training documents: the contrast in "
    "nats, the structure lost (1 − CKA, or what is missing to the hinge), the gap of both modalities' information. Its "
    "excess over the lowest value that any weight reaches should be halved: an ablation starts from the least weight "
    "that does so.",
    trials,
    claims,
    ("term_contrast", "term_cka", "gap", "imbalance", "auc"),
    (),
    "",
)
