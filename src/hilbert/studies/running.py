"""Running trials in parallel processes, one thread each; every one is kept as soon as it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hilbert.errors import HilbertError
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
    from joblib import Parallel, cpu_count, delayed

    left = missing(trials, path)
    if not left:
        return Done(0, 0, ())
    workers = min(jobs or cpu_count(), len(left))

    def waiting() -> Iterator[Any]:
        for number, trial in enumerate(left):
            if time.monotonic() >= deadline:
                return
            yield delayed(_run)(number, trial)

    made, failures = 0, []
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch=workers)
    for number, outcome in parallel(waiting()):
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


def _run(number: int, trial: Trial) -> tuple[int, tuple[Values, float] | str]:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fits that did not converge; tables show what they predict
            return number, run_trial(trial)
    except HilbertError as error:
        return number, str(error)
