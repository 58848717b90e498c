"""What tuning has decided: options of every model, the comparator of every task, and a table of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hilbert.baselines import MODELS
from hilbert.benchmark.collecting import is_baseline
from hilbert.benchmark.outputs import OUTPUTS, model_of
from hilbert.benchmark.tables import COMPARATORS, grid
from hilbert.benchmark.tuning import TASKS, Study
from hilbert.evaluation.verdict import number
from hilbert.files import write_text

FIXED = {"speechocean762": "concat-lr"}  # no part of it is set aside for choices
SETTINGS_HEAD = (
    "# Options of each model that differ from its defaults, chosen on the tuning companies by `hilbert benchmark "
    "--tune`.\n# Model → option → value; an option with a dot is one of HILBERT's configuration.\n"
)
COMPARATORS_HEAD = (
    "# The baseline that every model is held against, by task: the highest macro AUC on the tuning companies of MAEC,\n"
    "# chosen by `hilbert benchmark --tune`, which scores no other document; speechocean762: fixed.\n"
)
OUTPUTS_HEAD = (
    "# The output (the model itself, or a variant) that stands for each baseline in the tests of a task: the one with "
    "the\n# highest macro AUC on the tuning companies of that task; speechocean762: highest in the mean of both.\n"
)


def chosen(studies: Sequence[Study]) -> dict[str, dict[str, Any]]:
    """Model → the options of its best trial, without models that keep their defaults."""
    best = {study.name: study.trials[study.best] for study in studies if study.best is not None}
    return {name: options for name, options in best.items() if options}


def tuned_aucs(studies: Sequence[Study]) -> dict[str, dict[str, float]]:
    """Output (model or variant) → task → AUC on the tuning companies at the chosen options."""
    found: dict[str, dict[str, float]] = {}
    for study in studies:
        if study.best is not None:
            scores = study.scores[study.best]
            for output in scores[TASKS[0]]["auc"]:
                found[output] = {task: scores[task]["auc"][output] for task in TASKS}
    return found


def highest(study: Study) -> float:
    """The mean over tasks of the best output of any trial: what other options and another output might have given."""
    means = [
        sum(scores[task]["auc"][output] for task in TASKS) / len(TASKS)
        for scores in study.scores
        if all("auc" in scores.get(task, {}) for task in TASKS)
        for output in scores[TASKS[0]]["auc"]
    ]
    return max(means, default=math.nan)


def comparators(studies: Sequence[Study]) -> dict[str, str]:
    """Task → the best baseline on its tuning companies; none before a baseline is tuned."""
    aucs = {output: row for output, row in tuned_aucs(studies).items() if is_baseline(output)}
    if not aucs:
        return {}
    return {task: max(aucs, key=lambda output: aucs[output][task]) for task in TASKS} | FIXED


def outputs(studies: Sequence[Study]) -> dict[str, dict[str, str]]:
    """Task → baseline → its output with the highest AUC on tuning data; the mean of both tasks elsewhere."""
    aucs = {output: row for output, row in tuned_aucs(studies).items() if is_baseline(output)}
    means = {output: sum(row.values()) / len(row) for output, row in aucs.items()}
    found: dict[str, dict[str, str]] = {}
    for task in (*TASKS, *FIXED):
        scores = {output: aucs[output][task] if task in TASKS else means[output] for output in aucs}
        by_model: dict[str, list[str]] = {}
        for output in aucs:
            by_model.setdefault(model_of(output), []).append(output)
        found[task] = {model: max(own, key=scores.__getitem__) for model, own in by_model.items()}
    return found


def write_choices(out: Path, studies: Sequence[Study]) -> list[Path]:
    """Write ``comparators.yaml`` and, in ``tuning/``, settings, outputs and a summary; returns their paths."""
    order = list(MODELS)
    studies = sorted(studies, key=lambda study: order.index(study.name))  # whatever this run was about
    files = {
        out / "tuning" / "settings.yaml": SETTINGS_HEAD + _yaml(chosen(studies)),
        out / "tuning" / OUTPUTS: OUTPUTS_HEAD + _yaml(outputs(studies)),
        out / "tuning" / "summary.md": summary(studies),
    }
    held_against = comparators(studies)
    if held_against:
        among = ", ".join(study.name for study in studies if study.best is not None and is_baseline(study.name))
        files[out / COMPARATORS] = f"{COMPARATORS_HEAD}# Chosen among the outputs of: {among}.\n{_yaml(held_against)}"
    for path, text in files.items():
        write_text(path, text)
    return list(files)


def summary(studies: Sequence[Study]) -> str:
    """A table of every output at the chosen options, and the comparators."""
    rows = []
    aucs = tuned_aucs(studies)
    by_model = {study.name: study for study in studies}
    for output, row in aucs.items():
        study = by_model.get(output)
        cells = ["", "", "", ""]
        if study is not None and study.best is not None:
            first = study.mean(0)  # NaN where the defaults failed
            finished = sum(not math.isnan(study.mean(trial)) for trial in range(len(study.trials)))
            options = ", ".join(f"{k} = {v}" for k, v in study.trials[study.best].items()) or "defaults"
            counted = f"{finished} of {len(study.trials)}"
            cells = [number(None if math.isnan(first) else first), number(highest(study)), counted, options]
        means = [number(row[task]) for task in TASKS] + [number(sum(row.values()) / len(TASKS))]
        rows.append([output, *means, *cells])
    heads = ["model", *TASKS, "mean", "mean at defaults", "best output of any trial", "trials", "options"]
    parts = [
        "# Tuning",
        "Macro AUC within three grouped folds, trained and tested on the tuning companies only, which no published "
        "table scores. The trial with the highest mean of the main output over both tasks was chosen, so these "
        "numbers are optimistic; they choose, and report nothing. Beside it stands the best of all trials and outputs: "
        "no choice of options and output together could have done better here.",
        grid(heads, rows),
    ]
    held_against = comparators(studies)
    if held_against:
        parts.append("Comparators: " + ", ".join(f"{task}: {name}" for task, name in held_against.items()) + ".")
    failed = [
        f"- {study.name}, trial {trial}, {task}: {row['error']}"
        for study in studies
        for trial, scores in enumerate(study.scores)
        for task, row in scores.items()
        if "error" in row
    ]
    if failed:
        parts += ["Failed:", "\n".join(failed)]
    return "\n\n".join(parts) + "\n"


def _yaml(value: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True)
    return text
