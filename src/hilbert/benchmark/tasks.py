"""The public tasks: which documents count, their labels and groups, and which companies are never scored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.corpus.manifest import Corpus
from hilbert.errors import InputError, UsageError

PRAAT = "praat"  # the features that come with MAEC's table
MAEC, SPEECHOCEAN = "maec", "speechocean762"
FILES: Mapping[str, tuple[str, ...]] = {
    MAEC: ("documents.csv", "segments.parquet"),
    SPEECHOCEAN: ("manifest.csv", "recordings", "transcripts"),
}


@dataclass(frozen=True)
class Task:
    """One label of one corpus, as `docs/benchmark.md` defines it.

    ``audio`` and ``text`` are the backbones it is measured with; ``first`` segments are kept, words in which
    ``drop_words`` is found are left out; ``tuning``: its tuning companies are trained on and never scored.
    """

    name: str
    corpus: str
    label: str
    audio: tuple[str, ...]
    text: tuple[str, ...]
    what: str
    first: int | None = None
    drop_words: str | None = None
    tuning: bool = False
    group: str = "group"


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "maec-a",
            MAEC,
            "speakers_64",
            (PRAAT,),
            ("wordllama", "minilm-l6"),
            "how many people speak in the first 64 sentences of an earnings call",
            first=64,
            tuning=True,
        ),
        Task(
            "maec-b",
            MAEC,
            "year",
            (PRAAT,),
            ("wordllama", "minilm-l6"),
            "the year of an earnings call, words with digits left out",
            first=64,
            drop_words=r"\d",
            tuning=True,
        ),
        Task(
            "speechocean762",
            SPEECHOCEAN,
            "age_gender",
            ("whisper-tiny.en", "whisper-base", "resemblyzer", "prosody"),
            ("minilm-l6", "mpnet-base", "wordllama"),
            "age and gender of a speaker who reads 20 sentences",
        ),
    )
}


@dataclass(frozen=True)
class Setting:
    """A task with one speech and one text backbone."""

    task: Task
    audio: str
    text: str

    @property
    def id(self) -> str:
        """Its name in tables and folders, such as ``maec-a/praat-wordllama``."""
        return f"{self.task.name}/{self.audio}-{self.text}"


def setting(task: str, audio: str, text: str) -> Setting:
    """A setting by its names. Raises UsageError for one that is not part of the benchmark."""
    if task not in TASKS:
        raise UsageError(f"task: expected one of {', '.join(TASKS)}, found {task!r}")
    known = TASKS[task]
    if audio not in known.audio or text not in known.text:
        pairs = f"one of {', '.join(known.audio)} with one of {', '.join(known.text)}"
        raise UsageError(f"{task}: expected {pairs}, found {audio} with {text}")
    return Setting(known, audio, text)


def is_tuning(group: str) -> bool:
    """Whether a company is one of those on which choices are made, and which no published table scores."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 4 == 0


def score_mask(task: Task, groups: NDArray[Any]) -> NDArray[np.bool_]:
    """(docs,) True where a document counts in published tables."""
    if not task.tuning:
        return np.ones(len(groups), dtype=bool)
    return np.array([not is_tuning(str(group)) for group in groups], dtype=bool)


def corpus_folder(task: Task, data: Path) -> Path:
    """The folder of a task's corpus. Raises InputError saying what should lie there and what makes it."""
    folder = data / task.corpus
    missing = [name for name in FILES[task.corpus] if not (folder / name).exists()]
    if missing:
        found = "no such folder" if not data.is_dir() else f"no {', no '.join(missing)} in {task.corpus}/"
        raise InputError(
            f"{data}: expected the public corpora, with {task.corpus}/{{{','.join(FILES[task.corpus])}}}; found "
            f"{found}. Name their folder with --data; `hilbert recipe {task.corpus}` makes it from the published corpus"
        )
    return folder


def documents(task: Task, data: Path) -> Corpus:
    """The labelled documents of a task, in the order of their manifest."""
    folder = corpus_folder(task, data)
    if task.corpus != MAEC:
        corpus = Corpus.from_manifest(folder / "manifest.csv")
        kept = [d.id for d in corpus if _labelled(task, corpus, d.columns)]
    else:
        # the text lies in the table of segments
        corpus = Corpus.from_manifest(folder / "documents.csv", content=False)
        kept = [
            d.id
            for d in corpus
            if _labelled(task, corpus, d.columns) and int(d.columns["segments"]) >= (task.first or 0)
        ]
    if not kept:
        raise InputError(f"{corpus.path}: expected documents with a label in {task.label!r}, found none")
    return corpus.select(kept)


def _labelled(task: Task, corpus: Corpus, columns: Mapping[str, str]) -> bool:
    needed = (task.label, task.group, *(("segments",) if task.corpus == MAEC else ()))
    missing = [name for name in needed if name not in columns]
    if missing:
        raise InputError(f"{corpus.path}: expected a column {missing[0]!r}, found {', '.join(columns)}")
    return bool(columns[task.label])
