"""Extraction: encode every document of a corpus once, resumably, one document after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hilbert.corpus.document import Document
from hilbert.corpus.manifest import Corpus
from hilbert.corpus.problems import problem_of
from hilbert.encoders.load import load_speech, load_text
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import HilbertError, InputError, Problem, UsageError
from hilbert.features.sources import CUES, WINDOWS, RecordingSource, Source, TranscriptSource
from hilbert.features.store import FeatureStore
from hilbert.segments.segmentation import Segmentation

Progress = Callable[[int, int, str], None]
"""Called with documents done, documents in all, and the id of the one under way."""


@dataclass
class ExtractionReport:
    """What a run did: documents computed, found again, failed; and, over all documents, what was counted.

    ``gone``: documents that the store held before and that the manifest no longer names.
    """

    documents: int = 0
    computed: int = 0
    reused: int = 0
    gone: int = 0
    seconds: float = 0.0
    audio_seconds: float = 0.0
    segments: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What was missing or out of the ordinary, in words; nothing when all counts are 0."""
        counts = dict(self.counts)
        if not (counts.get(CUES) and counts.get(WINDOWS)):  # only a mixture is out of the ordinary
            counts.pop(CUES, None)
            counts.pop(WINDOWS, None)
        counted = [f"{value} {what}" for what, value in sorted(counts.items()) if value]
        return counted + [f"{n} documents without {name}" for name, n in self.missing.items() if n]


def extract(
    corpus: Corpus,
    out: str | Path,
    *,
    speech: str | EncoderSpec | None = None,
    text: str | EncoderSpec | None = None,
    segmentation: Segmentation | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> FeatureStore:
    """Encode a corpus into a feature store; what is already there is not computed again.

    A document that fails is listed in ``store.problems``, and the others go on. Interrupting loses at most the
    document under way. ``store.report`` says what this run did.
    Raises UsageError without an encoder, ConfigError for one that is not written as a name with options, EncoderError
    when one cannot be loaded, MissingDependencyError where it needs what is not installed, StoreError when ``out``
    holds something else.
    """
    if speech is None and text is None:
        raise UsageError("extraction needs an encoder: give speech, text or both (see `hilbert encoders`)")
    sources, made = encoder_sources(speech, text, segmentation, offline)
    return run(corpus, FeatureStore.create(out, corpus.path, made), sources, progress)


def encoder_sources(
    speech: str | EncoderSpec | None,
    text: str | EncoderSpec | None,
    segmentation: Segmentation | None = None,
    offline: bool = False,
) -> tuple[dict[str, Source], dict[str, Any]]:
    """Load the encoders that are named; returns a source a modality, and how features are made, for the store.

    Raises EncoderError or MissingDependencyError with the way out.
    """
    segmentation = segmentation or Segmentation()
    sources: dict[str, Source] = {}
    made: dict[str, Any] = {"segmentation": segmentation.model_dump(mode="json")}
    if speech is not None:
        spec = EncoderSpec.parse(speech) if isinstance(speech, str) else speech
        speech_encoder = load_speech(spec, offline=offline)
        sources["audio"] = RecordingSource(speech_encoder, spec, segmentation)
        made["audio"] = describe(spec, speech_encoder.identity)
    if text is not None:
        spec = EncoderSpec.parse(text) if isinstance(text, str) else text
        text_encoder = load_text(spec, offline=offline)
        sources["text"] = TranscriptSource(text_encoder, segmentation)
        made["text"] = describe(spec, text_encoder.identity)
    return sources, made


def run(
    corpus: Corpus,
    store: FeatureStore,
    sources: Mapping[str, Source],
    progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> FeatureStore:
    """Encode all documents; the index is written also when the run is interrupted. ``notes`` are kept in it."""
    report, started = ExtractionReport(documents=len(corpus)), time.monotonic()
    before, done = store.index.documents, {}
    try:
        for number, document in enumerate(corpus):
            if progress is not None:
                progress(number, len(corpus), document.id)
            try:
                done[document.id] = _document(document, store, sources, report)
            except (HilbertError, OSError) as error:
                report.problems.append(problem_of(document, error, corpus.path.parent))
        if progress is not None:
            progress(len(corpus), len(corpus), "")
    except BaseException:
        # what earlier runs knew of the documents that this one did not reach
        done = before | done
        raise
    else:
        report.gone = len(before.keys() - {document.id for document in corpus})
    finally:
        store.index.documents = done
        store.index.problems = [vars(problem) for problem in report.problems]
        store.index.notes = [*notes, *report.notes()]
        store.index.asked = len(corpus)
        store.save_index()
    report.seconds = time.monotonic() - started
    store.report = report
    return store


def _document(
    document: Document, store: FeatureStore, sources: Mapping[str, Source], report: ExtractionReport
) -> dict[str, Any]:
    """Encode one document's modalities and return its row of the index."""
    found = {name: source.features(document, store) for name, source in sources.items()}
    row: dict[str, Any] = {"duration": None}
    if not any(found.values()):
        raise InputError(f"expected {' or '.join(sources)} for the encoders that were asked for, found neither")
    for name, result in found.items():
        if result is None:
            report.missing[name] = report.missing.get(name, 0) + 1
            continue
        row[name] = result.entry
        row["duration"] = result.duration if result.duration is not None else row["duration"]
        report.segments[name] = report.segments.get(name, 0) + result.entry["segments"]
        for what, count in result.entry["counts"].items():
            report.counts[what] = report.counts.get(what, 0) + count
    report.audio_seconds += row["duration"] or 0.0
    computed = any(result.computed for result in found.values() if result is not None)
    report.computed += computed
    report.reused += not computed
    return row


def describe(spec: EncoderSpec, identity: Mapping[str, Any]) -> dict[str, Any]:
    """An encoder as stores and models remember it."""
    # the device changes the speed, not what the features are
    return {"encoder": str(spec.model_copy(update={"device": "cpu"})), "identity": dict(identity)}
