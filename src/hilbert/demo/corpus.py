"""A small corpus of synthetic speech, written as ordinary recordings, transcripts and a manifest."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import soundfile
from numpy.typing import NDArray

from hilbert.demo.plan import STATES, Plan, plan_document
from hilbert.demo.voice import RATE, Voice, limit, voice_identity
from hilbert.errors import UsageError
from hilbert.files import replace_file, write_text

RECIPE = 2  # raised whenever the same seed would give another corpus
LEAD = 0.3  # seconds of silence at the beginning and the end of a recording
COLUMNS = ("id", "audio", "transcript", "speaker", "state", "content", "delivery", "topic")
_NOISE_STREAM = 4
_BATCH = 4  # documents that a worker speaks between two calls of progress

Progress = Callable[[int, int], None]


def make_corpus(
    out: Path | str,
    documents: int = 60,
    seed: int = 0,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> Path:
    """Make the demo corpus in the folder ``out`` and return the path of its manifest.

    A document depends on ``seed`` and its number alone, so a larger corpus contains the smaller one. Documents that
    are there already are kept; a folder made with another seed, recipe or voice is made anew. ``progress(done, total)``
    is called as documents get ready; ``jobs`` processes (default: the cores, at most 4) speak at the same time and
    change nothing in the result.

    Raises MissingDependencyError without hibari-tts, and UsageError when ``out`` holds another corpus.
    """
    if documents < 1:
        raise UsageError(f"expected at least 1 document for the demo corpus, found {documents}")
    if seed < 0:
        raise UsageError(f"expected a seed of 0 or more for the demo corpus, found {seed}")
    folder = Path(out)
    _claim(folder, {"recipe": RECIPE, "seed": seed, "rate": RATE, "voice": voice_identity()})
    plans = [plan_document(index, seed) for index in range(documents)]
    missing = [plan.index for plan in plans if not all(path.is_file() for path in _files(folder, plan))]
    done = documents - len(missing)
    if progress is not None:
        progress(done, documents)
    batches = [missing[i : i + _BATCH] for i in range(0, len(missing), _BATCH)]
    workers = min(jobs or min(joblib.cpu_count(), 4), max(len(batches), 1))
    calls = (joblib.delayed(_speak)(folder, batch, seed) for batch in batches)
    for count in joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(calls):
        done += count
        if progress is not None:
            progress(done, documents)
    write_text(folder / "README.txt", _readme(plans, seed))
    manifest = folder / "manifest.csv"
    write_text(manifest, _manifest(folder, plans))
    return manifest


def _claim(folder: Path, made_with: dict[str, object]) -> None:
    """Take the folder for a corpus of these parameters; remove documents that were made with others."""
    record = folder / "demo.json"
    text = json.dumps({"synthetic": True, **made_with}, indent=2, sort_keys=True) + "\n"
    if record.is_file():
        if record.read_text(encoding="utf-8") == text:
            return
        for pattern in ("recordings/demo-*.flac", "transcripts/demo-*.vtt"):
            for path in folder.glob(pattern):
                path.unlink()
    elif (folder / "manifest.csv").exists() or (folder.exists() and not folder.is_dir()):
        raise UsageError(
            f"{folder}: expected a new folder or one made by the demo, found another corpus or a file; "
            "name another folder"
        )
    for name in ("recordings", "transcripts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_text(record, text)


def _files(folder: Path, plan: Plan) -> tuple[Path, Path]:
    """Recording and transcript of a document."""
    return folder / "recordings" / f"{plan.id}.flac", folder / "transcripts" / f"{plan.id}.vtt"


def _speak(folder: Path, indices: Sequence[int], seed: int) -> int:
    """Speak and write some documents, in a worker process; return how many."""
    for index in indices:
        plan = plan_document(index, seed)
        recording, transcript = _files(folder, plan)
        wave, spans = render(plan, _voice(), seed)
        write_text(transcript, _webvtt(plan, spans))
        with (
            replace_file(recording) as part,
            soundfile.SoundFile(part, "w", RATE, 1, subtype="PCM_16", format="FLAC") as sound,
        ):
            sound.comment = "synthetic speech of the HILBERT demo"
            sound.write(wave)
    return len(indices)


@cache
def _voice() -> Voice:
    """One voice a process: loading it takes longer than speaking a document."""
    return Voice()


def render(plan: Plan, voice: Voice, seed: int) -> tuple[NDArray[np.float32], list[tuple[float, float]]]:
    """Speak a plan: float32 mono wave at ``RATE``, and the start and end of every sentence in seconds."""
    parts: list[NDArray[np.float32]] = [_silence(LEAD)]
    spans = []
    at = len(parts[0])
    for sentence in plan.sentences:
        spoken = voice.say(sentence.text, tempo=sentence.tempo, pitch=sentence.pitch, seed=sentence.seed)
        pause = _silence(sentence.pause)
        spans.append((at / RATE, (at + len(spoken)) / RATE))
        at += len(spoken) + len(pause)
        parts += [limit(spoken, sentence.gain), pause]
    parts.append(_silence(LEAD))
    wave = np.concatenate(parts)
    room = np.random.default_rng([seed, _NOISE_STREAM, plan.index]).standard_normal(len(wave), np.float32)
    return wave + np.float32(plan.speaker.noise) * room, spans


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def _webvtt(plan: Plan, spans: Sequence[tuple[float, float]]) -> str:
    """The transcript, one cue a sentence."""
    cues = [
        f"{_clock(start)} --> {_clock(end)}\n{sentence.text}\n"
        for sentence, (start, end) in zip(plan.sentences, spans, strict=True)
    ]
    return "\n".join(["WEBVTT\n", "NOTE Synthetic speech of the HILBERT demo.\n", *cues])


def _clock(seconds: float) -> str:
    """Seconds as WebVTT writes them, hh:mm:ss.mmm; rounded down, so that no cue ends after the recording."""
    milliseconds = int(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _manifest(folder: Path, plans: Sequence[Plan]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for plan in plans:
        paths = (path.relative_to(folder).as_posix() for path in _files(folder, plan))
        writer.writerow((plan.id, *paths, plan.speaker.name, plan.state, plan.content, plan.delivery, plan.topic))
    return table.getvalue()


def _readme(plans: Sequence[Plan], seed: int) -> str:
    counts = ", ".join(f"{sum(plan.state == state for plan in plans)} {state}" for state in STATES)
    speakers = len({plan.speaker.name for plan in plans})
    return f"""SYNTHETIC SPEECH

Nobody speaks in these recordings. {voice_identity()} (a neural voice) reads invented sentences, and speed,
pitch, pauses and loudness are changed by program. The corpus shows how the tool is used; it says nothing about
real voices, people or states of mind.

{len(plans)} documents of {speakers} simulated speakers: {counts}. Seed {seed}.

recordings/     FLAC, {RATE} Hz, one channel
transcripts/    WebVTT, one cue a sentence
manifest.csv    one line a document; label: state, group: speaker
demo.json       what the corpus was made with

What makes the label
  tense   trouble, told fast: quick, short pauses, lively and raised pitch, louder
  low     trouble, told slowly: long pauses, flat and lowered pitch, softer
  calm    all else: good news, told fast or slowly, and trouble told evenly
So neither the words nor the voice suffice. Both are blurred: about one sentence in three has no colour, and one
in seven of the others the wrong one; the delivery drifts over the document; and every speaker has a pitch, a
pace and a room of their own. The columns content and delivery hold the two halves of the label: never give them
to a model that is to predict it.
"""
