"""The demo corpus: synthetic speech with a label that needs both what is said and how."""

from hilbert.demo.corpus import make_corpus

__all__ = ["make_corpus"]
