"""From bags to what HILBERT's parts read: pooled features, document vectors, and the network's tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilbert.config import HilbertConfig
from hilbert.features.bags import Bags
from hilbert.nn.documents import DocumentVectors, Vectorizer
from hilbert.nn.inputs import SegmentTransforms
from hilbert.nn.pooled import pool
from hilbert.training.data import Inputs, SegmentData, VectorData

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DocumentInputs:
    """What all parts of a model read of the same documents.

    ``audio``, ``text``: pooled features (docs, features), NaN where unknown; ``vectors``: None where the configuration
    has none; ``network``: what the network reads.
    """

    audio: Floats
    text: Floats
    vectors: DocumentVectors | None
    network: Inputs


@dataclass(frozen=True)
class InputMap:
    """Fitted without labels, on all training documents: bags in, ``DocumentInputs`` out."""

    vectorizer: Vectorizer | None
    segments: SegmentTransforms | None
    device: str = "cpu"

    @classmethod
    def fit(cls, bags: Bags, config: HilbertConfig, seed: int, device: str) -> tuple[InputMap, DocumentInputs]:
        """Fit, and read the training documents."""
        vectorizer = vectors = segments = None
        if config.vectors is not None:
            vectorizer, vectors = Vectorizer.fit(bags, config.vectors, seed)
        if config.network.kind == "segments":
            segments = SegmentTransforms.fit(bags, config.network.components)
        fitted = cls(vectorizer, segments, device)
        return fitted, fitted._read(bags, vectors)

    def __call__(self, bags: Bags) -> DocumentInputs:
        """Read documents."""
        return self._read(bags, None if self.vectorizer is None else self.vectorizer(bags))

    def _read(self, bags: Bags, vectors: DocumentVectors | None) -> DocumentInputs:
        return DocumentInputs(pool(bags.audio), pool(bags.text), vectors, self._network(bags, vectors))

    def _network(self, bags: Bags, vectors: DocumentVectors | None) -> Inputs:
        if self.segments is not None:
            return SegmentData.of(self.segments(bags), self.device)
        assert vectors is not None  # the configuration asks for them
        return VectorData.of(vectors, self.device)

    def recombiner(self, bags: Bags) -> Callable[[Ints, Ints], DocumentInputs]:
        """Rows of ``bags`` for the audio and rows for the text → what is read of documents made of them."""
        pooled = pool(bags.audio), pool(bags.text)
        recombine = None if self.vectorizer is None else self.vectorizer.recombiner(bags)

        def read(audio: Ints, text: Ints) -> DocumentInputs:
            vectors = None if recombine is None else recombine(audio, text)
            mixed = bags if self.segments is None else bags.recombine(audio, text)
            return DocumentInputs(pooled[0][audio], pooled[1][text], vectors, self._network(mixed, vectors))

        return read

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        vectors = {} if self.vectorizer is None else self.vectorizer.arrays()
        segments = {} if self.segments is None else self.segments.arrays()
        return {f"vectors/{k}": v for k, v in vectors.items()} | {f"segments/{k}": v for k, v in segments.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats], config: HilbertConfig, device: str) -> InputMap:
        """Rebuild from ``arrays()``."""

        def under(name: str) -> dict[str, Floats]:
            return {k.removeprefix(name): v for k, v in arrays.items() if k.startswith(name)}

        return cls(
            None if config.vectors is None else Vectorizer.from_arrays(under("vectors/")),
            SegmentTransforms.from_arrays(under("segments/")) if config.network.kind == "segments" else None,
            device,
        )
