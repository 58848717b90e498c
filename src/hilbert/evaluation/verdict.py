"""What the numbers of a result say, in sentences computed from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hilbert.evaluation.measures import SIMPLE, TRIVIAL
from hilbert.splits import encode_groups

if TYPE_CHECKING:
    from hilbert.evaluation.result import Result


LEAST_GROUPS = 5  # with four, one resample in 55 lacks the whole class, and the others are much alike


def number(value: float | None, signed: bool = False, digits: int = 3) -> str:
    """A value without its leading zero, as tables of AUC have it; – where undefined."""
    if value is None:
        return "–"
    text = f"{abs(value):.{digits}f}"
    text = text.removeprefix("0") if digits else text
    negative = value < 0 and float(f"{value:.{digits}f}") != 0
    return ("−" if negative else "+" if signed else "") + text


def span(row: Mapping[str, Any], signed: bool = False) -> str:
    """The interval of a metric or difference, in brackets."""
    if row["low"] is None:
        return "[undefined]"
    return f"[{number(row['low'], signed)}, {number(row['high'], signed)}]"


def difference(result: Result, model: str, against: str) -> Mapping[str, Any] | None:
    """The paired difference of two models' macro AUC, None where it was not computed."""
    for row in result.metrics["differences"]:
        if row["model"] == model and row["against"] == against:
            found: Mapping[str, Any] = row
            return found
    return None


def main_model(result: Result) -> str | None:
    """The model the verdict is about: hilbert, or else the first that is neither simple nor trivial."""
    simple = simple_model(result)
    others = [m for m in result.metrics["models"] if m not in (*TRIVIAL, simple)]
    if simple is None or simple in SIMPLE:
        others = [m for m in others if m not in SIMPLE]
    if others:
        return "hilbert" if "hilbert" in others else str(others[0])
    return simple


def simple_model(result: Result) -> str | None:
    """The better of the simple models by macro AUC, or the reference that was named instead; None without any.

    Of older results only concat-lr, since in them nothing is compared with late-stack.
    """
    reference, models = result.metrics["reference"], result.metrics["models"]
    if reference is not None and reference not in (*SIMPLE, *TRIVIAL):
        return str(reference)
    held_against = {row["against"] for row in result.metrics["differences"]}
    simple = [name for name in SIMPLE if name in models]
    compared = [name for name in simple if name in held_against] or simple

    def auc(name: str) -> float:
        value = models[name]["auc"]["value"]
        return -math.inf if value is None else float(value)

    return max(compared, key=auc, default=None)


def verdict(result: Result) -> list[str]:
    """Sentences: signal beyond the trivial baselines, main model against a simple one, what could be seen."""
    main, reference = main_model(result), simple_model(result)
    if main is None:
        return ["Only trivial baselines were evaluated: nothing can be said about the recordings."]
    auc = result.metrics["models"][main]["auc"]
    rarest, groups = fewest_groups(result)
    if groups < LEAST_GROUPS:
        held = f"Class {rarest!r} is scored in {groups} group{'' if groups == 1 else 's'} only"
        few = f"{held} (people, or whatever --group names): too few for an interval to mean anything"
        claim = f"{few}, so nothing is claimed; {LEAST_GROUPS} are the least, and more are better."
        return [f"{main} reaches a macro AUC of {number(auc['value'])}.", claim]
    sentences = [f"{main} reaches a macro AUC of {number(auc['value'])} {span(auc)}."]
    sentence, beyond = _beyond_trivial(result, main)
    sentences.append(sentence)
    if reference is None:
        names = " or ".join(SIMPLE)
        missing = f"No simple model ({names}) was evaluated, so none is shown to be better than a simple one."
        return [*sentences, missing]
    if reference == main:
        return sentences
    text, simple_beyond = _beyond_trivial(result, reference)
    if not (beyond and simple_beyond):
        simple = result.metrics["models"][reference]["auc"]
        sentences.append(f"{reference} reaches {number(simple['value'])} {span(simple)}. {text}")
    sentences.append(_compare(result, main, reference))
    sentences += _deciding(result, main, reference)
    sentences.append(_advice(result, main, reference, beyond, simple_beyond))
    sentences += _others(result, main, reference)
    row = difference(result, main, reference)
    if row is not None and row["detectable"] is not None:
        sentences.append(
            f"The smallest difference to {reference} that this evaluation would have seen with 80 % "
            f"power is about {number(row['detectable'])}."
        )
    return sentences


def fewest_groups(result: Result) -> tuple[str, int]:
    """The class that the fewest groups hold among the scored documents, and how many they are."""
    labels = result.predictions.labels
    groups = encode_groups(result.predictions.groups.tolist(), len(labels))  # each document by itself without any
    held = {str(name): len(np.unique(groups[labels == name])) for name in np.unique(labels)}
    return min(held.items(), key=lambda item: item[1])


