"""HILBERT: document embeddings and honestly evaluated classifiers from recordings and transcripts.

The names below are loaded on first use, so that ``import hilbert`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hilbert._version import __version__

if TYPE_CHECKING:
    from hilbert import datasets as datasets
    from hilbert import synthetic as synthetic
    from hilbert.config import HilbertConfig
    from hilbert.corpus import Corpus, Document, check_corpus
    from hilbert.encoders import EncoderSpec
    from hilbert.estimators import HilbertClassifier, HilbertEmbedder
    from hilbert.evaluation import Result, evaluate, evaluate_saved, evaluate_split
    from hilbert.features.bags import Bags, Packed
    from hilbert.features.extraction import extract
    from hilbert.features.store import FeatureStore
    from hilbert.report import write_report
    from hilbert.segments import Segmentation

_PLACES = {
    "Bags": "hilbert.features.bags",
    "Corpus": "hilbert.corpus",
    "Document": "hilbert.corpus",
    "EncoderSpec": "hilbert.encoders",
    "FeatureStore": "hilbert.features.store",
    "HilbertClassifier": "hilbert.estimators",
    "HilbertConfig": "hilbert.config",
    "HilbertEmbedder": "hilbert.estimators",
    "Packed": "hilbert.features.bags",
    "Result": "hilbert.evaluation",
    "Segmentation": "hilbert.segments",
    "check_corpus": "hilbert.corpus",
    "evaluate": "hilbert.evaluation",
    "evaluate_saved": "hilbert.evaluation",
    "evaluate_split": "hilbert.evaluation",
    "extract": "hilbert.features.extraction",
    "write_report": "hilbert.report",
}
_PACKAGES = ("datasets", "synthetic")

__all__ = [
    "Bags",
    "Corpus",
    "Document",
    "EncoderSpec",
    "FeatureStore",
    "HilbertClassifier",
    "HilbertConfig",
    "HilbertEmbedder",
    "Packed",
    "Result",
    "Segmentation",
    "__version__",
    "check_corpus",
    "evaluate",
    "evaluate_saved",
    "evaluate_split",
    "extract",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"hilbert.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'hilbert' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
