"""speechocean762: Mandarin speakers, young and adult, reading English (Zhang et al., 2021, arXiv 2104.01378).

Public layout: ``WAVE/SPEAKER<speaker>/<utterance>.WAV`` (16 kHz mono) and Kaldi tables in ``train/``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hilbert.corpus.recipes.built import Built, read_text, require_folder
from hilbert.corpus.recipes.ogg import write_opus
from hilbert.errors import AudioError, InputError, Problem, UsageError
from hilbert.files import replace_file

ATTRIBUTION = "speechocean762 (Zhang et al., 2021, arXiv 2104.01378), free for commercial and non-commercial use"
RATE = 16_000
SILENCE = 0.4  # seconds before each utterance and at the end


@dataclass(frozen=True)
class Speaker:
    """One document to be: utterances as (id, sentence, file), in order of id."""

    id: str
    age: str
    gender: str
    utterances: tuple[tuple[str, str, Path], ...]

    @property
    def age_gender(self) -> str:
        """The label: child up to 9 years, youth up to 15, adult; by gender."""
        age = int(self.age)
        return f"{'child' if age <= 9 else 'youth' if age <= 15 else 'adult'}_{self.gender}"


def build(
    source: str | Path,
    out: str | Path,
    *,
    audio_format: Literal["opus", "flac"] = "opus",
    allow_missing: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Write ``recordings/``, ``transcripts/`` and ``manifest.csv``; a document is a training speaker.

    A recording holds the speaker's utterances in order of their ids, each after .4 s of silence, with .4 s at
    the end; as Ogg Opus (about 23 kbit/s) or, exactly, as FLAC. The transcript is WebVTT with one cue an
    utterance. Raises InputError with everything the source lacks; with ``allow_missing`` the utterances or
    speakers concerned are left out and reported instead.
    """
    if audio_format not in ("opus", "flac"):
        raise UsageError(f"audio_format: expected 'opus' or 'flac', found {audio_format!r}")
    source, out = Path(source), Path(out)
    speakers, problems = read_speakers(source)
    if problems and not allow_missing:
        shown = "\n".join(f"  {problem}" for problem in problems[:20])
        raise InputError(
            f"{source}: expected speechocean762 complete, found {len(problems)} problems, the first "
            f"being\n{shown}\n"
            "fetch the corpus again, or leave out what is missing (--allow-missing, allow_missing=True in "
            "Python)"
        )
    rows: list[list[str]] = []
    files: list[Path] = []
    seconds = 0.0
    for done, speaker in enumerate(speakers, start=1):
        wave, cues = assemble(speaker)
        audio = Path("recordings") / f"{speaker.id}.{audio_format}"
        transcript = Path("transcripts") / f"{speaker.id}.vtt"
        with replace_file(out / audio) as part:
            _write(part, wave, audio_format)
        with replace_file(out / transcript) as part:
            part.write_text(webvtt(cues), encoding="utf-8", newline="\n")
        label = [speaker.age, speaker.gender, speaker.age_gender, speaker.id]
        rows.append([speaker.id, audio.as_posix(), transcript.as_posix(), *label])
        files += [out / audio, out / transcript]
        seconds += len(wave) / RATE
        if progress is not None:
            progress(done, len(speakers))
    with replace_file(out / "manifest.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "transcript", "age", "gender", "age_gender", "group"])
        writer.writerows(rows)
    counts = {
        "documents": len(rows),
        "utterances": sum(len(speaker.utterances) for speaker in speakers),
        "seconds": round(seconds),
        "problems": len(problems),
    }
    return Built((out / "manifest.csv", *files), counts, ATTRIBUTION, problems)


def read_speakers(source: Path) -> tuple[list[Speaker], list[Problem]]:
    """The training speakers with the utterances that are there, in order of id, and what is missing."""
    folder = require_folder(source / "train", "the folder train of speechocean762")
    tables = {name: _table(folder / name) for name in ("text", "utt2spk", "spk2age", "spk2gender", "wav.scp")}
    listed = {speaker: sorted(ids.split()) for speaker, ids in _table(folder / "spk2utt").items()}
    of_speaker: dict[str, list[str]] = {}
    for utterance, speaker in tables["utt2spk"].items():
        of_speaker.setdefault(speaker, []).append(utterance)
    speakers: list[Speaker] = []
    problems: list[Problem] = []
    for id in sorted(listed.keys() | of_speaker.keys()):
        age, gender = tables["spk2age"].get(id, ""), tables["spk2gender"].get(id, "")
        if listed.get(id) != sorted(of_speaker.get(id, [])):
            problems.append(Problem(id, "spk2utt", "expected the utterances of utt2spk, found others"))
        elif not age.isdecimal() or gender not in ("f", "m"):
            problems.append(Problem(id, "spk2age", "expected an age in years and gender f or m, found none for it"))
        else:
            found, lacking = _utterances(listed[id], tables, source)
            if lacking:
                message = f"expected {len(listed[id])} utterances with sentence and WAV, found {len(found)}"
                problems.append(Problem(id, "wav.scp", f"{message}; the first that lacks one is {lacking[0]}"))
            if found:
                speakers.append(Speaker(id, age, gender, tuple(found)))
    if not speakers and not problems:
        problems.append(Problem("", "spk2utt", "expected at least one speaker, found none"))
    return speakers, problems


def _utterances(
    ids: list[str], tables: dict[str, dict[str, str]], source: Path
) -> tuple[list[tuple[str, str, Path]], list[str]]:
    found, lacking = [], []
    for id in ids:
        file = source / tables["wav.scp"].get(id, "")
        inside = file.resolve().is_relative_to(source.resolve())
        if inside and file.is_file() and tables["text"].get(id):
            found.append((id, tables["text"][id], file))
        else:
            lacking.append(id)
    return found, lacking


def assemble(speaker: Speaker) -> tuple[NDArray[np.int16], list[tuple[float, float, str]]]:
    """(samples,) at 16 kHz, and (start, end, sentence) of every utterance in seconds."""
    import soundfile

    silence = np.zeros(round(SILENCE * RATE), dtype=np.int16)
    pieces: list[NDArray[Any]] = []
    cues: list[tuple[float, float, str]] = []
    position = 0
    for _, sentence, file in speaker.utterances:
        try:
            wave, rate = soundfile.read(file, dtype="int16")
        except (soundfile.SoundFileError, OSError):
            raise AudioError(f"{file.name}: expected a WAV file, found something that cannot be decoded") from None
        if rate != RATE or wave.ndim != 1:
            raise AudioError(f"{file.name}: expected {RATE} Hz mono, found {rate} Hz, {wave.ndim} dimensions")
        start = position + len(silence)
        position = start + len(wave)
        pieces += [silence, wave]
        cues.append((start / RATE, position / RATE, sentence))
    return np.concatenate([*pieces, silence]), cues


def webvtt(cues: list[tuple[float, float, str]]) -> str:
    """A WebVTT file of cues (start, end, text), text escaped."""
    blocks = [f"{_time(start)} --> {_time(end)}\n{_escape(text)}\n" for start, end, text in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float) -> str:
    total = round(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}.{total % 1000:03d}"


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write(path: Path, wave: NDArray[np.int16], audio_format: str) -> None:
    import soundfile

    if audio_format == "flac":
        soundfile.write(path, wave, RATE, format="FLAC", subtype="PCM_16")
    else:
        write_opus(path, wave.astype(np.float32) / 2**15, RATE)


def _table(path: Path) -> dict[str, str]:
    """A Kaldi table: a key, white space, and the rest of the line."""
    rows = [line.split(maxsplit=1) for line in read_text(path).split("\n") if line.strip()]
    return {row[0]: row[1].strip() if len(row) > 1 else "" for row in rows}
