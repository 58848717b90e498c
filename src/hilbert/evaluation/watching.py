"""The monitors of information flow of one fit, for itself and for its variants."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.evaluation.aligning import align
from hilbert.features.bags import Bags
from hilbert.monitors import embedded, used
from hilbert.splits import Split

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flow = dict[str, dict[str, float]]


def watch(
    name: str,
    fitted: Any,
    proba: Mapping[str, Floats],
    test: Bags,
    y: NDArray[np.object_],
    classes: Sequence[str],
    split: Split,
    seed: int,
    permutations: int,
    train: Bags | None = None,
) -> tuple[Flow, list[str]]:
    """Monitors by the names of ``proba``, and notes; without the documents of ``train`` those of the predictions alone.

    The permutations come from ``seed``, repeat and fold, the same for every model. Of a model that can recombine
    documents (``recombined``) variants are watched as well. Permutations make documents with neither modality, which
    a model may never have seen, and nothing else rests on this: so warnings are dropped, and a failure is a note.
    """
    for_scores, for_embedding = np.random.SeedSequence((seed, split.repeat, split.fold, 1)).spawn(2)
    learnt = [str(c) for c in fitted.classes_]

    def predict(audio: Ints, text: Ints) -> dict[str, Floats]:
        found = recombined(audio, text) if recombined else {"": fitted.predict_proba(test.recombine(audio, text))}
        return {
            f"{name} ({variant})" if variant else name: align(
                np.asarray(p, np.float64), learnt, classes, test.ids, name
            )
            for variant, p in found.items()
        }

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recombined = fitted.recombined(test) if hasattr(fitted, "recombined") else None
            labels, rng = [str(v) for v in y], np.random.default_rng(for_scores)
            flow = used(labels, proba, predict, classes, rng, permutations)
            if train is not None:
                flow[name] |= embedded(fitted, train, test, for_embedding)
    except Exception as error:
        return {}, [f"{name}: its information flow could not be measured ({type(error).__name__})"]
    return flow, []
