"""The experiments by name."""

from __future__ import annotations

from hilbert.errors import UsageError
from hilbert.studies.experiment import Experiment
from hilbert.studies.experiments import (
    counts,
    dimensions,
    dominance,
    heterogeneity,
    labels,
    leak,
    lengths,
    noise,
    sensitivity,
    settling,
    weights,
)

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        weights, dominance, dimensions, counts, noise, settling, sensitivity, leak, labels, lengths, heterogeneity,
    )
}  # fmt: skip


def choose(names: list[str] | None) -> list[Experiment]:
    """Those named, or all, in their order. Raises UsageError for an unknown name."""
    unknown = set(names or []) - set(EXPERIMENTS)
    if unknown:
        raise UsageError(f"study: expected some of {', '.join(EXPERIMENTS)}, found {sorted(unknown)[0]!r}")
    return [experiment for name, experiment in EXPERIMENTS.items() if names is None or name in names]
