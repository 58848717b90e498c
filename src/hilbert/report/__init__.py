"""The report of an evaluation: one self-contained page."""

from hilbert.report.page import write_report

__all__ = ["write_report"]
