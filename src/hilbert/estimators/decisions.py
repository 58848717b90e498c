"""From probabilities to decisions: which class is said is a choice of its own, and is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Decide = str | Mapping[Any, float]
DECIDE = ("balanced", "probable")


def class_costs(decide: Decide, classes: NDArray[Any], prior: Floats) -> Floats:
    """(classes,) what it costs to miss a document of each class, by which its probability is multiplied.

    "balanced": one over its share in training (``prior``), so that every class is found alike, however rare;
    "probable": 1, so that the most probable class is said; or a mapping of each class to its cost, in any unit, which
    may name others, too: a rare class may be missing from a training fold. A class that no training document had is
    never said. Raises UsageError for anything else.

    Deciding by expected cost: Elkan 2001, "The foundations of cost-sensitive learning".
    """
    if isinstance(decide, Mapping):
        names = [str(name) for name in classes]
        wrong = UsageError(f"decide: expected a cost above 0 for each of {', '.join(names)}, found {dict(decide)}")
        try:
            costs = {str(name): float(cost) for name, cost in decide.items()}
        except (TypeError, ValueError):
            raise wrong from None
        if not set(costs) >= set(names) or not all(np.isfinite(cost) and cost > 0 for cost in costs.values()):
            raise wrong
        found = np.array([costs[name] for name in names])
    elif decide == "balanced":
        found = np.divide(1.0, prior, out=np.zeros_like(prior), where=prior > 0)
    elif decide == "probable":
        found = np.ones_like(prior)
    else:
        raise UsageError(f"decide: expected {', '.join(DECIDE)} or a cost for each class, found {decide!r}")
    return np.where(prior > 0, found, 0.0)


def decide_classes(proba: Floats, costs: Floats) -> Ints:
    """(docs,) number of the class whose probability times cost is highest; the first of equals.

    proba: (docs, classes); costs: (classes,) of ``class_costs``.
    """
    numbers: Ints = (proba * costs).argmax(axis=1)
    return numbers
