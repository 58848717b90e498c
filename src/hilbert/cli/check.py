"""`hilbert check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilbert.cli.common import WRONG, console, duration, megabytes

if TYPE_CHECKING:
    from hilbert.corpus import CheckReport, Spread

EXAMPLES = "Example: hilbert check manifest.csv --label diagnosis --group patient"
SHOWN = 50


def run(
    manifest: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet with one row a document.")],
    label: Annotated[str | None, typer.Option(help="Label column, to count its classes.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of the person, company, … a document belongs to.")] = None,
    folds: Annotated[int, typer.Option(help="Folds you plan to evaluate with, for the warnings.", min=2)] = 5,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Let the manifest name files outside its folder.")
    ] = False,
) -> None:
    """Say what is wrong with a corpus, all at once, before anything is computed."""
    from hilbert.corpus import check_corpus

    report = check_corpus(manifest, label=label, group=group, folds=folds, allow_outside=allow_outside)
    out = console()
    for problem in report.problems[:SHOWN]:
        line = f"{'error  ' if problem.fatal else 'warning'}  {problem}"
        out.print(line, markup=False, soft_wrap=not out.is_terminal)  # one line each where they are searched
    if len(report.problems) > SHOWN:
        out.print(f"… and {len(report.problems) - SHOWN} more")
    for line in summary(report):
        out.print(line, markup=False)
    if report.ok:
        _estimate(report)
    raise typer.Exit(0 if report.ok else WRONG)


def summary(report: CheckReport) -> list[str]:
    """What the corpus holds, in lines."""

    def spread(counts: Spread | None) -> str:
        return "none" if counts is None else f"{counts.smallest} to {counts.largest}, median {counts.median:g}"

    errors, warnings = len(report.errors), len(report.warnings)
    lines = [
        f"{report.path}: {report.documents} documents, {report.usable} usable; {errors} errors, {warnings} warnings",
        f"  audio     {report.hours:.2f} h at {', '.join(f'{r} Hz ({n})' for r, n in sorted(report.rates.items()))}"
        if report.rates
        else "  audio     none",
        f"  segments  {spread(report.segments)} cues or sentences a document; {report.timed} transcripts with times",
        f"  missing   {report.without_audio} documents without audio, {report.without_text} without text",
    ]
    if report.class_counts or report.unlabelled:
        classes = ", ".join(f"{name} {count}" for name, count in report.class_counts.items())
        unlabelled = f"; {report.unlabelled} unlabelled" if report.unlabelled else ""
        lines.append(f"  {report.label}: {classes}{unlabelled}")
    elif not report.label:
        lines.append(f"  columns   {', '.join(report.columns) or 'none'} (name one with --label, one with --group)")
    if report.groups:
        lines.append(f"  {report.group}: {report.groups} groups of {spread(report.group_sizes)} documents")
    return lines


def _estimate(report: CheckReport) -> None:
    from hilbert.encoders.costs import estimates

    segments = round((report.segments.median if report.segments else 0) * report.documents)
    rows = estimates(report.hours * 3600, segments)
    out = console()
    out.print("Extraction with what is installed (one core, good to a factor of two):")
    for row in rows:
        out.print(f"  {row.name:<16} {row.kind:<7} {duration(row.seconds):>8}  {megabytes(row.size):>8}", markup=False)
    out.print("More: hilbert encoders", markup=False)
