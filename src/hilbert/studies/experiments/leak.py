"""Is finding the joint embedding from the audio evidence of alignment?"""

from __future__ import annotations

from dataclasses import replace

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, shipped_without
from hilbert.studies.claims import Claim, Part, PerSeed, above, below, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial

ACROSS, COPIED = "raw audio → text", "raw audio → joint"
REAL, SHUFFLED = "real pairs", "shuffled pairs"
CHANCE, HIGH = 0.53, 0.6
KEPT = 0.8  # of what audio → joint has above chance, where it is copied
ALIGNED = 0.02  # of the share of documents that rank behind the right one
CLIP = Arm("clip", "clip")


def trials(size: Size) -> list[Trial]:
    """Training on real pairs, and on documents that have the text of others."""
    arms = [network(preset, "shipped") for preset in PRESETS]
    arms += [BLIND, direct("paper", {}), blind(direct("robust", {}))]
    if not size.small:
        arms += [GMC, CLIP]
    real = [*arms, *(shipped_without(preset, "dual") for preset in PRESETS), CONCAT]
    made = []
    for case, own, shuffled in ((REAL, real, False), (SHUFFLED, arms, True)):
        made += crossed(own, {case: (float(shuffled), corpus(size))}, size, ("retrieval",), shuffled=shuffled)
    return made


def blind(arm: Arm) -> Arm:
    """The same without the label in its contrast: classes alone would pull audio and text together."""
    return replace(arm, name=f"{arm.name}, no labels", options={**arm.options, "contrast.label_aware": False})


BLIND = blind(network("robust", "shipped"))


def claims(found: Found) -> list[Claim]:
    """On shuffled pairs audio → text is at chance while audio → joint is not; and which contrast aligns real ones."""
    made = []
    for arm in (*(network(preset, "shipped").name for preset in PRESETS), BLIND.name, GMC.name):
        across, copied, real = (
            found.values(quantity, arm, case)
            for quantity, case in ((ACROSS, SHUFFLED), (COPIED, SHUFFLED), (COPIED, REAL))
        )
        if copied and real:
            kept = {seed: copied[seed] - 0.5 - KEPT * (value - 0.5) for seed, value in real.items() if seed in copied}
            text = (
                f"{arm}: audio → joint is no evidence of alignment: it stays on shuffled pairs, audio → text does not"
            )
            parts = [above(f"audio → joint above chance, shuffled − {KEPT:g} of real", kept), *_at_chance(across)]
            made.append(Claim(text, parts, [above("audio → joint on real pairs", real, HIGH)]))
    for arm in found.arms:
        across, real = found.values(ACROSS, arm, SHUFFLED), found.values(ACROSS, arm, REAL)
        if across and real:
            text = f"{arm}: audio → text leaks nothing: aligned on real pairs, and at chance on shuffled ones"
            made.append(Claim(text, _at_chance(across), [above("audio → text on real pairs", real, CHANCE)]))
    for preset in PRESETS:
        nothing = found.values(ACROSS, shipped_without(preset, "dual").name, REAL)
        ways = {
            "the dual contrast": network(preset, "shipped"),
            "a ↔ t": direct(preset, {}),
        }
        for contrast, way in ways.items():
            name = (blind(way) if preset == "robust" else way).name
            if name in found.arms:
                gain = combined(found.values(ACROSS, name, REAL), nothing)
                text = f"{preset}: {contrast} aligns audio with text, without a label"
                made.append(Claim(text, [above("audio → text, with − without a contrast", gain, ALIGNED)]))
    return made


def _at_chance(values: PerSeed) -> list[Part]:
    return [
        below("audio → text on shuffled pairs", values, CHANCE),
        above("the same", values, 1 - CHANCE),
    ]


EXPERIMENT = Experiment(
    "leak",
    "Which retrieval is evidence of alignment, and which is copying?",
    "The whole method is trained on real pairs, and again on training documents that have the text of others. Then "
    "the held-out documents' audio looks for its text, and for its joint embedding: the share of other documents that "
    "rank behind the right one by cosine; chance is .5. raw: where the contrast compares them, which decides; map: "
    "through a ridge map fitted on the training documents. Such a map aligns even the pooled inputs (concat-lr), so it "
    "says what can be aligned, and not what a method has aligned. The contrast of `robust` counts documents of one "
    "class as alike; without its labels (no labels) alignment cannot come from the classes.",
    trials,
    claims,
    (ACROSS, "map audio → text", COPIED, "map audio → joint"),
    (ACROSS, COPIED),
    "",
)
