"""`hilbert benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilbert.cli.common import PARTIAL, console, progress, show_problems

if TYPE_CHECKING:
    from hilbert.benchmark.place import Place

EXAMPLES = (
    "Examples: hilbert benchmark --suite public --data $HILBERT_DATA --tier quick  •  "
    "hilbert benchmark --suite public --tune  •  hilbert benchmark --suite public --tasks maec-a --hours 8  •  "
    "hilbert benchmark --suite public --study heads,curves --dry-run"
)

DEVICES = ("cpu", "cuda", "mps")


def run(
    suite: Annotated[str, typer.Option(help="public: the tasks on MAEC and speechocean762.")],
    data: Annotated[
        Path | None, typer.Option(envvar="HILBERT_DATA", help="Folder of the public corpora.", show_default=False)
    ] = None,
    tier: Annotated[
        str,
        typer.Option(help="quick (minutes, proves plumbing only), standard or full.", metavar="quick|standard|full"),
    ] = "standard",
    tasks: Annotated[
        str | None, typer.Option(help="Tasks, settings or a study's cases, with commas (default: all).")
    ] = None,
    models: Annotated[str | None, typer.Option(help="Models, with commas (default: all).")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results; an interrupted run goes on.")] = Path(
        "results/benchmark"
    ),
    features: Annotated[Path, typer.Option(help="Folder of the features, made where they are not there.")] = Path(
        "features-benchmark"
    ),
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes (default: one a core); changes no result.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="Start no new fit after so many hours; 0 only makes the tables.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where networks are trained; other models stay on the CPU.", metavar="cpu|cuda|mps")
    ] = "cpu",
    redo: Annotated[str | None, typer.Option(help="Models whose stored fits are computed again, with commas.")] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose options and comparators on the tuning companies only.")
    ] = False,
    trials: Annotated[
        int, typer.Option(min=1, help="With --tune: trials of each model; more extend what is there.")
    ] = 16,
    study: Annotated[
        str | None, typer.Option(help="Run studies instead, with commas: heads, curves, presets, imbalance, …")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is to do, and stop.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides folds, models and resamples.")] = 0,
) -> None:
    """Measure all models on public corpora: resumable fits, then tables with intervals by group."""
    from joblib import cpu_count

    from hilbert.benchmark.estimate import survey
    from hilbert.benchmark.models import chosen_options, select
    from hilbert.benchmark.place import Place
    from hilbert.benchmark.plan import QUICK_SAYS, make_plan
    from hilbert.benchmark.running import get_ready, loader
    from hilbert.benchmark.running import run as run_plan
    from hilbert.benchmark.tables import make_tables, read_comparators, require_comparators
    from hilbert.benchmark.terminal import print_numbers, print_work
    from hilbert.errors import UsageError
    from hilbert.training.fit import check_device

    if suite != "public":
        raise UsageError(f"suite: expected public, found {suite!r}")
    if device not in DEVICES:
        raise UsageError(f"device: expected cpu, cuda or mps, found {device!r}")
    if hours != 0:  # tables can be made anywhere
        check_device(device)
    wanted, again = _names(models), _names(redo) or []
    names = select(wanted)
    select(again)
    screen, cores = console(), jobs or cpu_count()
    if tune:
        if tasks is not None:
            raise UsageError("tasks: options are chosen on all tuning tasks together; leave --tasks out with --tune")
        _tune(Place(out, features, data, seed, device=device), names, trials, jobs, hours, again, dry_run)
        return
    if study is not None:
        _study(
            _names(study) or [],
            tier,
            Place(out, features, data, seed, chosen_options(), device),
            wanted,
            _names(tasks),
            jobs,
            hours,
            again,
            dry_run,
        )
        return
    quick = tier == "quick"
    comparators = None if quick else read_comparators(out)
    plan = make_plan(tier, wanted, _names(tasks), comparators)
    place = Place(out / "quick" if quick else out, features, data, seed, chosen_options(), device)
    if quick:
        screen.print(QUICK_SAYS, markup=False)
    elif comparators is None:
        screen.print("No comparators are chosen yet (hilbert benchmark --tune): fits are kept, no table is made.")
    print_work(survey(plan, place, again), screen, cores)
    if dry_run:
        return
    ready = get_ready(plan, place, loader(place, progress, _say), hours, again)
    with progress("benchmark") as report:
        done = run_plan(ready, seed, jobs, hours, report)
    screen.print(f"{done.made} fits made, {done.left} left.", markup=False)
    if done.failures:
        typer.echo(f"{len(done.failures)} fits failed; the same command tries them again:", err=True)
        show_problems(list(done.failures))
    # of all that is stored, whatever part of it this run was about
    everything = plan if quick else make_plan("full", comparators=comparators)
    found = make_tables(everything, place, None if quick else require_comparators(out))
    asked = {comparison.id for comparison in plan}
    for numbers in found:
        if numbers.comparison.id in asked:
            print_numbers(numbers, screen)
    screen.print(f"Tables: {place.out / 'tables'}", markup=False)
    if done.failures:
        raise typer.Exit(PARTIAL)


def _tune(
    place: Place, names: list[str], trials: int, jobs: int | None, hours: float | None, redo: list[str], dry_run: bool
) -> None:
    """Score the trials of every model on the tuning companies, and write what follows from them."""
    import math
    import time

    from joblib import cpu_count

    from hilbert.benchmark.choosing import write_choices
    from hilbert.benchmark.models import select
    from hilbert.benchmark.plan import make_plan
    from hilbert.benchmark.running import loader
    from hilbert.benchmark.tuning import TASKS, left, open_others, open_study, tune, tuning_part

    folder, screen = place.out / "tuning", console()
    work = [left(folder, name, place.seed, trials, name in redo) for name in names]
    fits, done, seconds = (sum(column) for column in zip(*work, strict=True))
    screen.print(
        f"{len(names)} models, {fits} fits inside the tuning companies of {' and '.join(TASKS)}, {done} done; about "
        f"{seconds / (jobs or cpu_count()) / 3600:.2f} hours.",
        markup=False,
    )
    if dry_run:
        return
    deadline = math.inf if hours is None else time.monotonic() + 3600 * hours
    for name in redo:
        (folder / f"{name}.json").unlink(missing_ok=True)
    load, plan = loader(place, progress, _say), {c.id: c for c in make_plan("standard")}
    parts = {task: tuning_part(load(plan[f"{task}/praat-wordllama"])) for task in TASKS}
    studies = [open_study(folder, name, parts, place.seed, trials, place.device) for name in names]
    with progress("tune") as report:
        failures = tune(studies, parts, place.seed, jobs, deadline, report)
    rest = [name for name in select() if name not in names]
    others, stale = open_others(folder, rest, parts, place.seed, place.device)
    for line in stale:
        screen.print(f"left out: {line}", markup=False)
    for path in write_choices(place.out, [*studies, *others]):
        screen.print(f"{path}", markup=False)
    screen.print("Put settings.yaml into src/hilbert/benchmark/, and commit all of them before the run.")
    if failures:
        show_problems(failures)
        raise typer.Exit(PARTIAL)


def _study(
    names: list[str],
    tier: str,
    place: Place,
    models: list[str] | None,
    tasks: list[str] | None,
    jobs: int | None,
    hours: float | None,
    redo: list[str],
    dry_run: bool,
) -> None:
    """Make the fits of studies that are missing, then their tables."""
    from joblib import cpu_count

    from hilbert.benchmark.studies.all import loader, make_tables, plan, summary
    from hilbert.benchmark.studies.running import run

    found = plan(names, tier, place, models, tasks)
    screen = console()
    for line in summary(found, jobs or cpu_count()):
        screen.print(line, markup=False)
    if dry_run:
        return
    load = loader(found.place, progress, _say)
    with progress("study") as report:
        done = run(found.work, found.place, load, jobs, hours, redo, report)
    screen.print(f"{done.made} fits made, {done.left} left.", markup=False)
    for path in make_tables(found):
        screen.print(f"{path}", markup=False)
    if done.failures:
        typer.echo(f"{len(done.failures)} fits failed; the same command tries them again:", err=True)
        show_problems(list(done.failures))
        raise typer.Exit(PARTIAL)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]
