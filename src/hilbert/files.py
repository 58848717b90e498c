"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hilbert.errors import InputError, UsageError


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it replaces ``path`` at once, on failure it goes.

    The suffix is kept, since some writers choose their format by it; a missing folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=f".part{path.suffix}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # temporary files are private; the user's own mask, and nothing wider, decides who else may read
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def own_folder(folder: Path, marker: str, what: str) -> Path:
    """Make a folder to write ``what`` into; it may hold an older one, known by its file ``marker``.

    Raises UsageError where it holds anything else, which would be overwritten.
    """
    if folder.exists() and not (folder / marker).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: expected an empty folder or an older {what}, found other files; choose another")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, holds: Collection[str], writer: str, way_out: str = "remove it") -> dict[str, Any] | None:
    """A mapping that ``writer`` (a command) wrote, None where there is no file.

    Raises InputError, with the way out, for a damaged file and for one without the keys ``holds``.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); {way_out}") from None
    if not isinstance(found, dict) or not set(holds) <= set(found):
        raise InputError(f"{path}: expected what `{writer}` wrote, found something else; {way_out}")
    return found
