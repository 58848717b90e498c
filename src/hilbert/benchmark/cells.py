"""The cells of a setting's table as text; Markdown, HTML and the terminal show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilbert.benchmark.collecting import MODEL, UNTRAINED, Numbers, is_baseline
from hilbert.benchmark.outputs import model_of
from hilbert.evaluation.measures import TRIVIAL
from hilbert.evaluation.verdict import number, span

CAUTION = "HuBERT, T5 and RoBERTa were not run with real weights."
PROXY = "The labels are proxies (number of speakers, year, age and gender), not clinical states."
COLUMNS = (
    ("model", "model"),
    ("auc", "macro AUC [95 %]"),
    ("difference", "Δ {comparator} [95 %]"),
    ("corrected", "p, corrected t"),
    ("usual", "p, the same with 1/(k − 1)"),
    ("holm", "p, Holm"),
    ("macro_f1", "macro F1"),
    ("balanced_accuracy", "balanced accuracy"),
    ("auprc", "AUPRC {rarest}"),
    ("recall", "recall {rarest}"),
    ("slope", "slope"),
    ("intercept", "intercept"),
    ("ece", "ECE"),
    ("seconds", "s / fit"),
    ("parameters", "parameters"),
)


def rarest(numbers: Numbers) -> str:
    """The class with the fewest scored documents."""
    counts = {name: count for name, count in numbers.metrics["class_counts"].items() if count}
    return str(min(counts, key=lambda name: (counts[name], name)))


def model_rows(numbers: Numbers) -> list[dict[str, str]]:
    """A row a model or variant, with the keys of ``COLUMNS``; "" where a column does not apply."""
    low = rarest(numbers)
    rows = []
    for name, found in numbers.metrics["models"].items():
        own = name in numbers.models or name in numbers.standing.values()  # a fit gives all rows of a model
        fits = numbers.models[model_of(name)]["fits"] if own else []
        constant = name == "prior"  # a line through constant scores says nothing
        row = {
            "model": name,
            "auc": f"{number(found['auc']['value'])} {span(found['auc'])}",
            "difference": _shown(numbers.against.get(name)),
            "corrected": p_value(numbers.against[name]["corrected_t"]["p"]) if name in numbers.against else "",
            "usual": p_value(numbers.against[name]["corrected_t_usual"]["p"]) if name in numbers.against else "",
            "holm": p_value(numbers.against[name]["holm"]) if _in_family(numbers, name) else "",
            "macro_f1": number(found["macro_f1"]["value"]),
            "balanced_accuracy": number(found["balanced_accuracy"]["value"]),
            "auprc": number(found["auprc_by_class"].get(low)),
            "recall": number(found["recall_by_class"].get(low)),
            "slope": "" if constant else wide(found["calibration_slope"]),
            "intercept": "" if constant else wide(found["calibration_intercept"], signed=True),
            "ece": number(found["calibration_error"]),
            "seconds": _seconds(numbers.models[model_of(name)]) if fits else "",
            "parameters": _parameters(fits),
        }
        rows.append(row)
    return rows


def _seconds(about: Mapping[str, Any]) -> str:
    """The mean of a model's fits, and the device where that is not a core."""
    fits, device = about["fits"], about.get("parameters", {}).get("device", "cpu")
    mean = f"{sum(fit['seconds'] for fit in fits) / len(fits):.2f}"
    return mean if device == "cpu" else f"{mean} ({device})"


GAINS = (
    "baseline", "macro AUC", "hilbert − it [95 %]", "p, corrected t", "Holm of it", "p, bootstrap", "Holm of it",
    "its highest row, seen afterwards", "macro AUC", "hilbert − that [95 %]", "p, corrected t with 1/(k − 1)",
    "no training − it [95 %]",
)  # fmt: skip


