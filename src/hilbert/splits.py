"""Splits into training and test documents that never share a group."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError

Ints = NDArray[np.int64]
Labels = Sequence[Any] | NDArray[Any]


class Split(NamedTuple):
    """One division of the documents; index arrays, sorted.

    ``train`` and ``test`` hold labelled documents, ``unlabelled`` the unlabelled ones that may be trained on.
    No group has documents on both sides.
    """

    repeat: int
    fold: int
    train: Ints
    test: Ints
    unlabelled: Ints


def encode_labels(y: Labels) -> tuple[NDArray[Any], Ints]:
    """Sorted classes, and the class number of each document: -1 where the label is empty."""
    values = list(y)
    known = np.array([not is_missing(v) for v in values], dtype=bool)
    codes = np.full(len(values), -1, dtype=np.int64)
    classes, inverse = np.unique(np.array([v for v, k in zip(values, known, strict=True) if k]), return_inverse=True)
    codes[known] = inverse.reshape(-1)
    return classes, codes


def encode_groups(groups: Labels | None, n: int) -> Ints:
    """A number for each document's group; every document its own group where none are given.

    A document whose group is None or "" is a group of its own. UsageError when the count does not fit.
    """
    if groups is None:
        return np.arange(n, dtype=np.int64)
    if len(groups) != n:
        raise UsageError(f"groups: expected one for each of {n} documents, found {len(groups)}")
    numbers: dict[Any, int] = {}
    # A lone document's key is its row, an integer, which no group's key is.
    keys = [row if is_missing(g) else ("group", str(g)) for row, g in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def is_missing(value: Any) -> bool:
    """Whether a manifest's value is empty: None, NaN or ""."""
    return value is None or (isinstance(value, float) and bool(np.isnan(value))) or str(value) == ""


def grouped_folds(
    y: Labels,
    groups: Labels | None = None,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    score: Sequence[bool] | NDArray[np.bool_] | None = None,
) -> list[Split]:
    """Stratified folds, repeated; documents of one group always lie in the same fold.

    ``y`` may hold None: an unlabelled document is never tested on, and is trained on (``Split.unlabelled``)
    wherever its group is not tested. ``score`` is a mask of the documents that count: the others are assigned
    to folds as all are, and left out of ``test``. A fold without a document that counts is left out.
    Raises UsageError when there are too few groups or documents for the folds.
    """
    classes, codes = encode_labels(y)
    group = encode_groups(groups, len(codes))
    counts = np.ones(len(codes), dtype=bool) if score is None else np.asarray(score, dtype=bool)
    if counts.shape != codes.shape:
        raise UsageError(f"score: expected a mask of {len(codes)} documents, found shape {counts.shape}")
    labelled, unlabelled = np.flatnonzero(codes >= 0), np.flatnonzero(codes < 0)
    _check_possible(classes, codes, group, counts, folds, repeats, seed)
    splits = []
    for repeat in range(repeats):
        parts = _stratified(codes[labelled], group[labelled] if groups is not None else None, folds, seed + repeat)
        for fold, (train, test) in enumerate(parts):
            tested = labelled[test]
            free = unlabelled[~np.isin(group[unlabelled], group[tested])]
            split = Split(repeat, fold, labelled[train], tested[counts[tested]], free)
            check_disjoint(split, group)
            if len(split.test):
                splits.append(split)
    return splits


def inner_folds(y: Labels, groups: Labels | None = None, folds: int = 4, seed: int = 0) -> list[tuple[Ints, Ints]]:
    """(train, test) index arrays for a choice inside a training fold; grouped and stratified as outside.

    There are fewer folds where there are fewer groups. Where even the largest class has fewer documents than
    folds, they are not stratified: a choice on so few documents is a guess, but the fold can still be fitted.
    Raises UsageError when not even two folds can be made.
    """
    _, codes = encode_labels(y)
    group = encode_groups(groups, len(codes))
    labelled = np.flatnonzero(codes >= 0)
    members = len(np.unique(group[labelled]))
    possible = min(folds, members)
    if possible < 2:
        raise UsageError(
            f"inner folds: expected labelled documents of at least 2 groups, found {len(labelled)} documents of "
            f"{members}; give more documents"
        )
    if len(np.unique(codes[labelled])) > 1 and np.bincount(codes[labelled]).max() >= possible:
        return [(split.train, split.test) for split in grouped_folds(y, groups, possible, 1, seed)]
    from sklearn.model_selection import GroupKFold

    splitter = GroupKFold(possible, shuffle=True, random_state=seed)
    parts = splitter.split(labelled, groups=group[labelled])
    return [(labelled[train], labelled[test]) for train, test in parts]


