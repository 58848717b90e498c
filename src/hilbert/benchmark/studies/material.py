"""The documents of a case: splits in which only documents that count are tested, and parts of the bags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.preparing import Data, corpus_notes
from hilbert.benchmark.studies.case import Case, Material, Objects
from hilbert.features.bags import Bags, Packed
from hilbert.splits import Split, grouped_folds, split_notes


def folded(
    case: Case,
    data: Data,
    seed: int,
    y: Objects | None = None,
    targets: Mapping[str, Objects] | None = None,
    bags: Bags | None = None,
    splits: Sequence[Split] | None = None,
    notes: Sequence[str] = (),
) -> Material:
    """A case on the folds of the main benchmark; ``y`` (default: the task's label) decides how they are stratified."""
    labels = data.y if y is None else y
    made = splits
    if made is None:
        made = grouped_folds(labels, data.groups, case.folds, case.repeats, seed, data.score)
    said = [*corpus_notes(data), *split_notes(labels, data.groups, case.folds), *notes]
    chosen = {data.label: labels} if targets is None else targets
    return Material(data.bags if bags is None else bags, labels, data.groups, data.score, chosen, list(made), said)


def first_segments(bags: Bags, count: int) -> Bags:
    """The first so many segments of each document and modality, their times again spread over 0 to 1."""

    def cut(packed: Packed) -> Packed:
        kept = np.minimum(packed.lengths, count)
        owner = np.repeat(np.arange(len(packed.lengths)), packed.lengths)
        place = np.arange(len(owner)) - packed.offsets[:-1][owner]
        inside = place < count
        share = packed.lengths[owner] / np.maximum(kept[owner], 1)
        times = np.clip(packed.times * share, 0.0, 1.0).astype(packed.times.dtype)
        return Packed(packed.values[inside], kept, times[inside])

    return Bags(bags.ids, cut(bags.audio), cut(bags.text), bags.duration, bags.source, bags.notes, bags.origins)


def terciles(values: NDArray[np.float64]) -> Objects:
    """ "low", "middle" or "high" third of each value; None where it is not known."""
    known = np.isfinite(values)
    edges = np.quantile(values[known], [1 / 3, 2 / 3])
    names = np.array(["low", "middle", "high"], dtype=object)[np.searchsorted(edges, np.where(known, values, 0.0))]
    return np.array([name if k else None for name, k in zip(names, known, strict=True)], dtype=object)
