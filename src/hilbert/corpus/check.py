"""Everything wrong with a corpus, at once, before anything is computed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from hilbert.corpus.columns import check_columns, uneven_cutting
from hilbert.corpus.document import Cue, Document
from hilbert.corpus.manifest import Corpus, read_manifest
from hilbert.corpus.problems import problem_of, shown
from hilbert.corpus.recording import probe
from hilbert.errors import AudioError, Problem, TranscriptError

_SHORTEST = 0.1  # seconds of a recording that is worth a look
_RECORDINGS = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".mp4"}
_SLACK = 0.5  # seconds by which the last cue of a sound transcript may outlast its recording


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of some counts."""

    smallest: int
    median: float
    largest: int

    @classmethod
    def of(cls, counts: list[int]) -> Spread | None:
        """None where there is nothing to count."""
        return cls(min(counts), float(np.median(counts)), max(counts)) if counts else None


@dataclass(frozen=True)
class CheckReport:
    """What ``hilbert check`` found.

    ``documents`` rows of the manifest that could be read, of which ``usable`` have no fatal problem;
    ``hours`` of audio; ``segments`` cues or sentences a document; ``timed`` documents whose transcript has
    times; ``without_audio`` and ``without_text`` documents that lack the modality by intention;
    ``class_counts`` documents a class, ``unlabelled`` documents without one; ``group_sizes`` documents a
    group.
    """

    path: Path
    problems: list[Problem]
    documents: int
    usable: int
    hours: float
    segments: Spread | None
    timed: int
    without_audio: int
    without_text: int
    columns: tuple[str, ...]
    rates: dict[int, int] = field(default_factory=dict)
    label: str | None = None
    class_counts: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    group: str | None = None
    groups: int = 0
    group_sizes: Spread | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing stops any document; there may be warnings."""
        return not self.errors

    @property
    def errors(self) -> list[Problem]:
        """Problems that stop a document, or the whole manifest."""
        return [problem for problem in self.problems if problem.fatal]

    @property
    def warnings(self) -> list[Problem]:
        """Problems that stop nothing, but will show in the results."""
        return [problem for problem in self.problems if not problem.fatal]


def check_corpus(
    corpus: Corpus | str | Path,
    *,
    label: str | None = None,
    group: str | None = None,
    folds: int = 5,
    allow_outside: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check the manifest, every recording and transcript, and the label and group columns.

    Headers of recordings are read and their first and last second decoded; transcripts are read whole.
    ``folds`` is the number that a class needs documents and groups for. ``progress(done, total)`` is called
    after every document. One broken file hides no other. Raises ManifestError only where the manifest is no
    table at all.
    """
    problems: list[Problem] = []
    if isinstance(corpus, Corpus):
        path, documents = Path(corpus.path), corpus.documents
    else:
        path = Path(corpus)
        documents, problems = read_manifest(path, allow_outside)
    root = path.absolute().parent
    seconds, timed = 0.0, dict[str, bool]()
    segments: list[int] = []
    rates: dict[int, int] = {}
    for done, document in enumerate(documents, start=1):
        duration, rate, audio_problems = _check_audio(document, root)
        cues, text_problems = _check_text(document, duration, root)
        problems += audio_problems + text_problems
        seconds += duration or 0.0
        if rate:
            rates[rate] = rates.get(rate, 0) + 1
        if cues:
            segments.append(len(cues))
            timed[document.id] = cues[0].start is not None
        if progress is not None:
            progress(done, len(documents))
    problems += [*_repeated(documents), *_unused_recordings(documents, path)]
    columns = check_columns(documents, path, label, group, folds)
    problems += [*columns.problems, *uneven_cutting(documents, timed, label, path)]
    broken = {problem.document for problem in problems if problem.fatal}
    return CheckReport(
        path=path,
        problems=sorted(problems, key=lambda p: (p.document, not p.fatal, p.file, p.message)),
        documents=len(documents),
        usable=sum(document.id not in broken for document in documents),
        hours=seconds / 3600,
        segments=Spread.of(segments),
        timed=sum(timed.values()),
        without_audio=sum(document.audio is None for document in documents),
        without_text=sum(document.transcript is None and document.text is None for document in documents),
        columns=tuple(documents[0].columns) if documents else (),
        rates=dict(sorted(rates.items())),
        label=label,
        class_counts=columns.class_counts,
        unlabelled=columns.unlabelled,
        group=group,
        groups=len(columns.group_counts),
        group_sizes=Spread.of(list(columns.group_counts.values())),
    )


