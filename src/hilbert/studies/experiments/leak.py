"""Is finding the joint embedding from the audio evidence of alignment?"""

from __future__ import annotations

from hilbert.studies.arms import GMC, PRESETS, direct, network
from hilbert.studies.claims import Claim, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Trial

ACROSS, COPIED = "found audio → text", "found audio → joint"
REAL, SHUFFLED = "real pairs", "shuffled pairs"


def trials(size: Size) -> list[Trial]:
    """Training on real pairs, and on documents that have the text of others."""
    arms = [*(network(preset, "shipped") for preset in PRESETS), *(direct(preset) for preset in PRESETS), GMC]
    made = []
    for case, shuffled in ((REAL, False), (SHUFFLED, True)):
        made += crossed(arms, {case: (float(shuffled), corpus(size))}, size, ("retrieval",), shuffled=shuffled)
    return made


def claims(found: Found) -> list[Claim]:
    """On shuffled pairs audio → text is at chance, while audio → joint need not be."""
    made = []
    for arm in found.arms:
        across, copied = (found.values(name, arm, SHUFFLED) for name in (ACROSS, COPIED))
        real = combined(found.values(ACROSS, arm, REAL), across)
        parts = [below("audio → text on shuffled pairs", across, 0.53), above("real − shuffled", real)]
        made.append(Claim(f"{arm}: audio → text measures alignment and leaks nothing", parts))
        text = f"{arm}: audio → joint is no evidence of alignment (it stays high on shuffled pairs)"
        made.append(Claim(text, [above("audio → joint on shuffled pairs", copied, 0.75)]))
    return made


EXPERIMENT = Experiment(
    "leak",
    "Which retrieval is evidence of alignment, and which is copying?",
    "The whole method is trained on real pairs, and again on training documents that have the text of others. Then "
    "the held-out documents' audio looks for its text, and for its joint embedding, through a ridge map fitted on the "
    "training documents: the share of other documents that rank behind the right one; chance is .5.",
    trials,
    claims,
    (ACROSS, COPIED),
    (ACROSS, COPIED),
    "",
)
