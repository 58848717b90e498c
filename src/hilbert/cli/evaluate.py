"""`hilbert evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilbert.cli.common import console, load_config, progress, read_decide, require_distinct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXAMPLES = (
    "Examples: hilbert evaluate features/ --label diagnosis --group patient --out results/  •  "
    "hilbert evaluate new-features/ --label diagnosis --model model/ --out results/"
)
PRESETS = {"hilbert": "robust", "hilbert-paper": "paper"}
MODELS = "prior,length,audio-lr,text-lr,concat-lr,late-stack,hilbert"


def run(
    features: Annotated[Path, typer.Argument(help="Feature store, from `hilbert extract`.")],
    label: Annotated[str, typer.Option(help="Label column of the manifest.")],
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    group: Annotated[str | None, typer.Option(help="Group column: one person's documents stay together.")] = None,
    models: Annotated[str, typer.Option(help="Names with commas; also hilbert-paper.")] = MODELS,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    repeats: Annotated[int, typer.Option(help="How often it is repeated with other folds.")] = 5,
    split: Annotated[str | None, typer.Option(help="Column that says train, dev (trained on, too) or test.")] = None,
    model: Annotated[Path | None, typer.Option(help="A saved model, on documents it has not seen.")] = None,
    score: Annotated[
        str | None, typer.Option(help="Column with yes or no: documents that count; others are only trained on.")
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(
            help="balanced (find every class alike), probable, or the cost of a miss: low=5,rest=1. Default: balanced, "
            "or what a saved model was trained with."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file over the presets of HILBERT.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="One value, as name=value; repeatable.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Another manifest, e.g. with corrected labels.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps, for HILBERT.")] = "cpu",
    monitors: Annotated[
        bool, typer.Option("--monitors/--no-monitors", help="Watch the flow of information in every fit, too.")
    ] = True,
    jobs: Annotated[int | None, typer.Option(help="Processes (default: one a core); changes no result.", min=1)] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Decides folds, initial weights, batches and resamples.")
    ] = 0,
) -> None:
    """Compare models on the same folds, with intervals by group, and say in words what was found."""
    from hilbert.baselines import make_model
    from hilbert.errors import UsageError
    from hilbert.estimators import HilbertClassifier
    from hilbert.evaluation import evaluate, evaluate_saved, evaluate_split
    from hilbert.evaluation.table import print_result
    from hilbert.features.store import FeatureStore
    from hilbert.training.fit import check_device

    if model is not None and (split or score or config or set_):
        raise UsageError("--model evaluates a finished model: leave out --split, --score, --config and --set")
    deciding = None if decide is None else read_decide(decide)
    require_distinct(label, group)
    check_device(device)
    names_of_models = [part.strip() for part in models.split(",")]
    if model is None:
        asked = [preset for name, preset in PRESETS.items() if name in names_of_models]
        for preset in asked or ["robust"]:
            load_config(preset, config if asked else None, set_)  # before anything is read
        if (config or set_) and not asked:
            raise UsageError("--set and --config change HILBERT alone: add hilbert to --models, or leave them out")
    store = FeatureStore(features)
    corpus, bags = store.corpus(manifest), store.load()
    y = corpus.column(label)
    groups = corpus.column(group) if group else None
    names: dict[str, Any] = {"label": label, "group": group or "", "monitors": monitors}
    if model is not None:
        saved = HilbertClassifier.load(model)
        if deciding is not None:
            saved.set_params(decide=deciding)
        result = evaluate_saved({model.name: saved}, bags, y, groups, seed=seed, **names)
    else:
        chosen = {}
        for name in names_of_models:
            own = PRESETS.get(name)
            options = {"config": load_config(own, config, set_), "device": device} if own else {}
            chosen[name] = make_model(name, **options)
            if deciding is not None and "decide" in chosen[name].get_params(deep=False):
                chosen[name].set_params(decide=deciding)
        counted = score_mask(corpus.column(score), score) if score else None
        with progress("evaluate") as report:
            common: dict[str, Any] = {"seed": seed, "jobs": jobs, "score": counted, "progress": report, **names}
            if split:
                result = evaluate_split(chosen, bags, y, corpus.column(split), groups, column=split, **common)
            else:
                result = evaluate(chosen, bags, y, groups, folds=folds, repeats=repeats, **common)
    older = (out / "predictions.parquet").exists()
    result.save(out)
    print_result(result, console())
    replaced = " (older ones were replaced)" if older else ""
    typer.echo(f"\nResults: {out}{replaced}   Page: hilbert report {out} --out report.html")


def score_mask(values: NDArray[Any], name: str) -> NDArray[np.bool_]:
    """(docs,) True where a column says yes. Raises UsageError for anything but yes and no."""
    import numpy as np

    from hilbert.errors import UsageError

    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
    lowered = [str(value or "").lower() for value in values]
    unknown = sorted(set(lowered) - set(words))
    if unknown:
        raise UsageError(f"column {name!r}: expected yes or no (true, false, 1, 0), found {unknown[0]!r}")
    return np.array([words[value] for value in lowered])
