"""Write Ogg Opus so that the same samples give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

# libsndfile's scale from best (0) to smallest (1): about 23 kbit/s for read speech at 16 kHz.
COMPRESSION = 0.92


def write_opus(path: Path, wave: NDArray[Any], rate: int, compression: float = COMPRESSION) -> None:
    """Write mono samples, float in [-1, 1], at 8, 12, 16, 24 or 48 kHz."""
    import soundfile

    with soundfile.SoundFile(path, "w", rate, 1, format="OGG", subtype="OPUS", compression_level=compression) as file:
        for start in range(0, len(wave), rate):  # libsndfile can crash on one long write
            file.write(wave[start : start + rate])
    path.write_bytes(with_serial(path.read_bytes(), 1))


def with_serial(stream: bytes, serial: int) -> bytes:
    """The Ogg stream with this serial number on every page; libsndfile draws it from the clock.

    Source: RFC 3533, section 6 (the checksum covers the page with its own field zero).
    """
    pages: list[bytes] = []
    at = 0
    while at < len(stream):
        if stream[at : at + 4] != b"OggS":
            raise ValueError(f"expected an Ogg page at byte {at}")
        table = stream[at + 27 : at + 27 + stream[at + 26]]
        page = bytearray(stream[at : at + 27 + len(table) + sum(table)])
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = bytes(4)
        page[22:26] = _checksum(page).to_bytes(4, "little")
        pages.append(bytes(page))
        at += len(page)
    return b"".join(pages)


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


_TABLE = _table()


def _checksum(page: bytearray) -> int:
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value
