"""Recordings as a stream of mono blocks at the rate an encoder wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from hilbert.corpus.problems import absent
from hilbert.corpus.truncation import missing_tail
from hilbert.errors import AudioError

Float32 = NDArray[np.float32]

# Encoder delay and padding make the promised length of compressed formats approximate.
_LOSSY_SLACK_SECONDS = 0.1
_EXACT_SUBTYPES = ("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_UNKNOWN_FRAMES = 2**62
_SECONDS_READ_AT_ONCE = 1.0  # of the file; fixed, so that the caller's block size cannot change a sample


def read_blocks(path: Path | str, rate: int, seconds: float = 30.0) -> Iterator[Float32]:
    """Consecutive blocks of (rate * seconds,) samples, the last one shorter; mono = mean of the channels.

    Streamed: memory is bounded by one block however long the recording is. Resampled by soxr (HQ) to ``rate``
    Hz. Raises AudioError, with file and second, for a file that is missing, unreadable, cut off, or holds NaN
    or infinite samples.
    """
    size = max(1, round(rate * seconds))
    waiting: list[Float32] = []
    held = 0
    for piece in _resampled(Path(path), rate):
        waiting.append(piece)
        held += len(piece)
        if held >= size:
            joined = np.concatenate(waiting)
            for start in range(0, held - size + 1, size):
                yield joined[start : start + size]
            waiting = [joined[held - held % size :]]
            held %= size
    if held:
        yield np.concatenate(waiting)


def _resampled(path: Path, rate: int) -> Iterator[Float32]:
    resampler: Any = None
    for mono, native, last in _mono(path):
        if native == rate:
            yield mono
            continue
        if resampler is None:
            resampler = soxr.ResampleStream(native, rate, 1, dtype="float32", quality="HQ")
        yield resampler.resample_chunk(mono, last=last)


def _mono(path: Path) -> Iterator[tuple[Float32, int, bool]]:
    """Pieces of the file at its own rate, that rate, and whether the piece is the last (it may be empty)."""
    if not path.is_file():
        raise AudioError(f"{path}: expected a recording, found no file; {absent(path)}")
    try:
        sound = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(
            f"{path}: expected a recording that libsndfile reads (WAV, FLAC, Ogg Vorbis or Opus, MP3, "
            f"AIFF): {error}; convert it, for instance: ffmpeg -i {path.name} -ac 1 -ar 16000 "
            f"{path.stem}.wav"
        ) from error
    with sound:
        native = int(sound.samplerate)
        done = 0
        while True:
            try:
                block = sound.read(round(_SECONDS_READ_AT_ONCE * native), dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise AudioError(
                    f"{path}: cannot be decoded after second {done / native:.2f}: {error}; "
                    "the file is damaged, restore or leave out the recording"
                ) from error
            if not len(block):
                break
            bad = ~np.isfinite(block).all(axis=1)
            if bad.any():
                second = (done + int(bad.argmax())) / native
                raise AudioError(f"{path}: sample at second {second:.3f} is NaN or infinite; export it again")
            done += len(block)
            yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32), native, False
        _check_complete(path, sound, done)
        yield np.zeros(0, dtype=np.float32), native, True


def _check_complete(path: Path, sound: Any, done: int) -> None:
    native = int(sound.samplerate)
    exact = sound.subtype.startswith(_EXACT_SUBTYPES)
    slack = 0 if exact else round(_LOSSY_SLACK_SECONDS * native)
    promised = int(sound.frames)
    if promised < _UNKNOWN_FRAMES and done < promised - slack:
        reason = f"its header promises {promised / native:.2f} s"
    else:
        reason = missing_tail(path)
    if reason:
        raise AudioError(
            f"{path}: ends at second {done / native:.2f}, but {reason}; the file is cut off: copy it again, "
            "or cut it cleanly with an audio tool"
        )
    if not done:
        raise AudioError(f"{path}: holds no samples")
