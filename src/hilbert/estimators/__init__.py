"""What users import: classifiers and embedders over bags of segment features, as scikit-learn has them."""

from hilbert.estimators.classifier import HilbertClassifier
from hilbert.estimators.embedder import HilbertEmbedder
from hilbert.estimators.linear import AudioLR, ConcatLR, TextLR
from hilbert.estimators.stack import LateStack, Stack

__all__ = ["AudioLR", "ConcatLR", "HilbertClassifier", "HilbertEmbedder", "LateStack", "Stack", "TextLR"]
