"""Read a transcript, whatever its format: WebVTT, SubRip, Whisper-style JSON or plain text.

No message holds text of a transcript: they are private, and messages end in logs.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from hilbert.corpus.document import Cue
from hilbert.corpus.problems import absent
from hilbert.corpus.sentences import split_sentences
from hilbert.corpus.subtitles import looks_like_srt, parse_srt, parse_vtt
from hilbert.errors import TranscriptError

__all__ = ["MAX_BYTES", "read_transcript", "split_sentences"]

MAX_BYTES = 64 * 2**20
_LONGEST = 1e8  # seconds; what lies beyond is a mistake of units
_SUFFIXES = (".vtt", ".srt", ".json", ".txt", "")
_DOCUMENTS = {
    b"PK\x03\x04": "a Word or zip file",
    b"{\\rtf": "RTF",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "a Word file",
}
_KINDS = {type(None): "none", str: "text", bool: "true or false", int: "a number out of range", list: "a list"}

# The mark of UTF-32 starts with that of UTF-16, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_transcript(path: str | Path) -> tuple[Cue, ...]:
    """Cues of a transcript in the order of the file; () where it is empty.

    The format follows the suffix (.vtt, .srt, .json), else the content (.txt, or no suffix); plain text is split into
    sentences, which have no times. UTF-8, or UTF-16 with a byte order mark, of at most 64 MiB.
    Raises TranscriptError: not there, of another format, too large, not text, or malformed (with the line).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    content = _load(path)
    _refuse_documents(content, suffix, path.name)
    text = _decode(content, path.name)
    if not text.strip():
        return ()
    if text.startswith("WEBVTT") or suffix == ".vtt":
        return parse_vtt(text, path.name)
    if suffix == ".json":
        return parse_json(text, path.name)
    if suffix == ".srt" or looks_like_srt(text):
        return parse_srt(text.lstrip("\n"), path.name)
    if text.lstrip().startswith(("{", "[")) and _is_json(text):
        return parse_json(text, path.name)
    return tuple(Cue(sentence) for sentence in split_sentences(text))


def parse_json(text: str, name: str) -> tuple[Cue, ...]:
    """Cues of ``{"segments": [{"start", "end", "text"}]}``, of such a list alone, or of whisper.cpp's output.

    Times in seconds (whisper.cpp: ``offsets`` in milliseconds); a document whose segments all lack times, or
    that only holds ``{"text": …}``, gives cues without times.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise TranscriptError(
            f"{name}, line {error.lineno}: expected JSON, found a fault at column {error.colno} ({error.msg})"
        ) from None
    except (ValueError, RecursionError):
        raise TranscriptError(f"{name}: expected Whisper-style JSON, found numbers or nesting beyond any use") from None
    segments, unit = _segments(content, name)
    cues = [_segment(segment, row, unit, name) for row, segment in enumerate(segments, start=1)]
    untimed = [cue.start is None for cue in cues]
    if any(untimed) and not all(untimed):
        raise TranscriptError(
            f"{name}: expected start and end in every segment or in none, found {sum(untimed)} of "
            f"{len(cues)} "
            f"segments without them, the first being segment {untimed.index(True) + 1}"
        )
    return tuple(cues)


def _segments(content: Any, name: str) -> tuple[list[Any], float]:
    """The list of segments, and the seconds of one unit of their times."""
    if isinstance(content, list):
        return content, 1.0
    if isinstance(content, dict):
        if isinstance(content.get("segments"), list):
            return content["segments"], 1.0
        if isinstance(content.get("transcription"), list):
            return content["transcription"], 1e-3
        if isinstance(content.get("text"), str):
            return [{"text": sentence} for sentence in split_sentences(content["text"])], 1.0
    raise TranscriptError(
        f"{name}: expected a list 'segments' (or a list alone, 'transcription' or 'text'), "
        f"found {type(content).__name__} without it; write Whisper-style JSON"
    )


def _segment(segment: Any, row: int, unit: float, name: str) -> Cue:
    where = f"{name}, segment {row}"
    if not isinstance(segment, dict) or not isinstance(segment.get("text"), str):
        raise TranscriptError(f"{where}: expected an object with a string 'text', found none")
    keys = ("start", "end")
    times: Any = segment
    if unit != 1.0:
        times, keys = segment.get("offsets"), ("from", "to")
        if not isinstance(times, dict):
            raise TranscriptError(f"{where}: expected 'offsets' with 'from' and 'to' in milliseconds, found none")
    start, end = times.get(keys[0]), times.get(keys[1])
    text = " ".join(segment["text"].split())
    if start is None and end is None:
        return Cue(text)
    for key, value in zip(keys, (start, end), strict=True):
        # false for NaN, and true for no infinity
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value * unit < _LONGEST:
            found = f"{value:.6g}" if isinstance(value, float) else _KINDS.get(type(value), "something else")
            raise TranscriptError(
                f"{where}: expected a time of 0 or more as {key!r}, found {found}; give both times or neither"
            )
    # milliseconds are divided, not multiplied, so that 2980 ms is the float 2.98
    return Cue(text, float(start), float(end)) if unit == 1.0 else Cue(text, start / 1000, end / 1000)


def _is_json(text: str) -> bool:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) or all(isinstance(item, dict) for item in content)


def _refuse_documents(content: bytes, suffix: str, name: str) -> None:
    """Raise TranscriptError for formats whose markup would be taken for speech."""
    found = next((kind for mark, kind in _DOCUMENTS.items() if content.startswith(mark)), "")
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower()
    if not found and start.startswith((b"<!doctype html", b"<html")):
        found = "HTML"
    if not found and suffix not in _SUFFIXES and not suffix[1:].isdigit():
        found = f"a file ending in {suffix}"
    if found:
        raise TranscriptError(
            f"{name}: expected a transcript as .vtt, .srt, .json or plain text in .txt, found {found}; "
            "save or export it in one of these, or end the name of plain text in .txt"
        )


def _load(path: Path) -> bytes:
    try:
        if not path.is_file():
            found = "a folder; name a file in it" if path.is_dir() else f"no file; {absent(path)}"
            raise TranscriptError(f"{path.name}: expected a transcript, found {found}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TranscriptError(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None
    if len(content) > MAX_BYTES:
        raise TranscriptError(
            f"{path.name}: expected a transcript of at most {MAX_BYTES // 2**20} MiB, found a larger file; "
            "split it, or check that it is a transcript"
        )
    return content


def _decode(content: bytes, name: str) -> str:
    mark, encoding = next(((m, e) for m, e in _MARKS if content.startswith(m)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        position = error.start + len(mark)
        raise TranscriptError(
            f"{name}: expected {encoding.upper()} text, found byte 0x{content[position]:02x} at position "
            f"{position}; "
            "save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise TranscriptError(
            f"{name}: expected text, found a zero character at position {text.index(chr(0))}; "
            "if the file is UTF-16 without a byte order mark, save it as UTF-8"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")
