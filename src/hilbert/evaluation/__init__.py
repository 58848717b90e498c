"""Evaluation: one protocol for all models, intervals by group, results that can be computed again."""

from hilbert.evaluation.protocol import evaluate, evaluate_saved, evaluate_split
from hilbert.evaluation.result import Result

__all__ = ["Result", "evaluate", "evaluate_saved", "evaluate_split"]
