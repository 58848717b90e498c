"""Is finding the joint embedding from the audio evidence of alignment?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, shipped_without, viewed
from hilbert.studies.claims import Claim, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

ACROSS, COPIED = "raw audio → text", "raw audio → joint"
REAL, SHUFFLED = "real pairs", "shuffled pairs"
CHANCE, HIGH = 0.53, 0.75
ALIGNED = 0.02  # of the share of documents that rank behind the right one
CLIP = Arm("clip", "clip")


def trials(size: Size) -> list[Trial]:
    """Training on real pairs, and on documents that have the text of others."""
    arms = [network(preset, "shipped") for preset in PRESETS] + [direct(preset, {}) for preset in PRESETS]
    arms += [shipped_without(preset, "dual") for preset in PRESETS] + [CONCAT]
    if not size.small:
        arms += [*(viewed(preset, "crossed") for preset in PRESETS), viewed("paper", "disjoint"), GMC, CLIP]
    made = []
    for case, shuffled in ((REAL, False), (SHUFFLED, True)):
        made += crossed(arms, {case: (float(shuffled), corpus(size))}, size, ("retrieval",), shuffled=shuffled)
    return made


def claims(found: Found) -> list[Claim]:
    """A contrast aligns real pairs, and on shuffled ones audio → text is at chance while audio → joint is not."""
    made = []
    for arm in found.arms:
        across, copied = (found.values(quantity, arm, SHUFFLED) for quantity in (ACROSS, COPIED))
        if across:
            text = f"{arm}: audio → text is at chance on shuffled pairs, so that it leaks nothing"
            made.append(Claim(text, [below("audio → text on shuffled pairs", across, CHANCE)]))
        if copied:
            text = f"{arm}: audio → joint is no evidence of alignment (it stays high on shuffled pairs)"
            made.append(Claim(text, [above("audio → joint on shuffled pairs", copied, HIGH)]))
    for preset in PRESETS:
        nothing = found.values(ACROSS, shipped_without(preset, "dual").name, REAL)
        for arm, contrast in (
            (network(preset, "shipped"), "the dual contrast"),
            (direct(preset, {}), "a ↔ t"),
            (viewed(preset, "crossed"), "the crossed contrast"),
            (viewed(preset, "disjoint"), "the contrast of disjoint views"),
        ):
            if arm.name not in found.arms:
                continue
            gain = combined(found.values(ACROSS, arm.name, REAL), nothing)
            text = f"{preset}: {contrast} aligns audio with text"
            made.append(Claim(text, [above("audio → text, with − without a contrast", gain, ALIGNED)]))
    return made


EXPERIMENT = Experiment(
    "leak",
    "Which retrieval is evidence of alignment, and which is copying?",
    "The whole method is trained on real pairs, and again on training documents that have the text of others. Then "
    "the held-out documents' audio looks for its text, and for its joint embedding: the share of other documents that "
    "rank behind the right one by cosine; chance is .5. raw: where the contrast compares them, which decides; map: "
    "through a ridge map fitted on the training documents. Such a map aligns even the pooled inputs (concat-lr), so it "
    "says what can be aligned, and not what a method has aligned.",
    trials,
    claims,
    (ACROSS, "map audio → text", COPIED, "map audio → joint"),
    (ACROSS, COPIED),
    "",
)
