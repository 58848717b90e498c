"""Does contrast with the joint embedding keep what only one modality holds?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, GMC, PRESETS, SHIPPED, direct, network, without
from hilbert.studies.claims import Claim, above
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

SCARCE = 60
TARGETS = {
    "shared": Target(shared=1.0),
    "audio's own": Target(shared=0.0, audio=1.0),
    "text's own": Target(shared=0.0, text=1.0),
    "both own": Target(shared=0.0, audio=1.0, text=1.0),
    "synergy": Target(shared=0.0, synergy=1.0),
}
COMM = Arm("comm", "comm")


def trials(size: Size) -> list[Trial]:
    """Labels from one source at a time."""
    wanted = ("shared", "both own") if size.small else tuple(TARGETS)
    arms = [arm for preset in PRESETS for arm in (network(preset, "shipped"), direct(preset))]
    if not size.small:
        arms += [*(without(preset, "dual") for preset in PRESETS), SHIPPED, CONCAT, GMC, COMM]
    cases = {name: (float(i), corpus(size, target=TARGETS[name])) for i, name in enumerate(wanted)}
    made = crossed(arms, cases, size, ("prediction", "latents"))
    if not size.small:
        scarce = size._replace(train=SCARCE)
        target = Target(shared=1.0, priors=(0.6, 0.2, 0.1, 0.1))
        case = {f"shared, {SCARCE} documents": (float(len(TARGETS)), corpus(scarce, target=target))}
        made += crossed(arms, case, scarce, ("prediction", "latents"))
    return made


def claims(found: Found) -> list[Claim]:
    """Dual wins where the label is in one modality, a ↔ t where it is in both and labels are few."""
    own = [case for case in found.cases if "own" in case]
    few = [case for case in found.cases if case.startswith("shared,")] or ["shared"]
    made = []
    for preset in PRESETS:
        dual, other = network(preset, "shipped").name, direct(preset).name
        unique = found.change("auc", dual, other, *own)
        shared = found.change("auc", other, dual, *few)
        text = f"{preset}: the dual contrast serves unique labels better than audio ↔ text does"
        made.append(Claim(text, [above("macro AUC, dual − a ↔ t", unique)]))
        text = f"{preset}: audio ↔ text serves shared labels better when they are few"
        made.append(Claim(text, [above("macro AUC, a ↔ t − dual", shared)]))
    return made


EXPERIMENT = Experiment(
    "labels",
    "Which contrast serves labels that one modality holds, and which those that both hold?",
    "The label rests on the shared latents, on one modality's own, on both modalities' own, or on a product of signs "
    "that neither tells alone (synergy); and on the shared ones with 60 training documents.",
    trials,
    claims,
    ("auc", "reached", "latent_shared", "latent_audio", "latent_text"),
    ("auc", "latent_shared", "least"),
    "",
)
