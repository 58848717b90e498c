"""What a recipe has made, and what it found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hilbert.errors import InputError, Problem


@dataclass(frozen=True)
class Built:
    """``files`` written, ``counts`` of what they hold, and ``problems`` of the source.

    A fatal problem means that a document is left out.
    """

    files: tuple[Path, ...]
    counts: dict[str, int]
    attribution: str
    problems: list[Problem] = field(default_factory=list)


def require_folder(path: Path, what: str) -> Path:
    """``path``, or InputError saying that the corpus should be there."""
    if not path.is_dir():
        raise InputError(f"{path}: expected {what}, found no such folder; name the folder that holds it")
    return path


def read_text(path: Path) -> str:
    """A UTF-8 file with newlines as \\n. Raises InputError naming the byte that is none."""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{content[error.start]:02x} at position {error.start}"
        raise InputError(f"{path.name}: expected UTF-8 text, found {byte}") from None
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None
