"""`hilbert embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilbert.cli.common import progress
from hilbert.cli.predict import check_suffix, finish

EXAMPLES = (
    "Examples: hilbert embed model/ features/ --out embeddings.parquet  •  hilbert embed model/ call.wav --out z.csv"
)


def run(
    model: Annotated[Path, typer.Argument(help="Saved model.")],
    input: Annotated[Path, typer.Argument(help="Feature store, manifest or recording.")],
    out: Annotated[Path, typer.Option(help="CSV or Parquet: id, audio_0 …, text_0 …, joint_0 ….")],
    transcript: Annotated[Path | None, typer.Option(help="Transcript of a recording.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use only what is on this machine.")] = False,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Let a manifest name files outside its folder.")
    ] = False,
) -> None:
    """Write the audio, text and joint embedding of each document."""
    import pyarrow as pa

    from hilbert.inference import load_model, prepare

    check_suffix(out)
    fitted = load_model(model)
    with progress("encode") as report:
        prepared = prepare(
            fitted.features_, input, transcript, offline=offline, allow_outside=allow_outside, progress=report
        )
    z = fitted.transform(prepared.bags)
    width = z.shape[1] // 3
    names = [f"{part}_{i}" for part in ("audio", "text", "joint") for i in range(width)]
    columns = {"id": prepared.bags.ids.tolist(), **{name: z[:, i] for i, name in enumerate(names)}}
    finish(pa.table(columns), out, prepared)
