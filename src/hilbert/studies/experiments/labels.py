"""Does contrast with the joint embedding keep what only one modality holds?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, shipped_without, viewed
from hilbert.studies.claims import AUC_MATTERS, R2_MATTERS, Claim, above
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

SCARCE = 60
TARGETS = {
    "shared": Target(shared=1.0),
    "audio's own": Target(shared=0.0, audio=1.0),
    "both own": Target(shared=0.0, audio=1.0, text=1.0),
}
COMM = Arm("comm", "comm")


def trials(size: Size) -> list[Trial]:
    """Labels from one source at a time."""
    wanted = ("shared", "both own") if size.small else tuple(TARGETS)
    arms = [arm for preset in PRESETS for arm in (network(preset, "shipped"), direct(preset, {}))]
    if not size.small:
        arms += [arm for preset in PRESETS for arm in (shipped_without(preset, "dual"), viewed(preset, "crossed"))]
        arms += [viewed("paper", "disjoint"), CONCAT, GMC, COMM]
    cases = {name: (float(i), corpus(size, target=TARGETS[name])) for i, name in enumerate(wanted)}
    made = crossed(arms, cases, size, ("prediction", "latents"))
    if not size.small:
        target = Target(shared=1.0, priors=(0.6, 0.2, 0.1, 0.1))
        case = {f"shared, {SCARCE} labels": (float(len(TARGETS)), corpus(size, target=target))}
        made += crossed(arms, case, size, ("prediction", "latents"), labelled=SCARCE)
    return made


def claims(found: Found) -> list[Claim]:
    """Dual wins where the label is in one modality, a ↔ t where it is in both and labels are few."""
    own = [case for case in found.cases if "own" in case]
    few = [case for case in found.cases if case.startswith("shared,")] or ["shared"]
    made = []
    for preset in PRESETS:
        dual, other, none = (
            network(preset, "shipped").name,
            direct(preset, {}).name,
            shipped_without(preset, "dual").name,
        )
        kept = found.change("least", dual, other, *own)
        text = f"{preset}: the dual contrast keeps more of what one modality holds than audio ↔ text does"
        made.append(Claim(text, [above("R² of the less kept latents, dual − a ↔ t", kept, R2_MATTERS)]))
        unique = found.change("auc", dual, other, *own)
        text = f"{preset}: the dual contrast serves unique labels better than audio ↔ text does"
        made.append(Claim(text, [above("macro AUC, dual − a ↔ t", unique, AUC_MATTERS)]))
        shared = found.change("auc", other, dual, *few)
        text = f"{preset}: audio ↔ text serves shared labels better when they are few"
        made.append(Claim(text, [above("macro AUC, a ↔ t − dual", shared, AUC_MATTERS)]))
        if none in found.arms:
            gain = found.change("auc", dual, none, *own)
            text = f"{preset}: the dual contrast serves unique labels better than none does"
            made.append(Claim(text, [above("macro AUC, dual − none", gain, AUC_MATTERS)]))
        crossed = viewed(preset, "crossed").name
        if crossed in found.arms:
            gain = found.change("auc", crossed, dual, *few)
            text = f"{preset}: contrast with what the other modality alone gives serves few shared labels better"
            made.append(Claim(text, [above("macro AUC, crossed − dual", gain, AUC_MATTERS)]))
    parted = viewed("paper", "disjoint").name
    if parted in found.arms:
        gain = found.change("auc", parted, network("paper", "shipped").name, *own)
        text = "paper: contrast between disjoint halves of the segments serves unique labels better"
        made.append(Claim(text, [above("macro AUC, disjoint − dual", gain, AUC_MATTERS)]))
    return made


EXPERIMENT = Experiment(
    "labels",
    "Which contrast serves labels that one modality holds, and which those that both hold?",
    "The label rests on the shared latents, on the audio's own, or on both modalities' own; and on the shared ones "
    "where 60 of the 200 training documents have a label. All arms have their preset's weights, but for the contrast: "
    "crossed, of each modality with a joint embedding that has not seen it; disjoint, with one of other segments.",
    trials,
    claims,
    ("auc", "reached", "latent_shared", "latent_audio", "latent_text"),
    ("auc", "latent_shared", "least"),
    "",
)
