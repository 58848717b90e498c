"""Does the mixture of experts serve sub-populations with rules of their own?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hilbert.config import HilbertConfig
from hilbert.studies.arms import CONCAT, SHIPPED, network
from hilbert.studies.claims import AUC_MATTERS, Claim, Part, above, combined
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Populations

LEVELS = (0.0, 0.5, 1.0)
DOCUMENTS = 600  # with 200 no head learns opposite rules, and what all cannot do compares nothing
TEST = 3000
TREES = Arm("concat-gb", "concat-gb")
MEMBERS = HilbertConfig.load("robust").stack.members
BY_EXPERTS = Arm(
    "hilbert by experts", "hilbert", {"stack.members": ["experts" if m == "network" else m for m in MEMBERS]}
)  # whose network predicts by its experts instead of by a logistic regression on its embeddings
READOUT = network("robust", "readout")
LEARNT = 0.01  # of macro AUC that a rule a sub-population is worth, or there is nothing for experts to learn
# the MLP has as many hidden units as all experts together, and so nearly as many parameters
HEADS = ("experts", "mlp", "linear")
DENSE: Mapping[bool, Mapping[str, Any]] = {  # what a head without experts must leave out
    False: {}, True: {"head.top_k": None, "head.load_balance": 0.0},
}  # fmt: skip


def trials(size: Size) -> list[Trial]:
    """Two sub-populations, whose rules are one, related, or opposite."""
    own = size if size.small else size._replace(train=DOCUMENTS, test=TEST)
    levels = LEVELS[::2] if size.small else LEVELS
    cases = {_name(h): (h, corpus(own, populations=Populations(2, h))) for h in levels}
    presets = ("paper",) if size.small else ("paper", "robust")
    arms = [*(head(preset, kind) for preset in presets for kind in HEADS), CONCAT, TREES]
    if not size.small:
        arms += [SHIPPED, READOUT, *(arm for pair in _pairs().values() for arm in pair if arm not in arms)]
    return crossed(arms, cases, own, ("prediction", "decisions"))


def head(preset: str, kind: str) -> Arm:
    """A preset that predicts by a head of this kind itself."""
    return network(preset, kind, {"head.kind": kind, "stack.members": ["experts"], **DENSE[kind != "experts"]})


def _pairs() -> dict[str, tuple[Arm, Arm]]:
    """Experts with class weights in their loss and without, one of them as the preset has it."""
    paper, robust = head("paper", "experts"), head("robust", "experts")
    weighed = _loss(paper, "class weights", True)
    bare, shipped_bare = (_loss(arm, "no class weights", False) for arm in (robust, BY_EXPERTS))
    return {"paper": (weighed, paper), "robust": (robust, bare), "hilbert": (BY_EXPERTS, shipped_bare)}


def _loss(arm: Arm, name: str, weighed: bool) -> Arm:
    return replace(arm, name=f"{arm.name}, {name}", options={**arm.options, "head.class_weights": weighed})


def _name(level: float) -> str:
    return f"heterogeneity {level:g}"


def claims(found: Found) -> list[Claim]:
    """Experts lead other heads where rules differ, and by more the more they do; with one rule they cost nothing."""
    made = []
    for preset in ("paper", "robust"):
        for other in ("mlp", "linear"):
            arms = [head(preset, kind).name for kind in ("experts", other)]
            made += _gain(found, f"{preset}: experts gain on the {other} head", arms, _learnable(found, preset))
    alone, both = [head("robust", "experts").name, READOUT.name], [BY_EXPERTS.name, SHIPPED.name]
    made += _gain(found, "robust: experts gain on the readout", alone, _learnable(found, "robust"))
    made += _gain(found, "hilbert: experts gain on the readout", both, _learnable(found, "robust"))
    cost = found.change("auc", *both, _name(LEVELS[0]))
    if cost:
        parts = [above("macro AUC at heterogeneity 0, experts − readout", cost, -AUC_MATTERS)]
        made.append(Claim("hilbert: where one rule makes all labels, experts cost nothing", parts))
    return made + _class_weights(found)


def _class_weights(found: Found) -> list[Claim]:
    """What class weights do to experts, and whether those without them are above the shipped model."""
    pairs = {
        f"{name}: class weights cost its experts something": (bare, weighed)
        for name, (weighed, bare) in _pairs().items()
    }
    pairs["hilbert: experts without class weights lead its readout"] = (_pairs()["hilbert"][1], SHIPPED)
    made = []
    for text, (better, worse) in pairs.items():
        for case in map(_name, LEVELS):
            lead = found.change("auc", better.name, worse.name, case)
            parts = [above(f"macro AUC, {better.name} − {worse.name}", lead, AUC_MATTERS)]
            made += [Claim(f"{text}, {case}", parts)] if lead else []
    return made


def _gain(found: Found, text: str, arms: list[str], premise: list[Part]) -> list[Claim]:
    """The first arm leads the second where rules are opposite, and by more the more they differ."""
    lead = found.change("auc", *arms, _name(LEVELS[-1]))
    if not lead:
        return []
    ours, theirs = (found.slope("auc", arm) for arm in arms)
    parts = [
        above(f"macro AUC at heterogeneity 1, {arms[0]} − {arms[1]}", lead, AUC_MATTERS),
        above("its slope over heterogeneity", combined(ours, theirs), AUC_MATTERS),
    ]
    return [Claim(f"{text} as sub-populations differ more", parts, premise)]


def _learnable(found: Found, preset: str) -> list[Part]:
    """Where the rules differ most, something that is not linear is above what is."""
    leads = [
        found.change("auc", arm, head(preset, "linear").name, _name(LEVELS[-1]))
        for arm in (head(preset, "mlp").name, TREES.name)
    ]
    best = max(leads, key=lambda lead: sum(lead.values()) / len(lead) if lead else -math.inf)
    return [above("macro AUC at heterogeneity 1, the better of MLP and trees − linear", best, LEARNT)]


EXPERIMENT = Experiment(
    "heterogeneity",
    "Does the mixture of experts help where sub-populations follow rules of their own?",
    "Two sub-populations, which every segment shows. At heterogeneity 0 one rule makes all labels, at 1 the two "
    f"rules are opposite. {DOCUMENTS} training documents. The MLP has as many hidden units as all experts together. "
    "hilbert is the shipped model, whose network predicts by logistic regression on its embeddings (the readout), and "
    "once by its experts. Recall and balanced accuracy are those of the classes that a model decides for. "
    "Experts are also trained with class weights in the loss of paper, which has none, and without in that of robust.",
    trials,
    claims,
    ("auc", "auc_untrained", "reached", "auprc", "recall", "balanced", "ece", "slope"),
    ("auc",),
    "heterogeneity",
)
