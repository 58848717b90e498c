"""`hilbert extract`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilbert.cli.common import PARTIAL, WRONG, console, duration, megabytes, progress, show_problems

if TYPE_CHECKING:
    from hilbert.features.store import FeatureStore

EXAMPLES = (
    "Examples: hilbert extract manifest.csv --speech whisper-tiny.en --text minilm-l6 --out features/  •  "
    "hilbert extract documents.csv --table segments.parquet --text wordllama --first 64 --out features/"
)


def run(
    manifest: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet with one row a document.")],
    out: Annotated[Path, typer.Option(help="Folder of the feature store; an interrupted one goes on.")],
    speech: Annotated[
        str | None, typer.Option(help="Speech encoder: a name, a hub id, or name:layer=4,pooling=mean+std.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Text encoder: a name or a hub id.")] = None,
    audio_segments: Annotated[
        str, typer.Option(help="auto, cues (of the transcript) or windows.", metavar="auto|cues|windows")
    ] = "auto",
    window: Annotated[float, typer.Option(help="Length of a window in seconds.")] = 10.0,
    text_segments: Annotated[
        str, typer.Option(help="auto, cues or sentences.", metavar="auto|cues|sentences")
    ] = "auto",
    first: Annotated[int | None, typer.Option(help="Keep the first N segments of each modality.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="Parquet or CSV with one row a segment: features made elsewhere.")
    ] = None,
    audio_columns: Annotated[
        str | None, typer.Option(help="Feature columns of the table, with commas (default: all numeric ones).")
    ] = None,
    drop_words: Annotated[
        str | None, typer.Option(help=r"With --table: leave out words that match this expression, e.g. '\d'.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use only what is on this machine.")] = False,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Let the manifest name files outside its folder.")
    ] = False,
) -> None:
    """Encode recordings and transcripts into a feature store. What is there already is not computed again."""
    from pydantic import ValidationError

    from hilbert.corpus import Corpus
    from hilbert.errors import UsageError
    from hilbert.features.extraction import extract
    from hilbert.features.table import import_table
    from hilbert.segments import Segmentation

    common: dict[str, Any] = {"speech": speech, "text": text, "offline": offline}
    if table is None and (audio_columns or drop_words):
        raise UsageError("--audio-columns and --drop-words belong to --table, which was not given")
    if table is not None and (audio_segments, window, text_segments) != ("auto", 10.0, "auto"):
        raise UsageError("a table has its segments: leave out --audio-segments, --window and --text-segments")
    with progress("extract") as report:
        if table is not None:
            columns = [name.strip() for name in audio_columns.split(",")] if audio_columns else None
            store = import_table(
                table, manifest, out, audio=columns, first=first, drop_words=drop_words,
                allow_outside=allow_outside, progress=report, **common,
            )  # fmt: skip
        else:
            try:
                cut = Segmentation.model_validate(
                    {"audio": audio_segments, "window": window, "text": text_segments, "first": first}
                )
            except ValidationError as error:
                first_error = error.errors()[0]
                name = str(first_error["loc"][0])
                option = {"audio": "audio-segments", "text": "text-segments"}.get(name, name)
                wanted = first_error["msg"].removeprefix("Input should be ")
                raise UsageError(f"--{option}: expected {wanted}, found {first_error['input']}") from None
            corpus = Corpus.from_manifest(manifest, allow_outside=allow_outside)
            store = extract(corpus, out, segmentation=cut, progress=report, **common)
    summarise(store)
    failed = store.problems
    if failed:
        show_problems(failed)
        typer.echo(f"{len(failed)} documents have no features; the whole list is in {out / 'index.json'}", err=True)
        raise typer.Exit(WRONG if len(failed) == store.report.documents else PARTIAL)


def summarise(store: FeatureStore) -> None:
    """What the run did, and what the store holds now."""
    report, out = store.report, console()
    segments = ", ".join(f"{count} {name} segments" for name, count in report.segments.items())
    if report.computed:
        out.print(
            f"{report.computed} documents encoded in {duration(report.seconds)}, {report.reused} were there already.",
            markup=False,
        )
    elif report.reused and not store.problems:
        out.print("Nothing to do: all features are there already.", markup=False)
    elif report.reused:
        out.print(f"{report.reused} documents were there already, no other could be encoded.", markup=False)
    if report.gone:
        # their files stay, so a manifest that names them again costs nothing
        out.print(f"{report.gone} documents of an earlier run are not in this manifest: left out.", markup=False)
    hours = f", {report.audio_seconds / 3600:.2f} h of audio" if report.audio_seconds else ""
    size = megabytes(store.size())
    out.print(f"{store.path}: {report.computed + report.reused} documents, {segments}{hours}, {size}", markup=False)
    for note in store.index.notes:
        out.print(f"  note: {note}", markup=False)
