"""`hilbert train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilbert.cli.common import console, load_config, progress, read_decide, require_distinct

EXAMPLES = "Example: hilbert train features/ --label diagnosis --group patient --out model/ --set cka.weight=0.3"


def run(
    features: Annotated[Path, typer.Argument(help="Feature store, from `hilbert extract`.")],
    label: Annotated[str, typer.Option(help="Label column of the manifest; empty labels are unlabelled documents.")],
    out: Annotated[Path, typer.Option(help="Folder of the model.")],
    group: Annotated[str | None, typer.Option(help="Group column: one person's documents stay together.")] = None,
    preset: Annotated[str, typer.Option(help="robust or paper.")] = "robust",
    decide: Annotated[
        str, typer.Option(help="balanced (find every class alike), probable, or the cost of a miss: low=5,rest=1.")
    ] = "balanced",
    config: Annotated[Path | None, typer.Option(help="YAML file over the preset.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="One value, as name=value; repeatable.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Another manifest, e.g. with corrected labels.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder from which an interrupted run goes on.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides folds, initial weights and batches.")] = 0,
) -> None:
    """Fit HILBERT on all labelled documents of a feature store and save it."""
    from hilbert.estimators import HilbertClassifier
    from hilbert.estimators.classifier import TRAINED
    from hilbert.features.store import FeatureStore
    from hilbert.training.fit import check_device

    require_distinct(label, group)
    resolved, deciding = load_config(preset, config, set_), read_decide(decide)
    check_device(device)
    store = FeatureStore(features)
    corpus, bags = store.corpus(manifest), store.load()
    y = corpus.column(label)
    groups = corpus.column(group) if group else None
    with progress("train") as report:
        model = HilbertClassifier(
            config=resolved, seed=seed, device=device, decide=deciding, checkpoint=checkpoint, progress=report
        )
        model.fit(bags, y, groups=groups)
    older = " (replaces an older model)" if (out / "model.json").exists() else ""
    model.save(out)
    known = [value for value in y if value is not None]
    screen = console()
    screen.print(f"{out}: {len(known)} labelled and {len(y) - len(known)} unlabelled documents{older}", markup=False)
    screen.print(f"  classes: {', '.join(f'{c} {known.count(c)}' for c in model.classes_)}", markup=False)
    epochs = ", ".join(f"{stage} {n}" for stage, n in model.epochs_.items())
    if not epochs:
        left_out = set(TRAINED) & set(resolved.stack.members)  # so they are not in ``few``
        why = f"with fewer than {resolved.stack.least} labels" if left_out else "without a member that needs it"
        epochs = f"none, the network is not trained {why}"
    screen.print(f"  epochs: {epochs}", markup=False)
    for note in bags.notes:
        screen.print(f"  note: {note}", markup=False)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in model.shares_.items())
    screen.print(f"  what predicts, by its share in the logits: {shares}", markup=False)
