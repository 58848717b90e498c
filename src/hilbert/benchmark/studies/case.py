"""What a study is made of: cases, each of which fits models on the documents and splits of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.baselines import MODELS
from hilbert.baselines.neural import NeuralBaseline
from hilbert.benchmark.models import TRAINED, build, select
from hilbert.benchmark.preparing import Data
from hilbert.benchmark.tasks import Setting, setting
from hilbert.config import HilbertConfig
from hilbert.errors import UsageError
from hilbert.estimators import HilbertClassifier
from hilbert.evaluation.fitting import Outcome, fit_fold
from hilbert.features.bags import Bags
from hilbert.splits import Split

Objects = NDArray[np.object_]
Options = Mapping[str, Mapping[str, Any]]
FOLDS = 5
SWEPT = ("concat-lr", "seq-lr", "gmu", "clip", "gmc", "hilbert")  # in every condition of a sweep
MAIN = ("concat-lr", "gmu", "clip", "gmc", "hilbert", "hilbert-paper")  # of the quick tier, and where all are too dear
DEAR = "maec-b"  # the task where a fit takes minutes
QUICK_DOCUMENTS = 80
DECIDED = "(decided)"  # a column beside the classes: the number of the class that is decided for
DIRECT = ("concat-lr",)  # what representations are held against: fitted on each label directly
TASK_LABEL = "the label of the task"
Columns = Callable[[Sequence[str]], Mapping[str, Objects]]
"""Columns of the manifest by name, for the documents with these ids."""


class Table(NamedTuple):
    """Values (rows, columns) of test documents, for one target and one variant of a model ("" is itself)."""

    target: str
    variant: str
    documents: list[str]
    columns: list[str]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """What one fit leaves behind."""

    tables: list[Table]
    seconds: float
    notes: Sequence[str] = ()
    parameters: int | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """A case's documents: bags, the labels a model is fitted on (None where unknown), groups, what counts.

    ``targets``: name → labels (docs,) that are predicted and scored, None where unknown. A document of a tuning
    company has ``score`` False, and is in no split's test part.
    """

    bags: Bags
    y: Objects
    groups: Objects
    score: NDArray[np.bool_]
    targets: Mapping[str, Objects]
    splits: list[Split]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for split in self.splits:
            if not self.score[split.test].all():
                raise ValueError("a document that does not count is tested on")

    def classes(self, target: str) -> list[str]:
        """The labels of a target, sorted."""
        return classes(self.targets[target])

    def training(self) -> str:
        """A hash of all that a model is trained on: ids, what the features were made from, labels, groups, splits."""
        return _hash([
            self.bags.ids.tolist(), self.bags.contents(), self.y.tolist(), self.groups.tolist(),
            [[s.repeat, s.fold, *(hashed(part) for part in (s.train, s.test, s.unlabelled))] for s in self.splits],
        ])  # fmt: skip

    def fingerprint(self) -> str:
        """The same with the targets."""
        return _hash([self.training(), {name: labels.tolist() for name, labels in self.targets.items()}])


class Trained(NamedTuple):
    """A fitted representation; ``inner``: its embeddings by name on each inner fold, and that fold's two sides."""

    fitted: Any
    inner: list[tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]]


Measure = Callable[[str, Any, Material, Split, int], Found]
Look = Callable[[Trained, Material, Split], list[Table]]
Make = Callable[["Case", Data, Columns, int], Material]


