"""One model in one fold: seeded, fitted on the training documents, checked on the test documents."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import HilbertError
from hilbert.evaluation.aligning import align
from hilbert.evaluation.watching import Flow, watch
from hilbert.features.bags import Bags
from hilbert.splits import Split

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one fit leaves behind; ``proba`` holds the model and its variants, (test documents, classes).

    ``decided``: of the same names, (test documents,) numbers of the classes that are decided for; ``shares``: of a
    model's members in its logits, where it has any. ``parameters``: how many numbers the model has learnt, where it
    says so (``n_parameters_``). ``flow``: the monitors of information flow of the same names as ``proba``, where they
    were asked for.
    """

    proba: Mapping[str, Floats]
    seconds: float
    notes: Sequence[str] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    embedding: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    parameters: int | None = None
    flow: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    decided: Mapping[str, Ints] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


def fit_fold(
    name: str,
    model: Any,
    bags: Bags,
    y: NDArray[np.object_],
    groups: NDArray[np.object_] | None,
    split: Split,
    classes: Sequence[str],
    seed: int,
    keep: bool,
    permutations: int = 0,
) -> Outcome:
    """Fit a clone of ``model`` on ``split`` and predict its test documents.

    The seed comes from ``seed``, repeat and fold, so the order of the work changes nothing. ``keep``: also
    its training curves and embeddings; ``permutations``: also its monitors of information flow, with so many. Raises
    HilbertError naming model, repeat and fold when anything fails.
    """
    where = f"{name}, repeat {split.repeat}, fold {split.fold}"

    def look(fitted: Any) -> Outcome:
        test = bags[split.test]
        proba, notes = predict(name, fitted, test, classes, where)
        chosen = decisions(name, fitted, test, proba, classes)
        curves = list(getattr(fitted, "history_", ())) if keep else []
        embedding = _embed(fitted, bags, split) if keep else {}
        parameters = getattr(fitted, "n_parameters_", None)
        flow: Flow = {}
        if permutations:
            train = bags[trained_on(model, split)]
            flow, said = watch(name, fitted, proba, test, y[split.test], classes, split, seed, permutations, train)
            notes += said
        size = None if parameters is None else int(parameters)
        return Outcome(proba, 0.0, notes, curves, embedding, size, flow, chosen, dict(getattr(fitted, "shares_", {})))

    found, seconds, warned = fit_one(name, model, bags, y, groups, split, seed, look)
    return replace(found, seconds=seconds, notes=[*found.notes, *warned])


def fit_one(
    name: str,
    model: Any,
    bags: Bags,
    y: NDArray[np.object_],
    groups: NDArray[np.object_] | None,
    split: Split,
    seed: int,
    look: Callable[[Any], Found],
) -> tuple[Found, float, list[str]]:
    """Fit a clone of ``model`` on ``split``: what ``look`` finds in it, seconds of the fit, and what it warned of.

    Labels of ``split.unlabelled`` are never shown to it. Errors are those of ``fit_fold``, whatever they come from.
    """
    from sklearn.base import clone

    where = f"{name}, repeat {split.repeat}, fold {split.fold}"
    own = int(np.random.SeedSequence([seed, split.repeat, split.fold]).generate_state(1)[0] % 2**31)
    train = trained_on(model, split)
    labels: Any = np.array(y[split.train].tolist())
    if len(train) > len(split.train):
        labels = y[train]
        labels[len(split.train) :] = None
    started = time.perf_counter()
    with single_thread(own), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = clone(model)
            known = fitted.get_params(deep=False)
            fitted.set_params(**{key: own for key in ("seed", "random_state") if key in known})
            extra = {}
            if groups is not None and "groups" in inspect.signature(fitted.fit).parameters:
                extra["groups"] = groups[train]
            fitted.fit(bags[train], labels, **extra)
            seconds = time.perf_counter() - started
            found = look(fitted)
        except HilbertError as error:
            if str(error).startswith(where):
                raise
            raise type(error)(f"{where}: {error}") from error
        except Exception as error:
            raise HilbertError(f"{where}: fitting failed with {type(error).__name__}: {error}") from error
    return found, seconds, sorted({f"{name}: warned {str(w.message).splitlines()[0]!r}" for w in caught if _counts(w)})


def trained_on(model: Any, split: Split) -> Ints:
    """The documents that a model is fitted on: those with labels, then, if it uses them, those without."""
    if getattr(model, "uses_unlabelled", False) and len(split.unlabelled):
        return np.concatenate([split.train, split.unlabelled])
    return split.train


def predict(
    name: str, fitted: Any, bags: Bags, classes: Sequence[str], where: str
) -> tuple[dict[str, Floats], list[str]]:
    """Probabilities of the model and its variants, a column for each of ``classes``, and notes."""
    proba = {name: fitted.predict_proba(bags)}
    if hasattr(fitted, "variants"):
        proba |= {f"{name} ({variant})": values for variant, values in fitted.variants(bags).items()}
    learnt = [str(c) for c in fitted.classes_]
    aligned = {
        key: align(np.asarray(values, dtype=np.float64), learnt, classes, bags.ids, where)
        for key, values in proba.items()
    }
    absent = [c for c in classes if c not in learnt]
    notes = [f"{name}: the training documents lacked {c}, whose probability is then 0" for c in absent]
    return aligned, notes


def decisions(
    name: str, fitted: Any, bags: Bags, proba: Mapping[str, Floats], classes: Sequence[str]
) -> dict[str, Ints]:
    """Numbers in ``classes`` (docs,) of what the model decides; of a variant, what it would decide in the same way.

    Models of this package tell it from their probabilities (``decided``). Of others it is what ``predict`` says, and
    the most probable class of their variants or where they have no ``predict``.
    """
    place = {label: number for number, label in enumerate(classes)}
    columns = np.array([place[str(label)] for label in fitted.classes_], dtype=np.int64)
    decide = getattr(fitted, "decided", lambda values: values.argmax(axis=1))
    found = {key: columns[decide(values[:, columns])] for key, values in proba.items()}
    if not hasattr(fitted, "decided") and hasattr(fitted, "predict"):
        found[name] = np.array([place[str(label)] for label in fitted.predict(bags)], dtype=np.int64)
    return found


@contextmanager
def single_thread(seed: int) -> Iterator[None]:
    """One thread for every numerical library, and own seeds: the same sums in whatever process."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threads = torch.get_num_threads()
    state = np.random.get_state()
    # to ask for a card's state would start one that no model uses, in every process
    cards = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(cards), threadpool_limits(1):
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
            torch.set_num_threads(threads)


def _counts(warning: warnings.WarningMessage) -> bool:
    """Whether a warning is about this fit, rather than about a library's future."""
    return not issubclass(warning.category, DeprecationWarning | PendingDeprecationWarning | FutureWarning)


def _embed(fitted: Any, bags: Bags, split: Split) -> dict[str, NDArray[Any]]:
    if not hasattr(fitted, "transform"):
        return {}
    rows = np.concatenate([split.train, split.test])
    test = np.repeat([False, True], [len(split.train), len(split.test)])
    return {"rows": rows, "test": test, "vectors": np.asarray(fitted.transform(bags[rows]), dtype=np.float32)}
