"""`hilbert`, the command: one file a command, each thin over the package."""

from __future__ import annotations

from hilbert.cli.main import main

__all__ = ["main"]
