"""Fits side by side in processes, which both the benchmark and its studies make."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hilbert.errors import HilbertError

Result = TypeVar("Result")


def in_parallel(
    function: Callable[..., Result], rows: Sequence[tuple[Any, ...]], jobs: int | None, deadline: float
) -> Iterator[tuple[int, Result | str]]:
    """``function(*row)`` of each of ``rows``, as they are done: the row's number, and the result or an error's message.

    ``jobs``: processes, None for one a core. No row is begun after ``deadline``, in seconds of ``time.monotonic``. Only
    errors that are expected (HilbertError) become messages; raises HilbertError where a process ended by itself.
    """
    from joblib import Parallel, cpu_count, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    if not rows:
        return
    workers = min(jobs if jobs and jobs > 0 else cpu_count(), len(rows))

    def waiting() -> Iterator[Any]:
        for number, row in enumerate(rows):
            if time.monotonic() >= deadline:
                return
            yield delayed(_numbered)(number, function, row)

    # no more is sent to the workers than they can begin at once, so that the deadline holds
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch=workers)
    try:
        yield from parallel(waiting())
    except TerminatedWorkerError as error:
        raise HilbertError(
            f"a working process ended by itself, perhaps for lack of memory ({str(error).splitlines()[0]}); what was "
            "finished is kept: run the same command again, with fewer --jobs"
        ) from None


def _numbered(number: int, function: Callable[..., Result], row: tuple[Any, ...]) -> tuple[int, Result | str]:
    try:
        return number, function(*row)
    except HilbertError as error:
        return number, str(error)
