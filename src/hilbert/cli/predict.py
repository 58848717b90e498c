"""`hilbert predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilbert.cli.common import PARTIAL, progress, show_problems

if TYPE_CHECKING:
    import pyarrow as pa

    from hilbert.inference import Prepared

EXAMPLES = (
    "Examples: hilbert predict model/ features/ --out p.csv  •  "
    "hilbert predict model/ call.wav --transcript call.vtt --out p.csv"
)


def run(
    model: Annotated[Path, typer.Argument(help="Saved model.")],
    input: Annotated[Path, typer.Argument(help="Feature store, manifest or recording.")],
    out: Annotated[Path, typer.Option(help="CSV or Parquet: id, predicted, a probability for each class.")],
    transcript: Annotated[Path | None, typer.Option(help="Transcript of a recording.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use only what is on this machine.")] = False,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Let a manifest name files outside its folder.")
    ] = False,
) -> None:
    """Write the predicted class and all class probabilities of each document."""
    import pyarrow as pa

    from hilbert.corpus.tables import READERS
    from hilbert.errors import ModelError, UsageError
    from hilbert.evaluation.strangers import strangers
    from hilbert.inference import load_model, prepare

    check_suffix(out)
    if transcript is not None and (input.is_dir() or input.suffix.lower() in READERS):
        raise UsageError(f"--transcript belongs to a recording, and {input} is a feature store or manifest")
    fitted = load_model(model)
    if not hasattr(fitted, "predict_proba"):
        raise ModelError(f"{model}: holds an embedder, which has no classes; use `hilbert embed`")
    with progress("encode") as report:
        prepared = prepare(
            fitted.features_, input, transcript, offline=offline, allow_outside=allow_outside, progress=report
        )
    proba = fitted.predict_proba(prepared.bags)
    if far := strangers(fitted, prepared.bags):
        count = len({found.document for found in far})
        typer.echo(f"Unlike what the model was trained on: {count} of {len(prepared.bags)} documents", err=True)
        show_problems(far)
    columns = {"id": prepared.bags.ids.tolist(), "predicted": [str(c) for c in fitted.classes_[fitted.decided(proba)]]}
    columns |= {f"p_{c}": proba[:, i] for i, c in enumerate(fitted.classes_)}
    finish(pa.table(columns), out, prepared)


def check_suffix(out: Path) -> None:
    """Raise UsageError before hours of encoding, not after, when the output's name is wrong."""
    from hilbert.errors import UsageError

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"--out: expected a file ending in .csv or .parquet, found {out}")


def finish(table: pa.Table, out: Path, prepared: Prepared) -> None:
    """Write a table as CSV or Parquet, and say which documents failed."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    from hilbert.files import replace_file

    write = pa_csv.write_csv if out.suffix.lower() == ".csv" else pq.write_table
    with replace_file(out) as temporary:
        write(table, temporary)
    typer.echo(f"{out}: {table.num_rows} documents")
    if prepared.problems:
        show_problems(prepared.problems)
        typer.echo(f"{len(prepared.problems)} documents failed and are not in {out}", err=True)
        raise typer.Exit(PARTIAL)