def _beyond_trivial(result: Result, main: str) -> tuple[str, bool]:
    """Whether there is a signal at all, and whether recording length alone gives it."""
    models = result.metrics["models"]
    auc = models[main]["auc"]
    if auc["low"] is None:
        return f"The interval of {main} is undefined, so nothing can be said of chance.", False
    if auc["low"] <= 0.5:
        above = "below chance (.5)" if auc["high"] < 0.5 else "no evidence of anything above chance (.5)"
        return f"That is {above}.", False
    if "length" not in models:
        return "That is above chance (.5); whether recording length alone gives it was not evaluated.", True
    row = difference(result, main, "length")
    if row is None or row["low"] is None:
        return "That is above chance (.5); the difference to recording length alone is undefined.", False
    found = f"(difference {number(row['value'], True)} {span(row, True)})"
    if row["low"] > 0:
        return f"That is above chance (.5) and above what recording length alone gives {found}.", True
    if row["high"] < 0:
        text = f"That is above chance (.5), but below what recording length alone gives {found}."
        return text, False
    text = f"That is above chance (.5), but there is no evidence of anything beyond recording length {found}."
    return text, False


def _compare(result: Result, model: str, reference: str) -> str:
    row = difference(result, model, reference)
    if row is None or row["low"] is None:
        return f"The difference of {model} to {reference} is undefined."
    found = f"{number(row['value'], True)} {span(row, True)}"
    if row["value"] == row["low"] == row["high"] == 0:
        return f"{model} ranks all documents exactly as {reference} does: there is no difference between them."
    if row["low"] > 0:
        return f"{model} is above {reference} by {number(row['value'])} {span(row, True)}."
    if row["high"] < 0:
        return f"{model} is below {reference} by {number(-row['value'])} (difference {found})."
    return f"There is no evidence that {model} beats {reference} (difference {found})."


def _deciding(result: Result, main: str, reference: str) -> list[str]:
    """What either says about the rarest class, found and falsely said, in the mean of the repeats."""
    predictions, counts = result.predictions, result.metrics["class_counts"]
    rarest = min((name for name, count in counts.items() if count), key=lambda name: (counts[name], name))
    own, repeats = predictions.labels == rarest, len(predictions.folds)

    def each(model: str) -> tuple[str, str]:
        said = predictions.decisions(model) == predictions.classes.index(rarest)
        means = (float(said[:, rows].sum()) / repeats for rows in (own, ~own))
        found, wrong = (f"{mean:.1f}".removesuffix(".0") for mean in means)
        return found, wrong

    (found, wrong), (simple_found, simple_wrong) = each(main), each(reference)
    over = f", in the mean of {repeats} repeats" if repeats > 1 else ""
    return [
        f"Of {counts[rarest]} documents of class {rarest!r}, {main} finds {found} (and says it of {wrong} others), "
        f"{reference} {simple_found} (of {simple_wrong} others){over}."
    ]


def _advice(result: Result, main: str, reference: str, beyond: bool, simple_beyond: bool) -> str:
    """Which of both to keep: the simpler one unless the other is shown to rank better; neither without a signal.

    beyond, simple_beyond: whether either is shown to be above chance and, where it was evaluated, recording length.
    """
    trivial = "chance and recording length" if "length" in result.metrics["models"] else "chance"
    if not beyond and not simple_beyond:
        return f"Neither {main} nor {reference} is shown to be above {trivial}: nothing here speaks for keeping either."
    row = difference(result, main, reference)
    if row is None or row["low"] is None:
        return f"Keep {reference}: nothing is shown to be better."
    if row["low"] > 0:
        return f"Keep {main}."
    if row["high"] < 0:
        return f"Keep {reference}."
    if beyond and not simple_beyond:
        return (
            f"Only {main} is shown to be above {trivial}, but not to rank better than {reference}: which of them to "
            "keep, more documents have to tell."
        )
    simpler = "it is the simpler model, and " if reference in SIMPLE else ""
    return f"Keep {reference}: {simpler}nothing here shows that {main} ranks better."


def _others(result: Result, main: str, reference: str) -> list[str]:
    """The remaining models in one sentence: which lie outside the reference's interval, of how many."""
    rows = [
        row
        for row in result.metrics["differences"]
        if row["against"] == reference and row["model"] not in (main, *TRIVIAL) and row["low"] is not None
    ]
    if not rows:
        return []
    above = [row["model"] for row in rows if row["low"] > 0]
    below = [row["model"] for row in rows if row["high"] < 0]
    parts = [f"{', '.join(names)} {side} it" for names, side in ((above, "above"), (below, "below")) if names]
    found = "; ".join(parts) or "none has an interval that leaves out 0"
    many = f" (of {len(rows)}, intervals not adjusted for their number)" if len(rows) > 1 else ""
    return [f"Other models against {reference}{many}: {found}."]