def split_by_column(
    values: Labels,
    y: Labels,
    groups: Labels | None = None,
    score: Sequence[bool] | NDArray[np.bool_] | None = None,
) -> Split:
    """The split that a manifest's column gives: ``train`` (and ``dev``) against ``test``.

    A document with no value is not used. Raises UsageError for other values, an empty side, or a group
    on both.
    """
    allowed = {"train": 0, "training": 0, "dev": 0, "valid": 0, "validation": 0, "test": 1}
    written = ["" if v is None else str(v).strip() for v in values]
    names = [name.lower() for name in written]
    unknown = sorted({name for name in written if name and name.lower() not in allowed})
    if unknown:
        raise UsageError(f"split column: expected train, dev or test, found {', '.join(map(repr, unknown[:5]))}")
    _, codes = encode_labels(y)
    if len(names) != len(codes):
        raise UsageError(f"split column: expected {len(codes)} values, found {len(names)}")
    side = np.array([allowed.get(name, -1) for name in names], dtype=np.int64)
    group = encode_groups(groups, len(codes))
    both = np.intersect1d(group[side == 0], group[side == 1])
    if len(both):
        example = int(np.flatnonzero(np.isin(group, both))[0])
        label = groups[example] if groups is not None else example
        raise UsageError(
            f"split column: {len(both)} groups have documents in both train and test (the first: {label!r}); "
            "put every group on one side"
        )
    counts = np.ones(len(codes), dtype=bool) if score is None else np.asarray(score, dtype=bool)
    split = Split(
        0,
        0,
        np.flatnonzero((side == 0) & (codes >= 0)),
        np.flatnonzero((side == 1) & (codes >= 0) & counts),
        np.flatnonzero((side == 0) & (codes < 0)),
    )
    for what, part in (("train", split.train), ("test", split.test)):
        if not len(part):
            raise UsageError(f"split column: no labelled document is marked {what!r}")
    check_disjoint(split, group)
    return split


def check_disjoint(split: Split, groups: Labels) -> None:
    """Raise UsageError when a group has documents in both training (labelled or not) and test."""
    group = np.asarray(groups)
    trained = np.concatenate([split.train, split.unlabelled])
    leaked = np.intersect1d(group[trained], group[split.test])
    if len(leaked):
        raise UsageError(
            f"repeat {split.repeat}, fold {split.fold}: {len(leaked)} groups are in both training and test "
            f"(the first: {leaked[0]!r})"
        )


def split_notes(y: Labels, groups: Labels | None, folds: int) -> list[str]:
    """What a reader of the result must know about the folds: classes too rare to be in every one of them."""
    classes, codes = encode_labels(y)
    group = encode_groups(groups, len(codes))
    notes = []
    alone = 0 if groups is None else sum(is_missing(g) for g in groups)
    if alone:
        notes.append(f"{alone} documents have no group: each is a group of its own")
    for number, name in enumerate(classes):
        documents = int((codes == number).sum())
        members = len(np.unique(group[codes == number]))
        if members < folds:
            what = f"{documents} documents" + (f" of {members} groups" if groups is not None else "")
            notes.append(f"class {name!s} has {what}, fewer than {folds} folds: some test folds lack it")
    return notes


def _check_possible(
    classes: NDArray[Any], codes: Ints, group: Ints, counts: NDArray[np.bool_], folds: int, repeats: int, seed: int
) -> None:
    if not 0 <= seed < 2**32 - repeats:
        raise UsageError(f"seed: expected 0 to {2**32 - 1 - repeats}, found {seed}")
    if folds < 2 or repeats < 1:
        raise UsageError(f"expected at least 2 folds and 1 repeat, found folds={folds}, repeats={repeats}")
    if len(classes) < 2:
        found = f"only {classes[0]!s}" if len(classes) else "no label at all"
        raise UsageError(f"labels: expected at least two classes, found {found}")
    if not (counts & (codes >= 0)).any():
        raise UsageError("score: no labelled document counts; expected at least one")
    members = len(np.unique(group[codes >= 0]))
    if members < folds:
        way_out = f"; use folds={members}" if members > 1 else ""
        raise UsageError(f"{folds} folds need at least {folds} groups of labelled documents, found {members}{way_out}")
    largest = int(np.bincount(codes[codes >= 0]).max())
    if largest < folds:
        if largest == 1:
            raise UsageError(
                f"labels: expected several documents of a class, found another value for each of {len(codes)}; choose "
                "another column, cut a measurement into classes, or add documents"
            )
        raise UsageError(f"{folds} folds: even the largest class has only {largest} documents; use fewer folds")


def _stratified(codes: Ints, group: Ints | None, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield (train, test) of each fold; imports late, to keep `import hilbert` light."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class rarer than the folds is legal here; `split_notes` puts it into the result.
        warnings.simplefilter("ignore", UserWarning)
        parts = list(splitter.split(np.zeros(len(codes)), codes, group))
    for train, test in parts:
        if not len(test) or not len(train):
            raise UsageError(f"{folds} folds: the groups are too unequal to fill every fold; use fewer folds")
        yield train.astype(np.int64), test.astype(np.int64)
