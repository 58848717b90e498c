"""Every error that HILBERT raises on purpose, and the exit code each one ends a command with."""

from __future__ import annotations

from dataclasses import dataclass


class HilbertError(Exception):
    """Base of all errors of this package; a message names the file or document and the way out."""

    exit_code = 1


class UsageError(HilbertError):
    """An option or argument cannot be used as given."""

    exit_code = 2


class InputError(HilbertError):
    """A file or document is not what was expected."""

    exit_code = 2


class ManifestError(InputError):
    """The manifest cannot be read or breaks a rule of its format."""


class TranscriptError(InputError):
    """A transcript cannot be read."""


class AudioError(InputError):
    """A recording cannot be decoded."""


class EncoderError(HilbertError):
    """An encoder cannot be loaded or used."""

    exit_code = 2


class MissingDependencyError(HilbertError):
    """An optional package or weight pack is not installed; the message holds the command that installs it."""

    exit_code = 2


class StoreError(InputError):
    """A feature store is missing, incomplete or made for something else."""


class ConfigError(UsageError):
    """A configuration value is unknown or outside its range."""


class ModelError(InputError):
    """A saved model cannot be read, or does not fit the features it is given."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one document, as listed by `hilbert check` and kept by extraction.

    ``document`` is the document's id ("" for the manifest itself), ``file`` the file concerned,
    ``message`` what was expected and found, ``hint`` the way out. ``fatal`` problems stop the document;
    others are warnings.
    """

    document: str
    file: str
    message: str
    hint: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        where = " ".join(part for part in (self.document and f"document {self.document}:", self.file) if part)
        return f"{where}: {self.message}" + (f" → {self.hint}" if self.hint else "")
