"""Whether a label and a group column can carry an evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hilbert.corpus.document import Document
from hilbert.errors import Problem

_MANY_CLASSES = 20
_FEW = 3  # documents of a class; of fewer a share says nothing
_UNEVEN = 0.5  # difference of two classes' shares of documents whose audio is cut by cues


@dataclass
class ColumnReport:
    """Documents of each class and of each group, and what is doubtful about them."""

    problems: list[Problem] = field(default_factory=list)
    class_counts: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    group_counts: dict[str, int] = field(default_factory=dict)


def check_columns(
    documents: Sequence[Document], path: Path, label: str | None, group: str | None, folds: int
) -> ColumnReport:
    """Count classes and groups, and warn of what cross-validation with ``folds`` folds would stumble over."""
    report = ColumnReport()
    if not documents:
        return report
    names = list(documents[0].columns)
    labels = _values(documents, label, path, names, report)
    groups = _values(documents, group, path, names, report)

    def warn(message: str, hint: str) -> None:
        report.problems.append(Problem("", str(path), message, hint, fatal=False))

    if labels:
        report.class_counts = dict(sorted(Counter(value for value in labels if value).items()))
        report.unlabelled = sum(not value for value in labels)
        _check_classes(report, f"label {label!r}", folds, warn)
    if groups:
        report.group_counts = dict(sorted(Counter(value for value in groups if value).items()))
        lacking = sum(not value for value in groups)
        if lacking:
            warn(
                f"group {group!r}: expected a group for every document, found none for {lacking}",
                "fill them in",
            )
        if len(report.group_counts) < folds:
            found = f"found {len(report.group_counts)}"
            warn(f"group {group!r}: expected at least {folds} groups, {found}", f"use fewer than {folds} folds")
    if labels and groups:
        for name, count in report.class_counts.items():
            held = {g for value, g in zip(labels, groups, strict=True) if value == name and g}
            if len(held) < 2 <= count:
                hint = "no grouped split can train on it and test it; merge it or leave it out"
                warn(f"label {label!r}: expected class {name!r} in at least 2 groups, found {len(held)}", hint)
            elif len(held) < folds <= count:
                hint = f"some of {folds} folds will not hold it"
                warn(
                    f"label {label!r}: expected class {name!r} in at least {folds} groups, found {len(held)}",
                    hint,
                )
    if groups and "split" in names and group != "split":
        parts: dict[str, set[str]] = {}
        for document, value in zip(documents, groups, strict=True):
            if value and document.columns["split"]:
                parts.setdefault(value, set()).add(document.columns["split"])
        leaks = sorted(value for value, split in parts.items() if len(split) > 1)
        if leaks:
            found = f"found {len(leaks)} groups in several (first: {leaks[0]!r})"
            hint = "a result on that split would count people seen in training; assign whole groups"
            warn(f"split: expected every group of {group!r} in one part, {found}", hint)
    return report


def uneven_cutting(
    documents: Sequence[Document], timed: Mapping[str, bool], label: str | None, path: Path
) -> list[Problem]:
    """A warning where classes differ in how their audio would be cut: a model could tell them apart by that alone.

    ``timed``: id → whether the transcript has times, by which audio is cut unless windows are asked for.
    """
    shares: dict[str, list[bool]] = {}
    for document in documents:
        value = document.columns.get(label or "", "")
        if value and document.audio is not None:
            shares.setdefault(value, []).append(timed.get(document.id, False))
    parts = {name: sum(found) / len(found) for name, found in sorted(shares.items()) if len(found) >= _FEW}
    if not parts or max(parts.values()) - min(parts.values()) <= _UNEVEN:
        return []
    most, least = (choose(parts, key=parts.__getitem__) for choose in (max, min))
    found = ", ".join(f"{sum(shares[name])} of {len(shares[name])} of class {name!r}" for name in (most, least))
    hint = "cut all audio into windows (--audio-segments windows), or what is learnt may be the cutting"
    return [Problem("", str(path), f"label {label!r}: transcripts with times in {found}", hint, fatal=False)]


def _values(
    documents: Sequence[Document], name: str | None, path: Path, names: list[str], report: ColumnReport
) -> list[str]:
    """The column's text for each document; [] where none was asked for or there is none of that name."""
    if name is None:
        return []
    if name == "id":
        return [document.id for document in documents]
    if name not in names:
        message = f"expected one of the columns {', '.join(names) or '(none)'}, found {name!r}"
        report.problems.append(Problem("", str(path), message, "check the name, or add the column"))
        return []
    return [document.columns[name] for document in documents]


def _check_classes(report: ColumnReport, what: str, folds: int, warn: Callable[[str, str], None]) -> None:
    counts = report.class_counts
    labelled = sum(counts.values())
    if len(counts) < 2:
        found = f"found {f'only {next(iter(counts))!r}' if counts else 'no labelled document'}"
        warn(
            f"{what}: expected at least 2 classes, {found}",
            "there is nothing to tell apart; choose another column",
        )
        return
    if len(counts) == labelled > 2:
        warn(
            f"{what}: expected classes, found another value for every document",
            "it looks like an id or a measurement",
        )
        return
    if len(counts) > _MANY_CLASSES and all(map(is_number, counts)):
        warn(
            f"{what}: expected classes, found {len(counts)} different numbers",
            "cut the measurement into classes first",
        )
        return
    for name, count in counts.items():
        if count < folds:
            hint = (
                f"use at most {count} folds, or merge the class with another"
                if count > 1
                else "merge it or leave it out"
            )
            warn(
                f"{what}: expected at least {folds} documents of class {name!r} (one a fold), found {count}",
                hint,
            )


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
