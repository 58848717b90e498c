"""Do methods align by length where there is nothing else to align?"""

from __future__ import annotations

from hilbert.studies.arms import GMC, PRESETS, SHIPPED, direct, network
from hilbert.studies.claims import Claim, above, below
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

ACROSS = "found audio → text"
CHANCE = 0.53
OTHERS = ("clip", "crossclr", "symile", "clap-fusion", "cacophony")


def trials(size: Size) -> list[Trial]:
    """Numbers of segments that go together, and latents that do not."""
    cases = {}
    for i, (name, correlation) in enumerate((("independent lengths", 0.0), ("equal lengths", 1.0))):
        apart = {"shared": 0.0, "segments": 20.0, "spread": 0.8}
        cases[name] = (float(i), corpus(size, apart, apart, length_correlation=correlation))
    arms = [*(network(preset, "shipped") for preset in PRESETS), direct("paper"), GMC]
    if not size.small:
        arms += [SHIPPED, direct("robust"), *(Arm(name, name) for name in OTHERS)]
    return crossed(arms, cases, size, ("retrieval",))


def claims(found: Found) -> list[Claim]:
    """At chance, or length is a shortcut."""
    made = []
    for arm in found.arms:
        values = found.values(ACROSS, arm, "equal lengths")
        if values:
            made.append(Claim(f"{arm}: takes no shortcut by length", [below("audio → text", values, CHANCE)]))
    control = [above(arm, found.values(ACROSS, arm, "independent lengths"), 0.45) for arm in found.arms]
    control += [below(arm, found.values(ACROSS, arm, "independent lengths"), 0.55) for arm in found.arms]
    return [*made, Claim("control: where lengths are independent all are at chance", control)]


EXPERIMENT = Experiment(
    "lengths",
    "Is length used as a shortcut where both modalities share nothing else?",
    "The modalities share no latent, but a document's two numbers of segments are equal (control: independent). "
    "Audio then looks for its text among held-out documents; chance is .5.",
    trials,
    claims,
    (ACROSS, "found audio → joint"),
    (ACROSS,),
    "",
)
