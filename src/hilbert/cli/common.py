"""What all commands share: errors of one screen, exit codes, progress, `--config` and `--set`."""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from hilbert.config import HilbertConfig

FAILED, WRONG, PARTIAL, INTERRUPTED = 1, 2, 3, 130
P = ParamSpec("P")


def command(function: Callable[P, None], resumes: bool | str = False) -> Callable[P, None]:
    """End a command with one line and an exit code on the errors that are expected.

    ``resumes``: whether an interrupted run goes on where it stopped, or the option with which it does.

    0 done; 1 failed; 2 wrong usage or bad input; 3 done, but some documents failed; 130 interrupted.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from hilbert.errors import HilbertError

        try:
            function(*args, **kwargs)
        except KeyboardInterrupt:
            kept = resumes if isinstance(resumes, bool) else kwargs.get(resumes) is not None
            text = "What was finished is kept; the same command goes on from there." if kept else "Nothing is finished."
            more = f" With --{resumes} it would be kept." if isinstance(resumes, str) and not kept else ""
            typer.echo(f"\nInterrupted. {text}{more}", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except (HilbertError, OSError) as error:
            if debugging():
                traceback.print_exc()
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(getattr(error, "exit_code", FAILED)) from None
        except Exception as error:
            if debugging() or isinstance(error, (typer.Exit, typer.Abort)) or _usage(error):
                raise
            typer.echo(f"Error: unexpected {type(error).__name__}: {error}", err=True)
            typer.echo("This is a fault of hilbert; please report it with what --debug shows.", err=True)
            raise typer.Exit(FAILED) from None

    return run


def _usage(error: Exception) -> bool:
    """Whether the command-line library raised it, which prints its own message."""
    return type(error).__module__.startswith(("typer", "click"))


def debugging() -> bool:
    """Whether --debug was given."""
    return _state["debug"]


_state = {"debug": False}


def take_debug(arguments: list[str]) -> list[str]:
    """Remember --debug and return the other arguments."""
    _state["debug"] = "--debug" in arguments
    return [argument for argument in arguments if argument != "--debug"]


def console(err: bool = False) -> Console:
    """Where output goes; plain text when that is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, width=None if stream.isatty() else 110, soft_wrap=False)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar with time left on a terminal; elsewhere a plain line every ten seconds."""
    if sys.stderr.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[item]}"), console=console(err=True)) as bar:
            task = bar.add_task(what, total=None, item="")
            yield lambda done, total, item: bar.update(task, completed=done, total=total, item=item)
        return
    started = last = time.monotonic()

    def line(done: int, total: int, item: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 10 and done < total:
            last = now
            left = f", about {duration((now - started) / done * (total - done))} left" if done else ""
            typer.echo(f"{what}: {done} of {total}{left}", err=True)

    yield line


def duration(seconds: float) -> str:
    """Seconds in words: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def megabytes(size: float) -> str:
    """Bytes in words: 340 kB, 12 MB, 3.4 GB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size / 1e3:.0f} kB"


def load_config(preset: str, file: Path | None, settings: list[str] | None) -> HilbertConfig:
    """The preset, under a YAML file, under `--set name=value` (values are read as YAML)."""
    import yaml

    from hilbert.config import HilbertConfig
    from hilbert.errors import UsageError

    overrides: dict[str, Any] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set: expected name=value, for example cka.weight=0.3; found {setting!r}")
        try:
            overrides[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--set {name}: the value {value!r} cannot be read") from None
    config = HilbertConfig.load(preset, overrides, file)
    if config.preset != preset:
        raise UsageError(f"{file}: is of the preset {config.preset!r}, and was given for {preset!r}")
    return config


def read_decide(text: str) -> str | dict[str, float]:
    """`--decide`: balanced, probable, or what it costs to miss each class, as low=5,rest=1. Raises UsageError."""
    from hilbert.errors import UsageError
    from hilbert.estimators.base import DECIDE

    if text in DECIDE:
        return text
    if "=" not in text:
        raise UsageError(f"--decide: expected {', '.join(DECIDE)} or costs such as low=5,rest=1, found {text!r}")
    costs: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        name = name.strip()
        if name in costs:
            raise UsageError(f"--decide: {name!r} is there twice")
        try:
            costs[name] = float(value)
        except ValueError:
            raise UsageError(f"--decide: expected a number after {name!r}, found {value!r}") from None
    return costs


def require_distinct(label: str, group: str | None) -> None:
    """Raise UsageError where both name one column: every class would be a single group."""
    from hilbert.errors import UsageError

    if group == label:
        raise UsageError(f"--label and --group name the same column, {label!r}: a group is whose documents they are")


def show_problems(problems: list[Any], limit: int = 20) -> None:
    """List what is wrong, the first of it when it is much."""
    for problem in problems[:limit]:
        typer.echo(f"  {problem}", err=True)
    if len(problems) > limit:
        typer.echo(f"  … and {len(problems) - limit} more", err=True)
