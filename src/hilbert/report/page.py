"""The report of an evaluation: one HTML file that needs nothing else, neither network nor script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilbert.evaluation.flow import undefined
from hilbert.evaluation.measures import TRIVIAL
from hilbert.evaluation.result import Result
from hilbert.evaluation.table import heading, rarest_class, smallest
from hilbert.evaluation.verdict import difference, main_model, number, span
from hilbert.features.bags import Bags
from hilbert.files import write_text
from hilbert.report import figures, flow
from hilbert.report.rendering import render

MOST_CURVES = 4  # more lines in one panel cannot be told apart

LONGEST = 80  # characters of a value beside the numbers of the corpus; longer ones stand among the settings


def write_report(
    result: Result,
    path: str | Path,
    bags: Bags | None = None,
    corpus_summary: Mapping[str, Any] | None = None,
    no_text: bool = False,
) -> Path:
    """Write the page to ``path``; equal results give equal pages.

    ``corpus_summary`` (name → value) and the sources in ``bags`` are shown beside what the result knows of
    the corpus. The page holds no transcript text and no document ids; ``no_text`` also leaves out the notes
    that quote a model's own warnings, since nobody can know what those say.
    """
    path = Path(path)
    write_text(path, render_report(result, bags, corpus_summary, no_text))
    return path


def render_report(
    result: Result,
    bags: Bags | None = None,
    corpus_summary: Mapping[str, Any] | None = None,
    no_text: bool = False,
) -> str:
    """The page as text."""
    main = main_model(result)
    shown, kept, inside = curve_models(result), flow.flow_rows(result), flow.inside_rows(result)
    tests, reference = test_rows(result), result.metrics["reference"]
    trivial = [row for row in tests if row["against"] in TRIVIAL and row["against"] != reference]
    features = dict(result.config["features"]) or dict(bags.source if bags is not None else {})
    return render(
        "hilbert.report",
        "report.html.j2",
        title=heading(result),
        label=result.config["label"],
        synthetic=result.config["synthetic"],
        verdict=result.verdict,
        corpus=corpus_rows(result, features, corpus_summary or {}),
        classes=class_rows(result),
        reference=reference,
        rarest=rarest_class(result),
        rows=model_rows(result),
        smallest=smallest(result),
        tests=[row for row in tests if row not in trivial],
        more_tests=trivial,
        intervals=figures.intervals(result),
        differences=figures.differences(result),
        shown=shown,
        roc=figures.curves_of_class(result, shown, "roc"),
        precision=figures.curves_of_class(result, shown, "pr"),
        main=main,
        confusion=figures.confusion(result, main) if main else None,
        decided=main in result.predictions.decided,
        map=figures.embedding_map(result, main) if main else None,
        curves=figures.training_curves(result, main) if main else None,
        by_class=by_class_rows(result, shown),
        flow=kept,
        embedded=any(row["retention"][0][0] for row in kept),
        inside=inside,
        gated=any(row["mass"][0] for row in inside),
        contributions=flow.contributions(result) if result.flow else None,
        undefined=undefined(result),
        notes=[note for note in result.notes if not (no_text and ": warned " in note)],
        settings=setting_rows(result),
        parameters=[(name, flat(values)) for name, values in result.config["models"].items()],
        environment=flat(result.environment),
        resamples=result.metrics["bootstrap"]["resamples"],
        grouped=result.config["group"] is not None,
        cross_validated=result.config["protocol"] == "cross-validation",
    )


def curve_models(result: Result) -> list[str]:
    """The models whose curves are drawn: main model, reference, then the others in their order."""
    main, reference = main_model(result), result.metrics["reference"]
    rest = [name for name in result.metrics["models"] if name not in TRIVIAL and "(" not in name]
    order = [name for name in dict.fromkeys([main, reference, *rest]) if name is not None]
    return order[:MOST_CURVES] or list(result.metrics["models"])[:MOST_CURVES]


def model_rows(result: Result) -> list[dict[str, Any]]:
    """The table of results, a row a model, every cell as text."""
    rarest, reference = rarest_class(result), result.metrics["reference"]
    rows = []
    for model, row in result.metrics["models"].items():
        found = difference(result, model, reference) if reference else None
        seconds = result.environment.get("seconds_per_fit", {}).get(model)
        cells = {
            "difference": "" if found is None else number(found["value"], True),
            "difference_span": "" if found is None else span(found, True),
            "auprc": number(row["auprc_by_class"].get(rarest)),
            "recall": number(row["recall_by_class"].get(rarest)),
            "seconds": "" if seconds is None else f"{seconds:.2f}",
            "trivial": model in TRIVIAL,
        }
        for key in ("auc", "macro_f1", "balanced_accuracy"):
            cells |= {key: number(row[key]["value"]), f"{key}_span": span(row[key])}
        for key in ("brier", "log_loss", "calibration_error"):
            cells[key] = number(row[key])
        rows.append({"model": model, **cells})
    return rows


def by_class_rows(result: Result, models: list[str]) -> list[dict[str, str]]:
    """AUC, AUPRC and recall of each class for the models whose curves are shown."""
    rows = []
    for model in models:
        found = result.metrics["models"][model]
        for name, auc in found["auc_by_class"].items():
            rows.append(
                {
                    "model": model,
                    "class": name,
                    "auc": f"{number(auc['value'])} {span(auc)}",
                    "auprc": number(found["auprc_by_class"][name]),
                    "chance": number(result.metrics["auprc_by_chance"][name]),
                    "recall": number(found["recall_by_class"][name]),
                }
            )
    return rows


def class_rows(result: Result) -> list[tuple[str, int, str, str]]:
    """Class, scored documents, share, and the standard error its counts alone allow."""
    metrics = result.metrics
    return [
        (name, count, f"{100 * metrics['prevalence'][name]:.0f} %", number(metrics["hanley_mcneil_se"][name]))
        for name, count in metrics["class_counts"].items()
    ]


def test_rows(result: Result) -> list[dict[str, str]]:
    """Every paired difference with what could have been seen, and the corrected t-test with both of its ratios."""
    rows = []
    for row in result.metrics["differences"]:
        test, usual = row["corrected_t"], row.get("corrected_t_usual")
        rows.append(
            {
                "model": row["model"],
                "against": row["against"],
                "difference": f"{number(row['value'], True)} {span(row, True)}",
                "detectable": number(row["detectable"]),
                "t": "–" if test["t"] is None else f"{test['t']:.2f}".replace("-", "−"),
                "p": _p(test),
                "p_usual": "–" if usual is None else _p(usual),
                "folds": f"{test['folds']} of {test['of']}",
            }
        )
    return rows


def _p(test: Mapping[str, Any]) -> str:
    return "–" if test["p"] is None else "< .001" if test["p"] < 0.001 else number(test["p"])


def corpus_rows(result: Result, features: Mapping[str, Any], summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the corpus is, in numbers, and how its features were made."""
    corpus = result.config["corpus"]
    rows = [("documents", f"{corpus['documents']} ({corpus['labelled']} labelled, {corpus['scored']} scored)")]
    if corpus["groups"] is not None:
        rows.append(("groups", f"{corpus['groups']} (column {result.config['group']})"))
    hours = "unknown" if corpus["hours"] is None else f"{corpus['hours']:.1f}"
    unknown = f" ({corpus['without_duration']} documents of unknown length)" if corpus["without_duration"] else ""
    rows.append(("hours of audio", hours + unknown))
    for modality in ("audio", "text"):
        found = corpus[modality]
        without = f", {found['documents_without']} documents have none" if found["documents_without"] else ""
        each = f"median {found['median']:g} a document, {found['width']} values each"
        size = f"{found['segments']} ({each}{without})"
        rows.append((f"{modality} segments", size))
    made = flat({key: value for key, value in features.items() if key != "synthetic"})
    return rows + [row for row in made if ".identity." not in row[0] and len(row[1]) <= LONGEST] + flat(summary)


def setting_rows(result: Result) -> list[tuple[str, str]]:
    """The protocol, without what has its own place on the page."""
    apart = ("corpus", "features", "models", "splits", "notes", "synthetic")
    config = {**result.config, "reference": result.metrics["reference"]}  # also where the evaluation chose it
    rows = flat({key: value for key, value in config.items() if key not in apart})
    rows += flat(result.config["features"], "features.")
    sizes = [(split["train"], split["test"]) for split in result.config["splits"]]
    train, test = sorted({a for a, _ in sizes}), sorted({b for _, b in sizes})
    return [*rows, ("training documents a fold", _range(train)), ("test documents a fold", _range(test))]


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, text) rows."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{key}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows


def _range(values: list[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"