def _check_audio(document: Document, root: Path) -> tuple[float | None, int | None, list[Problem]]:
    """Seconds and Hz of the recording (None where there is none), and what is wrong with it."""
    if document.audio is None:
        return None, None, []
    try:
        recording = probe(document.audio, decode=True)
    except AudioError as error:
        return None, None, [problem_of(document, error, root)]
    doubts = []
    if recording.duration < _SHORTEST:
        doubts.append(f"found {recording.duration:.3g} s of sound")
    elif recording.silent:
        doubts.append("found only zeros in its first and last second")
    where, hint = shown(document.audio, root), "listen to it"
    return recording.duration, recording.rate, [Problem(document.id, where, doubt, hint, False) for doubt in doubts]


def _check_text(document: Document, duration: float | None, root: Path) -> tuple[tuple[Cue, ...], list[Problem]]:
    try:
        cues = document.cues()
    except TranscriptError as error:
        return (), [problem_of(document, error, root)]
    if document.transcript is None:
        return cues, []
    file = shown(document.transcript, root)
    if not any(cue.text for cue in cues):
        message = f"expected text in the transcript, found {f'{len(cues)} cues without any' if cues else 'none'}"
        fatal = document.audio is None
        hint = "remove the row" if fatal else "the document counts as one without text"
        return cues, [Problem(document.id, file, message, hint, fatal)]
    return cues, [Problem(document.id, file, *found) for found in cue_problems(cues, duration)]


def cue_problems(cues: tuple[Cue, ...], duration: float | None = None) -> list[tuple[str, str, bool]]:
    """(message, hint, fatal) for every kind of fault in cues; ``duration`` of the recording in seconds."""
    found: list[tuple[str, str, bool]] = []

    def add(rows: list[int], message: str, hint: str, fatal: bool) -> None:
        if rows:
            found.append((f"{message} in {len(rows)} of {len(cues)} cues, first in cue {rows[0] + 1}", hint, fatal))

    add(
        [row for row, cue in enumerate(cues) if not cue.text],
        "found no text",
        "harmless where nothing is said",
        False,
    )
    times = [(row, cue.start, cue.end) for row, cue in enumerate(cues) if cue.start is not None and cue.end is not None]
    add(
        [row for row, start, end in times if end < start],
        "found an end before the start",
        "correct the times",
        True,
    )
    early = [row for (_, before, _), (row, start, _) in pairwise(times) if start < before]
    add(
        early,
        "expected cues in order of time, found an earlier start than the cue before",
        "sort them",
        False,
    )
    if duration is not None:
        outside = [row for row, start, _ in times if start >= duration]
        ends = f"the end of the recording ({duration:.2f} s)"
        hint = "check that transcript and recording belong together"
        add(outside, f"found a start at or after {ends}", hint, False)
        late = [row for row, start, end in times if start < duration and end > duration + _SLACK]
        add(late, f"found an end after {ends}", hint, False)
    return found


def _repeated(documents: tuple[Document, ...]) -> list[Problem]:
    """A warning for every recording whose bytes an earlier document has; only files of one size are read."""
    by_size: dict[int, list[Document]] = {}
    for document in documents:
        try:
            if document.audio is not None and document.audio.is_file() and (size := document.audio.stat().st_size):
                by_size.setdefault(size, []).append(document)
        except OSError:
            continue  # reported by _check_audio
    problems = []
    for same_size in by_size.values():
        first_with: dict[str, Document] = {}
        for document in same_size if len(same_size) > 1 else ():
            assert document.audio is not None
            try:
                with document.audio.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue
            first = first_with.setdefault(digest, document)
            if first is not document:
                message = f"expected recordings to differ, found the bytes of document {first.id}"
                hint = "remove one, or give both one group so that no split parts them"
                problems.append(Problem(document.id, document.audio.name, message, hint, fatal=False))
    return problems


def _unused_recordings(documents: tuple[Document, ...], path: Path) -> list[Problem]:
    """A warning where no document has audio, and another column names what look like recordings."""
    if not documents or any(document.audio is not None for document in documents):
        return []
    for name in documents[0].columns:
        if all(Path(document.columns.get(name, "")).suffix.lower() in _RECORDINGS for document in documents):
            message = f"expected recordings in a column audio, found them in {name!r}"
            return [Problem("", str(path), message, "call the column audio", fatal=False)]
    return []
