"""Monitors of information flow: what models keep and use of either modality. Measured, never optimised."""

from hilbert.monitors.ablation import Values, coalitions, perceptual_score, shapley
from hilbert.monitors.flow import embedded, used
from hilbert.monitors.recovery import dominance, recovery
from hilbert.monitors.structure import Retention, retention

__all__ = [
    "Retention",
    "Values",
    "coalitions",
    "dominance",
    "embedded",
    "perceptual_score",
    "recovery",
    "retention",
    "shapley",
    "used",
]
