"""Do methods align by length where there is nothing else to align?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network
from hilbert.studies.claims import Claim, above, below
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

ACROSS, MAPPED = "raw audio → text", "map audio → text"
EQUAL, APART = "equal lengths", "independent lengths"
CHANCE = 0.53
OTHERS = ("clip", "crossclr", "symile", "clap-fusion", "cacophony", "comm")


def trials(size: Size) -> list[Trial]:
    """Numbers of segments that go together, and latents that do not."""
    cases = {}
    for i, (name, correlation) in enumerate(((APART, 0.0), (EQUAL, 1.0))):
        apart = {"shared": 0.0, "segments": 20.0, "spread": 0.8}
        cases[name] = (float(i), corpus(size, apart, apart, length_correlation=correlation))
    arms = [*(network(preset, "shipped") for preset in PRESETS), direct("paper", {}), CONCAT]
    if not size.small:
        arms += [direct("robust", {}), GMC, *(Arm(name, name) for name in OTHERS)]
    return crossed(arms, cases, size, ("retrieval",))


def claims(found: Found) -> list[Claim]:
    """At chance, or length is a shortcut; and whether there is one to take."""
    readable = [above("map of the pooled inputs", found.values(MAPPED, CONCAT.name, EQUAL), CHANCE)]
    made = [Claim("control: equal lengths can be read off the pooled inputs", readable)]
    for arm in found.arms:
        values = found.values(ACROSS, arm, EQUAL)
        if values:
            text = f"{arm}: takes no shortcut by length"
            made.append(Claim(text, [below("audio → text", values, CHANCE)], readable))
    apart = [(arm, values) for arm in found.arms if (values := found.values(ACROSS, arm, APART))]
    control = [part for arm, values in apart for part in (above(arm, values, 1 - CHANCE), below(arm, values, CHANCE))]
    return [*made, Claim("control: where lengths are independent all are at chance", control)]


EXPERIMENT = Experiment(
    "lengths",
    "Is length used as a shortcut where both modalities share nothing else?",
    "The modalities share no latent, but a document's two numbers of segments are equal (control: independent). "
    "Audio then looks for its text among held-out documents, by cosine where the loss compares both (raw); chance is "
    ".5. How much of the length can be found at all says the ridge map of the pooled inputs (concat-lr): the spread of "
    "their means shrinks with the number of segments.",
    trials,
    claims,
    (ACROSS, MAPPED, "raw audio → joint"),
    (ACROSS, MAPPED),
    "",
)