@dataclass(frozen=True)
class Case:
    """One condition of a study: models that are fitted and measured on the same splits.

    ``make`` turns itself, a setting's documents and columns, and the seed into the case's material; ``measure`` (a
    function of a module, so that it reaches other processes) makes one fit. With ``look``, a representation is trained
    and looked at: cases of one setting with the same ``trained_on`` share that training, and ``measure`` is for models
    without embeddings (None: there are no such models). ``share``: seconds of a fit over those of the main benchmark;
    ``beside``: seconds that a fit takes beside that. ``window``: seconds of an audio segment.
    """

    study: str
    name: str
    what: str
    setting: Setting
    models: Mapping[str, Any]
    make: Make
    measure: Measure | None = None
    look: Look | None = None
    trained_on: str = TASK_LABEL
    folds: int = FOLDS
    repeats: int = 1
    window: float | None = None
    documents: int | None = None
    share: float = 1.0
    beside: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its folder under ``studies/``."""
        return f"{self.study}/{self.name}"

    @property
    def training(self) -> tuple[object, ...] | None:
        """What is the same for all cases that look at one training; None for a case that looks at none."""
        if self.look is None:
            return None
        return self.setting.id, self.trained_on, self.folds, self.repeats, self.documents, self.window


def _hash(rows: Any) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def hashed(rows: NDArray[np.int64]) -> str:
    """A hash of row numbers."""
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16]


def classes(labels: Objects) -> list[str]:
    """The labels there are, sorted."""
    return sorted({str(label) for label in labels.tolist() if label is not None})


def predicted(name: str, model: Any, material: Material, split: Split, seed: int) -> Found:
    """A classifier's probabilities, and its variants', of the one target."""
    (target,) = material.targets
    names = material.classes(target)
    outcome = fit_fold(name, model, material.bags, material.y, material.groups, split, names, seed, False)
    return Found(
        tables_of(name, target, outcome, material.bags.ids[split.test].tolist(), names),
        outcome.seconds, outcome.notes, outcome.parameters,
    )  # fmt: skip


def tables_of(name: str, target: str, outcome: Outcome, documents: list[str], names: list[str]) -> list[Table]:
    """Probabilities of a classifier and of its variants, and which of the classes ``names`` each decides for."""
    return [
        Table(
            target,
            "" if key == name else key.removeprefix(f"{name} (").removesuffix(")"),
            documents,
            [*names, DECIDED],
            np.column_stack([values, outcome.decided[key]]),
        )
        for key, values in outcome.proba.items()
    ]


def is_representation(model: Any, supervised: bool = False) -> bool:
    """Whether a model learns embeddings from more than the label; ``supervised``: or from the label alone."""
    if isinstance(model, NeuralBaseline):
        return supervised or not model.method.supervised
    return isinstance(model, HilbertClassifier)


def models_for(wanted: Sequence[str] | None, usual: Sequence[str], options: Options, small: bool) -> dict[str, Any]:
    """Unfitted models in the registry's order: those wanted, or the usual ones (quick tier: few of them)."""
    names = wanted if wanted is not None else [name for name in usual if not small or name in MAIN]
    return {name: build(name, options.get(name), small) for name in MODELS if name in set(select(names))}


def representations(
    wanted: Sequence[str] | None, options: Options, small: bool, supervised: bool = False, direct: bool = True
) -> dict[str, Any]:
    """The models with embeddings among those wanted, and what they are held against.

    Raises UsageError where none of the wanted models has embeddings.
    """
    made = models_for(wanted, list(MODELS), options, small)
    kept = {
        name: _embedding_only(model)
        for name, model in made.items()
        if is_representation(model, supervised) or (direct and name in DIRECT)
    }
    if not any(is_representation(model, True) for model in kept.values()):
        raise UsageError(f"models: expected some with embeddings, found {', '.join(wanted or ())}")
    return kept


def affordable(task: str) -> Sequence[str] | None:
    """The models that a study of all representations looks at on a task: None, all of them, but on the dear one."""
    return MAIN if task == DEAR else None


def _embedding_only(model: Any) -> Any:
    """HILBERT with its network alone: no other member has an embedding, or changes one."""
    if not isinstance(model, HilbertClassifier):
        return model
    assert not isinstance(model.config, HilbertConfig)  # ``build`` names options
    config = HilbertConfig.load(model.preset, model.config)
    trained = [member for member in config.stack.members if member in TRAINED]
    return model.set_params(config={**(model.config or {}), "stack.members": trained or ["network"]})


def usual(task: str, small: bool = False) -> Setting:
    """The pair of backbones with which a study looks at a task."""
    if task != "speechocean762":
        return setting(task, "praat", "wordllama")
    return setting(task, "prosody", "wordllama") if small else setting(task, "whisper-tiny.en", "minilm-l6")