def gain_rows(numbers: Numbers) -> list[list[str]]:
    """HILBERT against every baseline, by the row that stands for it, and by its highest; cells as ``GAINS`` names."""
    found = []
    for model, name in numbers.standing.items():
        if name not in numbers.gains:
            continue
        row = numbers.gains[name]
        own = [other for other in numbers.gains if model_of(other) == model]
        best = max(own, key=lambda other: _auc(numbers, other))
        tests = []
        for p, adjusted in ((row["corrected_t"]["p"], row["holm_t"]), (row["bootstrap_p"], row["holm"])):
            tests += [p_value(p), "" if model in TRIVIAL else p_value(adjusted)]
        highest = [best, number(_auc(numbers, best)), _shown(numbers.gains[best])] if best != name else [""] * 3
        beside = [p_value(row["corrected_t_usual"]["p"]), _shown(numbers.untrained.get(name))]
        found.append([name, number(_auc(numbers, name)), _shown(row), *tests, *highest, *beside])
    return found


def class_rows(numbers: Numbers) -> list[list[str]]:
    """Model, and its area under the precision–recall curve for each class."""
    return [
        [name, *(number(found["auprc_by_class"].get(c)) for c in numbers.predictions.classes)]
        for name, found in numbers.metrics["models"].items()
    ]


def heading(numbers: Numbers) -> str:
    """Setting, label, documents and protocol in one line."""
    about = numbers.about
    scored = len(numbers.predictions.labels)
    groups = len(set(numbers.predictions.groups.tolist()))
    repeats = f"{len(numbers.repeats)} × {about['folds']} folds"
    return f"{about['id']}: {about['label']}, {scored} documents of {groups} groups, {repeats}, seed {about['seed']}"


def headline(numbers: Numbers) -> str:
    """What the table says of HILBERT against the comparator, in one sentence."""
    row = numbers.against.get(MODEL)
    if row is None or row["low"] is None:
        best = _best(numbers)
        value = numbers.metrics["models"][best]["auc"]
        return f"Highest macro AUC: {best}, {number(value['value'])} {span(value)}. HILBERT was not compared here."
    value = numbers.metrics["models"][MODEL]["auc"]
    said = f"hilbert {number(value['value'])} {span(value)}; difference to {numbers.comparator} {_shown(row)}"
    if row["value"] == row["low"] == row["high"] == 0:
        return f"{said}: both rank all documents alike."
    if row["low"] > 0:
        p = row["corrected_t"]["p"]
        but = "" if p is not None and p < 0.05 else f" by this interval, not by the corrected t-test (p = {p_value(p)})"
        return f"{said}: above it{but}."
    return f"{said}: below it." if row["high"] < 0 else f"{said}: no evidence of a difference."


def explanations(numbers: Numbers) -> list[str]:
    """What the columns mean, and the counts that a reader needs."""
    metrics, low = numbers.metrics, rarest(numbers)
    counts = ", ".join(f"{name} ({count})" for name, count in metrics["class_counts"].items())
    seen = [row["detectable"] for row in numbers.against.values() if row["detectable"] is not None]
    tested = [name for name in numbers.against if _in_family(numbers, name)]
    gains = [name for name in numbers.gains if name in numbers.standing.values() and name not in TRIVIAL]
    also = f"; for HILBERT against each baseline, for {len(gains)}" if gains else ""
    lines = [
        PROXY,
        f"Classes: {counts}. AUPRC {low}: {number(metrics['auprc_by_chance'].get(low))} in random order, prevalence "
        f"{number(metrics['prevalence'][low])}.",
        f"Audio: {numbers.about['audio']}, {numbers.about['corpus']['audio']['width']} values a segment; text: "
        f"{numbers.about['text']}, {numbers.about['corpus']['text']['width']}.",
        "Every number is the mean over repeats of the metric, never a metric of averaged predictions. Intervals: "
        f"{metrics['bootstrap']['resamples']} resamples of whole groups, differences paired.",
        f"p, Holm: two-sided bootstrap p of the difference to {numbers.comparator}, adjusted for {len(tested)} models, "
        "each by the row that stands for it: HILBERT's by themselves, a baseline by the output that was best on "
        f"tuning data of MAEC, or by its own where none is named; without prior, length and the comparator{also}."
        + (f" Adjusted for all rows, that of hilbert is {p_value(numbers.holm_rows)}." if numbers.against else "")
        + " p, corrected t: Nadeau and Bengio, unadjusted.",
        *_ratios(numbers),
        "Slope and intercept: logistic recalibration of each class against the rest (1 and 0 when calibrated); "
        "ECE: expected calibration error of the top class.",
    ]
    if seen:
        size = number(min(seen)) if min(seen) == max(seen) else f"{number(min(seen))} to {number(max(seen))}, by model"
        lines.append(f"Smallest difference to {numbers.comparator} seen with 80 % power: {size}.")
    tuned = [
        f"{name}: {', '.join(f'{key} = {value}' for key, value in about['options'].items())}"
        for name, about in numbers.models.items()
        if about["options"]
    ]
    if tuned:
        lines.append(f"Options chosen on the tuning companies: {'; '.join(tuned)}.")
    return lines + [f"Note: {note}." for note in numbers.notes]


