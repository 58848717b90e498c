"""Does the mixture of experts serve sub-populations with rules of their own?"""

from __future__ import annotations

from hilbert.studies.arms import CONCAT, network
from hilbert.studies.claims import AUC_MATTERS, Claim, above, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Populations

LEVELS = (0.0, 0.5, 1.0)
DOCUMENTS = 600  # with 200 no head learns opposite rules, and what all cannot do compares nothing
# the MLP has as many hidden units as all experts together, and so nearly as many parameters
HEADS = ("experts", "mlp", "linear")


def trials(size: Size) -> list[Trial]:
    """Two sub-populations, whose rules are one, related, or opposite."""
    own = size if size.small else size._replace(train=DOCUMENTS)
    levels = LEVELS[::2] if size.small else LEVELS
    cases = {_name(h): (h, corpus(own, populations=Populations(2, h))) for h in levels}
    presets = ("paper",) if size.small else ("paper", "robust")
    arms = [head(preset, kind) for preset in presets for kind in HEADS]
    if not size.small:
        arms += [network("robust", "readout"), CONCAT, Arm("concat-gb", "concat-gb")]
    return crossed(arms, cases, own, ("prediction",))


def head(preset: str, kind: str) -> Arm:
    """A preset that predicts by a head of this kind itself."""
    return network(preset, kind, {"head.kind": kind, "head.readout": False})


def _name(level: float) -> str:
    return f"heterogeneity {level:g}"


def claims(found: Found) -> list[Claim]:
    """The experts lead an MLP and a linear head where rules differ, and lead by more the more they do."""
    made = []
    for preset in ("paper", "robust"):
        for other in ("mlp", "linear"):
            arms = [head(preset, kind).name for kind in ("experts", other)]
            lead = found.change("auc", *arms, _name(LEVELS[-1]))
            ours, theirs = (found.slope("auc", arm) for arm in arms)
            if lead:
                text = f"{preset}: experts gain on the {other} head as sub-populations differ more"
                parts = [
                    above(f"macro AUC at heterogeneity 1, experts − {other}", lead, AUC_MATTERS),
                    above("its slope over heterogeneity", combined(ours, theirs), AUC_MATTERS),
                ]
                made.append(Claim(text, parts))
    return made


EXPERIMENT = Experiment(
    "heterogeneity",
    "Does the mixture of experts help where sub-populations follow rules of their own?",
    "Two sub-populations, which every segment shows. At heterogeneity 0 one rule makes all labels, at 1 the two "
    f"rules are opposite. {DOCUMENTS} training documents. The MLP has as many hidden units as all experts together.",
    trials,
    claims,
    ("auc", "reached", "auprc"),
    ("auc",),
    "heterogeneity",
)
