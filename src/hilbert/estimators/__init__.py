"""HILBERT as scikit-learn estimators over bags of segment features."""

from hilbert.estimators.classifier import HilbertClassifier
from hilbert.estimators.embedder import HilbertEmbedder

__all__ = ["HilbertClassifier", "HilbertEmbedder"]
