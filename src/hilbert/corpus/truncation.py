"""Find out whether a sound file was cut off: libsndfile plays the rest of such a file without a word."""

from __future__ import annotations

import struct
from pathlib import Path

_OGG_TAIL = 2**17  # two of the largest Ogg pages (65,307 bytes)
_STREAMED = (
    0,
    0xFFFFFFFF,
    0xFFFFFFFF - 8,
)  # sizes written by programs that could not seek back to the header


def missing_tail(path: Path) -> str:
    """Why the file must be longer than it is, "" when nothing says so (WAV and Ogg only).

    A WAV file names the size of its data; a page of an Ogg file names the size of its packets.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            return _wav(file.read(4096), size)
        if head[:4] == b"OggS":
            file.seek(max(0, size - _OGG_TAIL))
            return _ogg(file.read())
    return ""


def _wav(chunks: bytes, size: int) -> str:
    at = 0
    while at + 8 <= len(chunks):
        name, length = struct.unpack_from("<4sI", chunks, at)
        if name == b"data":
            expected = 12 + at + 8 + length
            if length not in _STREAMED and expected > size:
                return f"its header promises {length} bytes of sound and {size - 20 - at} are there"
            return ""
        at += 8 + length + length % 2
    return ""


def _ogg(tail: bytes) -> str:
    at = tail.rfind(b"OggS\0")  # magic and version; the type that follows tells a page from packet bytes
    while at >= 0 and at + 5 < len(tail) and tail[at + 5] > 7:
        at = tail.rfind(b"OggS\0", 0, at)
    if at < 0:
        return "no Ogg page is complete at its end"
    if at + 27 > len(tail) or at + 27 + tail[at + 26] > len(tail):
        return "its last Ogg page is incomplete"
    pieces = tail[at + 26]
    length = 27 + pieces + sum(tail[at + 27 : at + 27 + pieces])
    return "its last Ogg page is incomplete" if at + length > len(tail) else ""
