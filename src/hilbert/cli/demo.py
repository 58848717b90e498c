"""`hilbert demo`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilbert.cli import evaluate
from hilbert.cli.common import console, progress, show_problems

if TYPE_CHECKING:
    from hilbert.evaluation import Result
    from hilbert.features.store import FeatureStore

EXAMPLES = "Examples: hilbert demo  •  hilbert demo --documents 12 --out small-demo/"
SPEECH, TEXT = "whisper-tiny.en", "minilm-l6"
LABEL, GROUP = "state", "speaker"
MODELS = tuple(evaluate.MODELS.split(","))  # since the command that is shown names none
SMALL = 30  # fewer documents do not fill five folds


def run(
    documents: Annotated[int, typer.Option(help="How many recordings to make.", min=6)] = 60,
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("hilbert-demo"),
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides sentences, voices, labels and folds.")] = 0,
) -> None:
    """Make a small corpus of synthetic speech and take it the whole way: check, extract, evaluate, report.

    The speech is synthetic: it shows how the tool works, and is no evidence about real voices. Steps that are
    done already are not repeated.
    """
    from hilbert.cli.check import summary
    from hilbert.cli.extract import summarise
    from hilbert.corpus import Corpus, check_corpus
    from hilbert.demo import make_corpus
    from hilbert.encoders import install, installed
    from hilbert.evaluation.table import print_result
    from hilbert.features.extraction import extract
    from hilbert.report import write_report
    from hilbert.segments import Segmentation

    screen = console()
    screen.print("The speech of this demo is synthetic: it shows how the tool works, and nothing about real voices.")
    _step(1, "recordings, transcripts and a manifest")
    with progress("speak") as report:
        manifest = make_corpus(out / "corpus", documents, seed, lambda done, total: report(done, total, ""))
    _step(2, f"hilbert check {manifest} --label {LABEL} --group {GROUP}")
    checked = check_corpus(manifest, label=LABEL, group=GROUP)
    show_problems(checked.problems)
    for line in summary(checked):
        screen.print(line, markup=False)
    for pack in (SPEECH, TEXT):
        if installed(pack) is None:
            _step(3, f"hilbert encoders install {pack}")
            install(pack, progress=lambda line: typer.echo(f"  {line}", err=True))
    features = out / "features"
    _step(3, f"hilbert extract {manifest} --speech {SPEECH} --text {TEXT} --audio-segments windows --out {features}")
    with progress("extract") as report:
        corpus = Corpus.from_manifest(manifest)
        cut = Segmentation(audio="windows")
        store = extract(corpus, features, speech=SPEECH, text=TEXT, segmentation=cut, progress=report)
    summarise(store)
    results = out / "results"
    folds, repeats = (5, 3) if documents >= SMALL else (2, 1)
    _step(
        4,
        f"hilbert evaluate {features} --label {LABEL} --group {GROUP} --folds {folds} --repeats {repeats} "
        f"--out {results}",
    )
    result = _evaluated(store, results, folds, repeats, seed)
    page = out / "report.html"
    _step(5, f"hilbert report {results} --out {page}")
    write_report(result, page)
    print_result(result, screen)
    screen.print(f"\nThe report: {page.resolve()}", markup=False, soft_wrap=True)
    screen.print("Your own recordings: hilbert check MANIFEST, then the same commands as above.", markup=False)


def _step(number: int, what: str) -> None:
    typer.echo(f"\n[{number}/5] {what}")


def _evaluated(store: FeatureStore, folder: Path, folds: int, repeats: int, seed: int) -> Result:
    """The evaluation of these features, from the results folder where it is there already."""
    from hilbert.baselines import make_model
    from hilbert.evaluation import Result
    from hilbert.evaluation import evaluate as compare
    from hilbert.files import write_json

    stamp = folder / "demo.json"
    settings: dict[str, Any] = _settings(store, folds, repeats, seed)
    if _same(stamp, settings):
        typer.echo("Nothing to do: evaluated already.")
        return Result.load(folder)
    corpus, bags = store.corpus(), store.load()
    bags = dataclasses.replace(bags, source={**bags.source, "synthetic": True})
    models = {name: make_model(name) for name in MODELS}
    with progress("evaluate") as report:
        result = compare(
            models, bags, corpus.column(LABEL), corpus.column(GROUP), folds=folds, repeats=repeats, seed=seed,
            label=LABEL, group=GROUP, progress=report,
        )  # fmt: skip
    result.save(folder)
    write_json(stamp, settings)
    return result


def _settings(store: FeatureStore, folds: int, repeats: int, seed: int) -> dict[str, Any]:
    """Everything the evaluation depends on."""
    import hashlib

    from hilbert import __version__
    from hilbert.config import HilbertConfig

    keys = [[name, row.get("audio", {}).get("key"), row.get("text", {}).get("key")] for name, row in
            store.index.documents.items()]  # fmt: skip
    corpus = store.corpus()
    labels = [corpus.column(LABEL).tolist(), corpus.column(GROUP).tolist()]
    return {
        "hilbert": __version__,
        "configuration": HilbertConfig.load().hash,
        "models": list(MODELS),
        "folds": folds,
        "repeats": repeats,
        "seed": seed,
        "data": hashlib.sha256(repr([keys, labels]).encode()).hexdigest(),
    }


def _same(stamp: Path, settings: dict[str, Any]) -> bool:
    import json

    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")) == settings)
    except (OSError, ValueError):
        return False
