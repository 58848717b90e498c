"""Does the mixture of experts serve sub-populations with rules of their own?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, network
from hilbert.studies.claims import Claim, above, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Populations

LEVELS = (0.0, 0.5, 1.0)
EXPERTS, HIDDEN = 4, 32
# experts have `hidden` units each, and a router of one row an expert: an MLP of as many parameters has 4 × 32 units
HEADS = {"experts": {}, "mlp": {"head.hidden": EXPERTS * HIDDEN}, "linear": {}}


def trials(size: Size) -> list[Trial]:
    """Three sub-populations, whose rules are one, related, or cancel."""
    levels = LEVELS[::2] if size.small else LEVELS
    cases = {
        f"heterogeneity {h:g}": (h, corpus(size, populations=Populations(3, h)))
        for h in levels
    }  # fmt: skip
    presets = ("paper",) if size.small else ("paper", "robust")
    arms = [head(preset, kind) for preset in presets for kind in HEADS]
    if not size.small:
        arms += [network("robust", "readout"), CONCAT, Arm("concat-gb", "concat-gb")]
    return crossed(arms, cases, size, ("prediction",))


def head(preset: str, kind: str) -> Arm:
    """A preset that predicts by a head of this kind itself."""
    return network(preset, kind, {"head.kind": kind, "head.readout": False, **HEADS[kind]})


def claims(found: Found) -> list[Claim]:
    """The experts' lead over an MLP and a linear head grows with heterogeneity."""
    made = []
    for preset in ("paper", "robust"):
        for other in ("mlp", "linear"):
            ours, theirs = (found.slope("auc", head(preset, kind).name) for kind in ("experts", other))
            gain = combined(ours, theirs)
            if gain:
                text = f"{preset}: experts gain on the {other} head as sub-populations differ more"
                made.append(Claim(text, [above("slope of macro AUC over heterogeneity, experts − " + other, gain)]))
    return made


EXPERIMENT = Experiment(
    "heterogeneity",
    "Does the mixture of experts help where sub-populations follow rules of their own?",
    "Three sub-populations, which every segment shows. At heterogeneity 0 one rule makes all labels, at 1 the three "
    "rules cancel. The MLP has as many hidden units as four experts together.",
    trials,
    claims,
    ("auc", "reached", "auprc"),
    ("auc",),
    "heterogeneity",
)
