"""Does contrast with the joint embedding keep what only one modality holds?"""

from __future__ import annotations

from dataclasses import replace

from hilbert.studies.arms import CONCAT, GMC, PRESETS, direct, network, shipped_without
from hilbert.studies.claims import AUC_MATTERS, R2_MATTERS, Claim, above, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

TEST, SCARCE = 3000, 60
SHARED = Target(shared=1.0, priors=(0.6, 0.2, 0.1, 0.1))  # so that few labels hold all classes
ALL, FEW, OWN, SYNERGY = "shared", f"shared, {SCARCE} labels", "both own", "synergy"
TARGETS = {
    ALL: SHARED,
    OWN: Target(shared=0.0, audio=1.0, text=1.0),
    SYNERGY: Target(shared=0.0, synergy=1.0, priors=(0.5, 0.5)),
}
ABOVE_CHANCE = 0.52  # macro AUC from which on a label can be learnt at all
COMM = Arm("comm", "comm")
MEASURES = ("prediction", "latents")


def trials(size: Size) -> list[Trial]:
    """Labels from one source at a time."""
    own = size if size.small else size._replace(test=TEST)
    main = [arm for preset in PRESETS for arm in (network(preset, "shipped"), direct(preset, {}))]
    others: list[Arm] = []
    if not size.small:
        ways = [arm for p in PRESETS for arm in (added(p), shipped_without(p, "dual"))]
        others = [*ways, CONCAT, GMC, COMM]
    made = []
    for level, case in enumerate((ALL, OWN) if size.small else TARGETS):
        arms = [*main, *(arm for arm in others if case != SYNERGY or arm in (CONCAT, GMC, COMM))]
        made += crossed(arms, {case: (float(level), corpus(own, target=TARGETS[case]))}, own, MEASURES)
    if not size.small:
        few = {FEW: (float(len(TARGETS)), corpus(own, target=SHARED))}
        made += crossed([*main, *others], few, own, MEASURES, labelled=SCARCE)
    return made


def added(preset: str) -> Arm:
    """audio ↔ text contrast beside the dual one, with the weight of one of its directions."""
    return network(preset, "shipped + a ↔ t", {"contrast.audio_text": 1.0})


def claims(found: Found) -> list[Claim]:
    """Dual wins where the label is in one modality, a ↔ t where it is in both and labels are few."""
    made = []
    few = FEW if FEW in found.cases else ALL
    for preset in PRESETS:
        dual, other, none = (
            arm.name for arm in (network(preset, "shipped"), direct(preset, {}), shipped_without(preset, "dual"))
        )
        kept = found.change("least_all", dual, other, OWN)
        text = f"{preset}: the dual contrast keeps more of what one modality holds than audio ↔ text does"
        made.append(Claim(text, [above("R² of the less kept latents, from all embeddings", kept, R2_MATTERS)]))
        text = f"{preset}: the dual contrast serves unique labels better than audio ↔ text does"
        made.append(_serves(found, text, dual, other, OWN))
        text = (
            f"{preset}: audio ↔ text serves shared labels better when they are few, and more so than when all are known"
        )
        lead, usual = (found.change("auc", other, dual, case) for case in (few, ALL))
        parts = [above("macro AUC, a ↔ t − dual, few", lead, AUC_MATTERS)]
        if few != ALL:
            parts.append(above("few − all", combined(lead, usual)))
        made.append(Claim(text, parts))
        ways = {
            "the dual contrast serves unique labels better than none does": (dual, none, OWN),
            "audio ↔ text beside the dual contrast serves few shared labels better": (added(preset).name, dual, few),
            "audio ↔ text beside the dual contrast costs unique labels": (dual, added(preset).name, OWN),
        }
        made += [_serves(found, f"{preset}: {text}", *way) for text, way in ways.items() if _there(found, *way)]
        if SYNERGY in found.cases:
            learnt = [above("macro AUC of dual", found.values("auc", dual, SYNERGY), ABOVE_CHANCE)]
            text = f"{preset}: the dual contrast serves labels of synergy better than audio ↔ text does"
            made.append(replace(_serves(found, text, dual, other, SYNERGY), premise=learnt))
    return made


def _there(found: Found, one: str, other: str, case: str) -> bool:
    return bool(found.values("auc", one, case)) and bool(found.values("auc", other, case))


def _serves(found: Found, text: str, one: str, other: str, case: str) -> Claim:
    return Claim(text, [above("macro AUC, one − other", found.change("auc", one, other, case), AUC_MATTERS)])


EXPERIMENT = Experiment(
    "labels",
    "Which contrast serves labels that one modality holds, and which those that both hold?",
    "The label rests on the shared latents (200 documents or 60 of them have one), on both modalities' own, or on a "
    "product of signs about which neither says anything alone (synergy). All arms have their preset's weights, but "
    "for the contrast. What is kept is read from all three embeddings: a ↔ t leaves the joint one to the other terms.",
    trials,
    claims,
    ("auc", "reached", "latent_shared", "least", "least_all"),
    ("auc", "latent_shared", "least_all"),
    "",
)
