"""What an experiment is: a question, trials, the claims that they decide, and what its table and figure show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hilbert.studies.claims import Claim
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Design


class Size(NamedTuple):
    """How much of an experiment is made: documents trained on and tested, data seeds, model seeds a data seed."""

    train: int
    test: int
    seeds: int
    repeats: int
    small: bool


QUICK = Size(80, 200, 3, 1, True)
FULL = Size(200, 800, 10, 1, False)  # documents to test cost no fit: of the rarest class there are 32
SIZES = {"quick": QUICK, "full": FULL}
FIRST = 2000  # data seeds; what lies below has served to choose defaults and weights
Cases = Mapping[str, tuple[float, Design]]


@dataclass(frozen=True)
class Experiment:
    """``columns``: quantities of the table; ``panels``: those of the figure, over the cases' levels, named ``axis``.

    Without an ``axis`` cases have no order, and the figure has a row an arm and a colour a case. ``lines``: the arms
    that it shows (default: all). ``reference``: an arm; the figure then shows, a row an arm and a panel a case, each
    arm's paired difference to it in the first of ``panels``.
    """

    name: str
    question: str
    setup: str
    trials: Callable[[Size], list[Trial]]
    claims: Callable[[Found], list[Claim]]
    columns: Sequence[str]
    panels: Sequence[str]
    axis: str
    logarithmic: bool = False
    lines: Sequence[str] = ()
    reference: str | None = None


def crossed(
    arms: Sequence[Arm],
    cases: Cases,
    size: Size,
    measures: Sequence[str],
    first: int = FIRST,
    shuffled: bool = False,
    labelled: int | None = None,
) -> list[Trial]:
    """Every arm in every case, for each data seed from ``first``: all of them with one model seed, then with the next.

    So an interrupted run has whole data seeds.
    """
    return [
        Trial(arm, case, level, design, size.train, seed, repeat, tuple(measures), shuffled, labelled)
        for repeat in range(size.repeats)
        for seed in range(first, first + size.seeds)
        for case, (level, design) in cases.items()
        for arm in arms
    ]
