"""The manifest: a table with one row a document, and the Corpus it describes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.corpus.document import Document
from hilbert.corpus.tables import Table, read_table
from hilbert.errors import ManifestError, Problem

_RESERVED = ("id", "audio", "transcript", "text")
_SHOWN = 20
_LONGEST_ID = 500


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in the order of their manifest; ``len``, iteration, and ``corpus[id]``."""

    path: Path
    documents: tuple[Document, ...]

    @classmethod
    def from_manifest(cls, path: str | Path, *, allow_outside: bool = False, content: bool = True) -> Corpus:
        """Read a manifest (CSV, JSON Lines or Parquet); files it names are not opened.

        Columns: ``id``; at least one of ``audio``, ``transcript`` (paths relative to the manifest) and
        ``text``; any others are labels, groups or splits, kept as text. White space around a value is
        removed. Paths outside the manifest's folder are refused unless ``allow_outside``. Raises
        ManifestError with everything that is wrong with the manifest (20 shown, all counted).
        """
        path = Path(path)
        documents, problems = read_manifest(path, allow_outside, content=content)
        if problems:
            shown = [f"  {problem}" for problem in problems[:_SHOWN]]
            rest = [f"  … and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
            count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
            raise ManifestError("\n".join([f"{path}: {count} in the manifest", *shown, *rest]))
        return cls(path, documents)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the label, group and split columns."""
        return tuple(self.documents[0].columns) if self.documents else ()

    @property
    def ids(self) -> NDArray[np.str_]:
        """(documents,) ids."""
        return np.array([document.id for document in self.documents], dtype=np.str_)

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    def __getitem__(self, id: str) -> Document:
        try:
            return self._by_id[id]
        except KeyError:
            raise ManifestError(f"{self.path}: expected the id of a document, found {id!r}, which no row has") from None

    @cached_property
    def _by_id(self) -> dict[str, Document]:
        return {document.id: document for document in self.documents}

    def column(self, name: str) -> NDArray[Any]:
        """(documents,) objects: the text of a column, None where it is empty.

        Raises ManifestError naming the columns that exist.
        """
        if name == "id":
            return np.array([document.id for document in self.documents], dtype=object)
        if name not in self.columns:
            raise ManifestError(
                f"{self.path}: expected one of the columns {', '.join(self.columns) or '(none)'}, found "
                f"{name!r}; "
                "check the name, or add the column to the manifest"
            )
        return np.array([document.columns[name] or None for document in self.documents], dtype=object)

    def select(self, ids: Iterable[str]) -> Corpus:
        """The documents with these ids, in that order. Raises ManifestError for an unknown or repeated id."""
        wanted = [str(id) for id in ids]
        twice = [id for id, count in Counter(wanted).items() if count > 1]
        if twice:
            raise ManifestError(f"{self.path}: expected every id once, found {len(twice)} repeated ({twice[0]!r})")
        return Corpus(self.path, tuple(self[id] for id in wanted))


def read_manifest(
    path: str | Path, allow_outside: bool = False, *, content: bool = True
) -> tuple[tuple[Document, ...], list[Problem]]:
    """The documents of a manifest that can be used, and everything wrong with the manifest itself.

    Raises ManifestError where there is no table to speak of (see ``read_table``).
    """
    path = Path(path)
    table = read_table(path)
    problems = _column_problems(table, path, content) + table.problems
    if "id" not in table.columns or (content and not set(table.columns) & set(_RESERVED[1:])):
        return (), problems
    if not table.rows and not problems:
        problems.append(Problem("", str(path), "expected at least one document, found a header without rows"))
    root = path.absolute().parent
    others = [name for name in table.columns if name not in _RESERVED]
    first_seen: dict[str, str] = {}
    documents: list[Document] = []
    for where, row in table.rows:
        id = row["id"].strip()
        wrong = _id_problems(id, where, first_seen, path)
        audio, bad_audio = _file(row.get("audio", ""), "audio", root, allow_outside)
        transcript, bad_transcript = _file(row.get("transcript", ""), "transcript", root, allow_outside)
        text = row.get("text", "").strip() or None
        messages = bad_audio + bad_transcript
        if transcript is not None and text is not None:
            messages.append((f"{where}: expected a transcript or a text, found both", "empty one of the two"))
        if content and not messages and audio is None and transcript is None and text is None:
            messages.append(
                (f"{where}: expected audio, transcript or text, found none", "fill one in or remove the row")
            )
        wrong += [Problem(id, str(path), message, hint) for message, hint in messages]
        problems += wrong
        if not wrong:
            documents.append(Document(id, audio, transcript, text, {name: row[name].strip() for name in others}))
    return tuple(documents), problems


def _column_problems(table: Table, path: Path, content: bool) -> list[Problem]:
    if not table.columns:
        return []
    problems = []
    for wanted, needed in ((_RESERVED[:1], True), (_RESERVED[1:], content)):
        if needed and not set(table.columns) & set(wanted):
            # a first line without names may be private text, so nothing of it is shown but what is nearly a known name
            nearly = [repr(name) for name in table.columns if name.lower() in wanted]
            found = f"found {', '.join(nearly)}" if nearly else f"found none among {len(table.columns)}"
            hint = (
                "names are case-sensitive"
                if nearly
                else "a table begins with its columns' names: id,audio,transcript,…"
            )
            names = wanted[0] if len(wanted) == 1 else f"{', '.join(wanted[:-1])} or {wanted[-1]}"
            problems.append(Problem("", str(path), f"expected a column {names}, {found}", hint))
    return problems


def _id_problems(id: str, where: str, first_seen: dict[str, str], path: Path) -> list[Problem]:
    if not id:
        return [Problem("", str(path), f"{where}: expected an id, found an empty one", "give every document an id")]
    if len(id) > _LONGEST_ID or not id.isprintable():
        message = f"{where}: expected an id of at most {_LONGEST_ID} printable characters, found another"
        return [Problem("", str(path), message, "shorten it, or remove line breaks and control characters")]
    if id in first_seen:
        message = f"{where}: expected every id once, found {id!r} in {first_seen[id]} as well"
        return [Problem(id, str(path), message, "make the ids differ")]
    first_seen[id] = where
    return []


def _file(value: str, column: str, root: Path, allow_outside: bool) -> tuple[Path | None, list[tuple[str, str]]]:
    """Absolute path of a manifest's value, or what is wrong with it as (message, hint)."""
    value = value.strip()
    if not value:
        return None, []
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", value):
        return None, [(f"{column}: expected a path, found an address", "download the file and name its path")]
    if not value.isprintable():
        return None, [(f"{column}: expected a path, found control characters in it", "correct the path")]
    path = root / value  # not resolved: the suffix of a link says what the file is
    if not allow_outside:
        try:
            inside = path.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError):  # a loop of links
            return None, [
                (f"{column}: expected a path, found one that cannot be resolved: {value}", "correct the path")
            ]
        if not inside:
            message = f"{column}: expected a file inside the manifest's folder, found {value}"
            return None, [(message, "move it there, or allow it: --allow-outside, allow_outside=True in Python")]
    return path, []
