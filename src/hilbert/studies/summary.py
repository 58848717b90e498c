"""What is there to do, and what came out of it, over several experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilbert.benchmark.tables import grid
from hilbert.evaluation.printing import print_table
from hilbert.files import write_text
from hilbert.studies.claims import Claim
from hilbert.studies.experiment import Experiment
from hilbert.studies.pages import QUICK_SAYS, decided
from hilbert.studies.trial import Trial

if TYPE_CHECKING:
    from rich.console import Console

SECONDS = {"concat-lr": 1.5, "audio-lr": 1.0, "concat-gb": 3.0, "comm": 12.0}
USUAL, WHOLE = 8.0, 10.0  # seconds of a fit and its measures: of a network alone, and of all that `robust` has


def expected_seconds(trials: Sequence[Trial]) -> float:
    """A guess from fits of 200 documents on one core of 2026."""
    total = 0.0
    for trial in trials:
        whole = trial.arm.model == "hilbert" and len(trial.arm.options.get("stack.members", ("all", "of them"))) > 1
        each = WHOLE if whole else SECONDS.get(trial.arm.model, USUAL)
        if trial.arm.options.get("network.max_segments", 0) is None:
            each *= max(1.0, (trial.design.audio.segments + trial.design.text.segments) / 24)
        total += each * trial.train / 200
    return total


def print_plan(plan: Mapping[Experiment, tuple[Sequence[Trial], Sequence[Trial]]], jobs: int, console: Console) -> None:
    """Fits, those that are left, and hours, a row an experiment."""

    def cells(name: str, fits: int, left: Sequence[Trial]) -> list[str]:
        return [name, str(fits), str(len(left)), f"{expected_seconds(left) / jobs / 3600:.2f}"]

    rows = [cells(experiment.name, len(trials), left) for experiment, (trials, left) in plan.items()]
    everything = [trial for _, left in plan.values() for trial in left]
    rows.append(cells("all", sum(len(trials) for trials, _ in plan.values()), everything))
    print_table(console, "", ["study", "fits", "left", "hours left"], rows, sums=1)


def print_verdicts(claims: Mapping[str, Sequence[Claim]], console: Console) -> None:
    """A row a claim."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("study", "claim", "verdict"):
        table.add_column(name, no_wrap=name == "verdict")
    for name, found in claims.items():
        for claim in found:
            table.add_row(Text(name), Text(claim.text), Text(claim.verdict))
    console.print(table)


def write_verdicts(claims: Mapping[str, Sequence[Claim]], folder: Path, small: bool) -> Path:
    """Write ``verdicts.md``: all claims, with what decided them."""
    rows = [
        [f"[{name}]({name}.md)", claim.text, claim.verdict, decided(claim)]
        for name, found in claims.items()
        for claim in found
    ]
    head = ["# Verdicts", *([f"**{QUICK_SAYS}**"] if small else [])]
    said = (
        "A claim is supported where every condition's 95 % interval over data seeds lies on the wanted side, not "
        "supported where one lies wholly on the other side, else undecided. Bounds stand beside each condition: the "
        "least effects that matter (.005 of AUC, .01 of R² or CKA, unless it says otherwise), so that a term without "
        "an effect is not supported. Claims that something stays level, at chance or does no harm ask for intervals "
        "inside such bounds. No test: a premise fails, such as that there is a gap for a balance to close, or that a "
        "term at its weight moves what it optimises."
    )
    path = folder / "verdicts.md"
    write_text(path, "\n\n".join([*head, said, grid(["study", "claim", "verdict", "wanted, and found"], rows)]) + "\n")
    return path
