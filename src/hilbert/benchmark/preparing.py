"""A setting's documents as bags with labels, groups and the mask of what counts; features are made once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.tasks import MAEC, PRAAT, Setting, Task, corpus_folder, documents, score_mask
from hilbert.corpus.manifest import Corpus
from hilbert.encoders.packs import PACKS, install, installed
from hilbert.errors import InputError
from hilbert.features.bags import Bags
from hilbert.features.extraction import Progress, extract
from hilbert.features.store import FeatureStore
from hilbert.features.table import import_table
from hilbert.files import write_text
from hilbert.segments.segmentation import Segmentation

Objects = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Data:
    """Documents with labels and groups (docs,); ``score`` is False where a document is only trained on."""

    bags: Bags
    y: Objects
    groups: Objects
    score: NDArray[np.bool_]
    label: str
    group: str

    def __len__(self) -> int:
        return len(self.bags)

    def take(self, rows: NDArray[np.int64]) -> Data:
        """The documents at ``rows``."""
        return Data(self.bags[rows], self.y[rows], self.groups[rows], self.score[rows], self.label, self.group)

    @property
    def classes(self) -> list[str]:
        """The labels there are, sorted."""
        return sorted(set(self.y.tolist()))

    def fingerprint(self) -> str:
        """A hash of ids, labels, groups, what counts, and what every document's features were made from."""
        rows = [
            self.bags.ids.tolist(), self.y.tolist(), self.groups.tolist(), self.score.tolist(), self.bags.contents(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def prepare(
    setting: Setting,
    data: Path,
    features: Path,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
    window: float | None = None,
) -> Data:
    """Read a setting's documents, making under ``features`` what is not there yet.

    Weight packs that are not on this machine are installed, which ``say`` announces. ``window``: cut the audio of
    recordings into windows of so many seconds, instead of at the cues of the transcript. Raises InputError for a
    wrong data folder, or a document without features.
    """
    task = setting.task
    corpus = documents(task, data)
    for name in (setting.audio, setting.text):
        if name in PACKS and installed(name) is None:
            if say:
                say(f"hilbert encoders install {name}")
            install(name, progress=say)
    if task.corpus == MAEC:
        bags = _maec(setting, corpus, data, features, progress)
    else:
        bags = _recordings(setting, corpus, features, progress, window)
    known = corpus.select(bags.ids.tolist())
    groups = known.column(task.group)
    return Data(bags, known.column(task.label), groups, score_mask(task, groups), task.label, task.group)


def _maec(setting: Setting, corpus: Corpus, data: Path, features: Path, progress: Progress | None) -> Bags:
    task = setting.task
    manifest = _write_manifest(task, corpus, features)
    out = features / f"{task.name}-{setting.audio}-{setting.text}"
    table = corpus_folder(task, data) / "segments.parquet"
    made = {"text": setting.text, "first": task.first, "drop_words": task.drop_words, "progress": progress}
    if setting.audio != PRAAT:
        raise InputError(f"{task.name}: has no recordings; expected the features {PRAAT}, found {setting.audio}")
    return _whole(import_table(table, manifest, out, **made))  # type: ignore[arg-type]


def _recordings(
    setting: Setting, corpus: Corpus, features: Path, progress: Progress | None, window: float | None = None
) -> Bags:
    """One store a backbone, so that twelve pairs cost seven extractions; one more for each length of windows."""
    folder = features / setting.task.name
    cut = Segmentation() if window is None else Segmentation(audio="windows", window=window)
    name = setting.audio if window is None else f"{setting.audio}-{window:g}s"
    audio = _whole(extract(corpus, folder / name, speech=setting.audio, segmentation=cut, progress=progress))
    text = _whole(extract(corpus, folder / setting.text, text=setting.text, progress=progress))
    if audio.ids.tolist() != text.ids.tolist():
        raise InputError(f"{folder}: expected the same documents of both backbones; remove the folder")
    notes = tuple(dict.fromkeys([*audio.notes, *text.notes]))
    source = {**audio.source, **text.source}
    return Bags(audio.ids, audio.audio, text.text, audio.duration, source, notes, _joined(audio, text))


def _joined(audio: Bags, text: Bags) -> NDArray[np.str_] | None:
    """The origins of both modalities' features."""
    if audio.origins is None or text.origins is None:
        return None
    return np.array([" ".join(pair) for pair in zip(audio.origins.tolist(), text.origins.tolist(), strict=True)])


def _whole(store: FeatureStore) -> Bags:
    if store.problems:
        raise InputError(
            f"{store.path}: {len(store.problems)} documents of the benchmark have no features (the first: "
            f"{store.problems[0]})"
        )
    return store.load()


def _write_manifest(task: Task, corpus: Corpus, features: Path) -> Path:
    """The task's rows as a manifest beside the features, since the corpus's own lists other documents, too."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["id", *corpus.columns])
    writer.writerows([document.id, *document.columns.values()] for document in corpus)
    path = features / f"{task.name}.csv"
    write_text(path, target.getvalue())
    return path


def corpus_notes(data: Data) -> list[str]:
    """What a reader of a table must know about these documents."""
    trained = int((~data.score).sum())
    only = f"{trained} documents of the tuning companies are trained on and never scored"
    return [*([only] if trained else []), *data.bags.notes]
