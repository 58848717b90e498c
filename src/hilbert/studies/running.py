"""Running trials in parallel processes, one thread each; every one is kept as soon as it is done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hilbert.benchmark.parallel import in_parallel
from hilbert.studies.rows import append, read_rows, row_of, tidy
from hilbert.studies.trial import Trial, Values, run_trial

Progress = Callable[[int, int, str], None]


class Done(NamedTuple):
    """What a run did: trials made, trials left for lack of time or failed, and messages of those that failed."""

    made: int
    left: int
    failures: tuple[str, ...]


def missing(trials: Sequence[Trial], path: Path) -> list[Trial]:
    """Trials that ``path`` does not hold, each once."""
    known = read_rows(path)
    return list({trial.key: trial for trial in trials if trial.key not in known}.values())


def run(
    trials: Sequence[Trial],
    path: Path,
    jobs: int | None = None,
    deadline: float = float("inf"),
    progress: Progress | None = None,
) -> Done:
    """Make the trials that ``path`` does not hold yet; none is begun after ``deadline`` (monotonic seconds)."""
    tidy(path, [trial.key for trial in trials])  # what an interruption cut short must not stand before a new line
    left = missing(trials, path)
    made, failures = 0, []
    for number, outcome in in_parallel(_watched, [(trial,) for trial in left], jobs, deadline):
        trial = left[number]
        if isinstance(outcome, str):
            failures.append(f"{trial.arm.name}, {trial.case}, seed {trial.seed}.{trial.repeat}: {outcome}")
        else:
            append(path, row_of(trial, *outcome))
            made += 1
        if progress:
            progress(made + len(failures), len(left), trial.arm.name)
    tidy(path, [trial.key for trial in trials])
    return Done(made, len(left) - made, tuple(failures))


def _watched(trial: Trial) -> tuple[Values, float, int]:
    """A trial, and how many of its linear fits did not converge; these go on with what they have."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values, seconds = run_trial(trial)
    return values, seconds, sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)
