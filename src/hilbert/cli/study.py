"""`hilbert study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilbert.cli.common import PARTIAL, console, progress, show_problems

EXAMPLES = (
    "Examples: hilbert study --tier quick  •  hilbert study dominance noise --tier full --hours 2  •  "
    "hilbert study --tier full --dry-run  •  hilbert study public --data $HILBERT_DATA --tier full"
)


def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Studies (default: all on synthetic documents); public: on the corpora.", show_default=False
        ),
    ] = None,
    tier: Annotated[str, typer.Option(help="quick (minutes, decides little) or full.", metavar="quick|full")] = "quick",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the results; an interrupted run goes on. Default: results/studies; public: "
            "results/benchmark.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes (default: one a core); changes no result.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="Begin no new fit after so many hours; 0 only makes the pages.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(envvar="HILBERT_DATA", help="public: folder of the corpora.", show_default=False)
    ] = None,
    features: Annotated[
        Path, typer.Option(help="public: folder of the features, made where they are not there.")
    ] = Path("features-benchmark"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is to do, and stop.")] = False,
) -> None:
    """Experiments on synthetic documents: what each term of HILBERT does, and when it fails."""
    import math
    import time

    from joblib import cpu_count

    from hilbert.errors import UsageError
    from hilbert.studies.experiment import SIZES
    from hilbert.studies.experiments.all import choose
    from hilbert.studies.pages import QUICK_SAYS, write_page
    from hilbert.studies.rows import Found, read_rows
    from hilbert.studies.running import missing
    from hilbert.studies.running import run as run_trials
    from hilbert.studies.summary import print_plan, print_verdicts, write_verdicts

    if tier not in SIZES:
        raise UsageError(f"tier: expected {' or '.join(SIZES)}, found {tier!r}")
    size, screen = SIZES[tier], console()
    if names == ["public"]:
        _public(out or Path("results/benchmark"), data, features, size.small, jobs, hours, dry_run)
        return
    out = out or Path("results/studies")
    folder = out / "quick" if size.small else out
    experiments = choose(names or None)
    trials = {experiment.name: experiment.trials(size) for experiment in experiments}
    stored = {experiment.name: folder / f"{experiment.name}.jsonl" for experiment in experiments}
    if size.small:
        screen.print(QUICK_SAYS, markup=False)
    plan = {e: (trials[e.name], missing(trials[e.name], stored[e.name])) for e in experiments}
    print_plan(plan, jobs or cpu_count(), screen)
    if dry_run:
        return
    deadline = math.inf if hours is None else time.monotonic() + 3600 * hours
    failures: list[str] = []
    claims = {}
    for experiment in experiments:
        own, path = trials[experiment.name], stored[experiment.name]
        with progress(experiment.name) as report:
            done = run_trials(own, path, jobs, deadline, report)
        failures += [f"{experiment.name}: {failure}" for failure in done.failures]
        found = Found(own, read_rows(path))
        if found.rows:
            claims[experiment.name] = experiment.claims(found)
            write_page(experiment, found, claims[experiment.name], folder, size.small)
    print_verdicts(claims, screen)
    if names is None or not names:
        write_verdicts(claims, folder, size.small)
    screen.print(f"Pages: {folder}", markup=False)
    if failures:
        typer.echo(f"{len(failures)} fits failed; the same command tries them again:", err=True)
        show_problems(failures)
        raise typer.Exit(PARTIAL)


def _public(
    out: Path, data: Path | None, features: Path, small: bool, jobs: int | None, hours: float | None, dry_run: bool
) -> None:
    """Ablations and draws on the public tasks: fits that are missing, then their tables."""
    from joblib import cpu_count

    from hilbert.benchmark.place import Place
    from hilbert.benchmark.studies.all import loader
    from hilbert.benchmark.studies.pages import write_study
    from hilbert.benchmark.studies.running import run as run_cases
    from hilbert.benchmark.studies.running import survey
    from hilbert.studies import public

    place, cases, screen = Place(out / "quick" if small else out, features, data, 0, {}), public.cases(small), console()
    work = survey(cases, place, public.expected)
    fits, done, seconds = (sum(row) for row in zip(*((w.fits, w.done, w.seconds) for w in work), strict=True))
    hours_left = seconds / (jobs or cpu_count()) / 3600
    screen.print(f"{len(cases)} tasks, {fits} fits, {done} done; about {hours_left:.2f} hours.", markup=False)
    if dry_run:
        return
    with progress("public") as report:
        load = loader(place, progress, lambda line: typer.echo(line, err=True))
        finished = run_cases(cases, place, load, jobs, hours, (), report)
    screen.print(f"{finished.made} fits made, {finished.left} left.", markup=False)
    sections = public.sections(cases, place)
    for path in write_study(public.NAME, public.WHAT, sections, public.NOTES, place.out, small):
        screen.print(f"{path}", markup=False)
    for section in sections:
        for line in section.lines:
            screen.print(f"{section.title}. {line}", markup=False)
    if finished.failures:
        typer.echo(f"{len(finished.failures)} fits failed; the same command tries them again:", err=True)
        show_problems(list(finished.failures))
        raise typer.Exit(PARTIAL)
