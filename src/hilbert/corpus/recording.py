"""What a recording's header says, and whether the file holds what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilbert.corpus.problems import absent
from hilbert.corpus.truncation import missing_tail
from hilbert.errors import AudioError

_CONVERT = frozenset({".m4a", ".mp4", ".m4b", ".aac", ".mov", ".mkv", ".webm", ".wma", ".amr", ".3gp", ".avi"})
_MOST_FRAMES = 2**40  # libsndfile gives 2**63 - 1 where it cannot know


@dataclass(frozen=True)
class Recording:
    """Header of a recording: ``duration`` in seconds, ``rate`` in Hz, ``frames`` samples a channel.

    ``silent``: its first and last second were decoded, and hold nothing but zeros.
    """

    duration: float
    rate: int
    channels: int
    format: str
    frames: int
    silent: bool = False


def probe(path: str | Path, *, decode: bool = False) -> Recording:
    """Read a recording's header; with ``decode`` also its first and last second.

    Raises AudioError where the file is missing, empty, in a format that cannot be decoded, or ends early.
    """
    import soundfile

    path = Path(path)
    _require_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            frames, rate = int(file.frames), int(file.samplerate)
            if not 0 < frames < _MOST_FRAMES:
                raise AudioError(
                    f"{path.name}: expected a recording, found "
                    f"{'no samples' if frames <= 0 else 'no length'} in it; " + _advice(path)
                )
            silent = decode and _decode_ends(file, path)
            form = f"{file.format}/{file.subtype}"
            return Recording(frames / rate, rate, int(file.channels), form, frames, silent)
    except (soundfile.SoundFileError, OSError) as error:
        detail = getattr(error, "error_string", None) or getattr(error, "strerror", None) or type(error).__name__
        raise AudioError(
            f"{path.name}: expected audio that libsndfile decodes (WAV, FLAC, Ogg, MP3, AIFF), found "
            "something else "
            f"({str(detail).rstrip('.')}); {_advice(path)}"
        ) from None


def _require_file(path: Path) -> None:
    try:
        if not path.is_file():
            found = "a folder; name a file in it" if path.is_dir() else f"no file; {absent(path)}"
            raise AudioError(f"{path.name}: expected a recording, found {found}")
        if path.stat().st_size == 0:
            raise AudioError(f"{path.name}: expected a recording, found an empty file; copy or record it again")
    except OSError as error:
        raise AudioError(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None


def _decode_ends(file: Any, path: Path) -> bool:
    """Decode the first and the last second: enough to notice a file that was cut off. Returns whether all is zero."""
    import numpy as np

    reason, silent = missing_tail(path), True
    if reason:
        raise AudioError(f"{path.name}: the file was cut off: {reason}; copy it again")
    length = min(file.frames, file.samplerate)
    for start in sorted({0, file.frames - length}):
        file.seek(start)
        block = file.read(length, dtype="float32")
        if len(block) == 0:
            raise AudioError(
                f"{path.name}: expected {file.frames / file.samplerate:.1f} s as its header says, found no "
                "samples "
                f"at {start / file.samplerate:.1f} s: the file was cut off; copy it again"
            )
        if not np.isfinite(block).all():
            raise AudioError(f"{path.name}: expected samples, found NaN or infinity; export the recording again")
        silent = silent and not block.any()
    return silent


def _advice(path: Path) -> str:
    if path.suffix.lower() in _CONVERT:
        return f"convert it: ffmpeg -i '{path.name}' '{path.stem}.flac'"
    return "play it to see whether it is whole, or convert it with ffmpeg"
