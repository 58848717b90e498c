"""Input transforms and network of either backbone, by configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.config import HilbertConfig, ModelConfig
from hilbert.features.bags import Bags, Packed
from hilbert.model.document_network import PrototypeNetwork
from hilbert.model.documents import DocumentInputs, DocumentVectors
from hilbert.model.hilbert import HilbertNetwork
from hilbert.model.inputs import SegmentTransform
from hilbert.model.stability import Stability, halves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Network = HilbertNetwork | PrototypeNetwork


class Recombined(NamedTuple):
    """What the network reads of documents, packed, and their vectors, where the backbone has any, not scaled yet."""

    packed: tuple[Packed, Packed]
    vectors: DocumentVectors | None = None


Recombiner = Callable[[Ints, Ints], Recombined]


@dataclass(frozen=True)
class SegmentInputs:
    """Both modalities' segments, standardised and reduced one by one."""

    audio: SegmentTransform
    text: SegmentTransform

    @classmethod
    def fit(cls, bags: Bags, components: int | None) -> SegmentInputs:
        """Fit on training documents."""
        return cls(*(SegmentTransform.fit(packed, components) for packed in (bags.audio, bags.text)))

    def __call__(self, bags: Bags) -> tuple[Packed, Packed]:
        """What the network reads, packed."""
        audio, text = (
            Packed(transform(packed), packed.lengths, packed.times)
            for packed, transform in ((bags.audio, self.audio), (bags.text, self.text))
        )
        return audio, text

    def recombiner(self, bags: Bags) -> Recombiner:
        """Rows of ``bags`` for the audio and rows for the text → what is read of documents made of them."""
        audio, text = self(bags)
        return lambda audio_rows, text_rows: Recombined((audio.take(audio_rows), text.take(text_rows)))

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each part of the inputs."""
        return {"audio": self.audio.width, "text": self.text.width, "cross": 0}

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        pairs = (("audio", self.audio), ("text", self.text))
        return {f"{name}/{key}": array for name, part in pairs for key, array in part.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> SegmentInputs:
        """Rebuild from ``arrays()``."""

        def part(name: str) -> SegmentTransform:
            return SegmentTransform.from_arrays(
                {k.removeprefix(name + "/"): v for k, v in arrays.items() if k.startswith(name + "/")}
            )

        return cls(part("audio"), part("text"))


@dataclass(frozen=True)
class VectorInputs:
    """One vector a document and modality, packed as a single segment; none where the modality is missing.

    ``stability``: of each part, known after fitting only; ``scaling``: its map (width, width), none: the identity.
    """

    documents: DocumentInputs
    stability: dict[str, Stability] = field(default_factory=dict)
    scaling: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def fit(cls, bags: Bags, config: HilbertConfig, seed: int) -> tuple[VectorInputs, DocumentVectors]:
        """Fit on training documents, without labels; also gives their vectors, not scaled yet."""
        documents, vectors = DocumentInputs.fit(bags, config.prototypes, seed)
        stability = {}
        if config.prototypes.stability != (0.0,):
            pairs = [(has_parts(a) & has_parts(b), documents(a), documents(b)) for a, b in halves(bags)]
            for number, part in enumerate(DocumentVectors._fields):
                own = [(first[number][has[number]], second[number][has[number]]) for has, first, second in pairs]
                stability[part] = Stability.fit(vectors[number], own)
        return cls(documents, stability), vectors

    def scaled(self, strength: float) -> VectorInputs:
        """The same with directions weighted by their stability."""
        maps = {part: found.scaling(strength) for part, found in self.stability.items()} if strength else {}
        return replace(self, scaling=maps)

    def scale(self, vectors: DocumentVectors) -> DocumentVectors:
        """Vectors of ``documents``, weighted."""
        return DocumentVectors(*(
            values @ self.scaling[part] if part in self.scaling else values
            for part, values in zip(DocumentVectors._fields, vectors, strict=True)
        ))  # fmt: skip

    def __call__(self, bags: Bags) -> tuple[Packed, Packed]:
        """What the network reads, packed."""
        return self.pack(self.documents(bags), bags)

    def pack(self, vectors: DocumentVectors, bags: Bags) -> tuple[Packed, Packed]:
        """Weight the vectors of ``bags``: audio rows with the part that needs both modalities, and text rows."""
        audio, text, cross = self.scale(vectors)
        pairs = ((np.hstack([audio, cross]), bags.audio), (text, bags.text))
        packed = [_one_each(values, packed.lengths > 0) for values, packed in pairs]
        return packed[0], packed[1]

    def recombiner(self, bags: Bags) -> Recombiner:
        """Rows of ``bags`` for the audio and rows for the text → what is read of documents made of them."""
        features = self.documents.features(bags)

        def recombine(audio: Ints, text: Ints) -> Recombined:
            mixed = bags.recombine(audio, text)
            vectors = self.documents.recombined(mixed, features, audio, text)
            return Recombined(self.pack(vectors, mixed), vectors)

        return recombine

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each part of the inputs."""
        return self.documents.widths

    def arrays(self) -> dict[str, Floats]:
        """Everything that transforms, for saving."""
        kept = {f"documents/{key}": array for key, array in self.documents.arrays().items()}
        return kept | {f"scaling/{part}": array for part, array in self.scaling.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats], config: HilbertConfig) -> VectorInputs:
        """Rebuild from ``arrays()``."""

        def under(name: str) -> dict[str, Floats]:
            return {k.removeprefix(name): v for k, v in arrays.items() if k.startswith(name)}

        return cls(DocumentInputs.from_arrays(under("documents/"), config.prototypes), scaling=under("scaling/"))


Inputs = SegmentInputs | VectorInputs


def fit_inputs(config: HilbertConfig, bags: Bags, seed: int) -> tuple[Inputs, DocumentVectors | None]:
    """Fit the transforms of the configured backbone on training documents, without labels.

    Also gives these documents' vectors where the backbone makes them.
    """
    if config.model.backbone == "segments":
        return SegmentInputs.fit(bags, config.input.components), None
    return VectorInputs.fit(bags, config, seed)


def load_inputs(config: HilbertConfig, arrays: dict[str, Floats]) -> Inputs:
    """Rebuild from ``arrays()``."""
    if config.model.backbone == "segments":
        return SegmentInputs.from_arrays(arrays)
    return VectorInputs.from_arrays(arrays, config)


def make_network(config: ModelConfig, audio: int, text: int, cross: int = 0) -> Network:
    """The untrained network for inputs of these widths; random numbers come from torch's generator."""
    if config.backbone == "segments":
        return HilbertNetwork(audio, text, config)
    return PrototypeNetwork(audio, text, cross, config)


def start_network(network: Network, audio: Packed, text: Packed) -> None:
    """Start a prototype network at the principal components of packed training inputs."""
    if not isinstance(network, PrototypeNetwork):
        return
    docs, width = len(audio.lengths), network.parts["audio"]
    own, words = np.zeros((docs, audio.dim)), np.zeros((docs, text.dim))
    own[audio.lengths > 0], words[text.lengths > 0] = audio.values, text.values
    network.start(own[:, :width], words, own[:, width:])


def has_parts(bags: Bags) -> NDArray[np.bool_]:
    """(parts, docs) True where a document has what each part of ``DocumentVectors`` is made of."""
    audio, text = bags.audio.lengths > 0, bags.text.lengths > 0
    return np.stack([audio, text, audio & text])


def _one_each(values: Floats, present: NDArray[np.bool_]) -> Packed:
    kept = values[present].astype(np.float32)
    return Packed(kept, present.astype(np.int64), np.full(len(kept), 0.5, np.float32))
