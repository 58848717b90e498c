"""Which file an error is about, where it lies, and what to do about one that is not there."""

from __future__ import annotations

from pathlib import Path

from hilbert.corpus.document import Document
from hilbert.errors import Problem, TranscriptError


def problem_of(document: Document, error: Exception, root: Path) -> Problem:
    """The problem that an error of one document's file is: the file relative to ``root``, message and hint.

    A message begins with the file's path or name and ends in the way out, after a semicolon.
    """
    text = str(error)
    files = [file for file in (document.audio, document.transcript) if file is not None]
    named = [(start, file) for file in files for start in (str(file), file.name) if text.startswith(start)]
    start, file = max(named, key=lambda found: len(found[0]), default=("", None))
    if file is None and isinstance(error, TranscriptError):
        file = document.transcript
    message, _, hint = text.removeprefix(start).lstrip(":, ").partition("; ")
    return Problem(document.id, "" if file is None else shown(file, root), message, hint)


def shown(file: Path, root: Path) -> str:
    """A file's path as the manifest has it, where it lies in the manifest's folder."""
    root = root.absolute()
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def absent(file: Path) -> str:
    """The way out for a file that is not there: what is there under nearly that name, or where to look."""
    if file.is_symlink():
        return "it is a link to a file that is not there"
    if "\\" in file.name:
        return "write / between folders"
    try:
        alike = [other.name for other in file.parent.iterdir() if other.name.lower() == file.name.lower()]
    except (FileNotFoundError, NotADirectoryError):
        return f"the folder {file.parent.name!r} is not there; paths are relative to the manifest"
    except OSError as error:
        return f"its folder cannot be read ({error.strerror or type(error).__name__})"
    if alike:
        return f"there is {alike[0]!r}, and names are case-sensitive"
    return "put it there, or correct the manifest"