def _ratios(numbers: Numbers) -> list[str]:
    """The two ratios of test to training documents that the corrected t-tests rest on."""
    rows = [*numbers.against.values(), *numbers.gains.values()]
    if not rows:
        return []
    own, usual = (number(rows[0][key]["ratio"]) for key in ("corrected_t", "corrected_t_usual"))
    lines = [
        f"Ratio of test to training documents in that test: {own}, scored ones over all that were trained on; beside "
        f"it p with the usual 1/(k − 1) of k folds, {usual}."
    ]
    if UNTRAINED in numbers.metrics["models"]:
        lines.append(f"No training: {UNTRAINED}, all members of HILBERT but its trained network.")
    return lines


def column_names(numbers: Numbers) -> list[tuple[str, str]]:
    """Key and heading of every column; those about the comparator only where there is one."""
    low = rarest(numbers)
    kept = [c for c in COLUMNS if numbers.against or c[0] not in ("difference", "corrected", "usual", "holm")]
    return [(key, text.format(comparator=numbers.comparator, rarest=low)) for key, text in kept]


def machines(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The machines and versions that the fits ran on, each once, with the dates of the first and last fit."""
    dates = sorted(fit["date"][:10] for about in models.values() for fit in about["fits"])
    found = {
        f"{env['platform']}, {env['cpus']} cores, Python {env['python']}, "
        + ", ".join(f"{package} {version}" for package, version in env["versions"].items())
        + (f", on {env['gpu']}." if "gpu" in env else ".")
        for about in models.values()
        for env in about["environments"]
    }
    if not dates:
        return []
    when = f"on {dates[0]}" if dates[0] == dates[-1] else f"from {dates[0]} to {dates[-1]}"
    return [f"Fitted {when}.", *sorted(found)]


def p_value(p: float | None) -> str:
    """A p-value as tables have it."""
    return "–" if p is None else "< .001" if p < 0.001 else number(p)


def wide(value: float | None, signed: bool = False) -> str:
    """A number that may be above 1, with two digits."""
    if value is None:
        return "–"
    text = f"{abs(value):.2f}"
    return ("−" if value < 0 and float(text) else "+" if signed else "") + text


def _shown(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"{number(row['value'], True)} {span(row, True)}"


def _in_family(numbers: Numbers, name: str) -> bool:
    return name in numbers.against and name in numbers.standing.values() and name not in TRIVIAL


def _auc(numbers: Numbers, name: str) -> float:
    return float(numbers.metrics["models"][name]["auc"]["value"] or 0.0)


def _best(numbers: Numbers) -> str:
    models = numbers.metrics["models"]
    defined = {name: row["auc"]["value"] for name, row in models.items() if row["auc"]["value"] is not None}
    return str(max(defined or models, key=lambda name: defined.get(name, 0.0)))


def _parameters(fits: Sequence[Mapping[str, Any]]) -> str:
    known = [fit["parameters"] for fit in fits if fit["parameters"] is not None]
    return f"{round(sum(known) / len(known)):,}".replace(",", " ") if known else ""


def baselines(numbers: Numbers) -> list[str]:
    """The rows that HILBERT is held against."""
    return [name for name in numbers.metrics["models"] if is_baseline(name) and name not in TRIVIAL]
