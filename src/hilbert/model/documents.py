"""Document vectors: pooled statistics, order, prototypes and cross-modal attention, in blocks of equal norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.config import PrototypeConfig
from hilbert.features.bags import Bags, Packed
from hilbert.model.attended import attended, occupancy_and_peak
from hilbert.model.inputs import SegmentTransform
from hilbert.model.order import ordered_pool
from hilbert.model.pooled import Block
from hilbert.model.prototypes import Prototypes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLOCKS = {
    "audio": ("audio.order", "audio.occupancy", "audio.peak"),
    "text": ("text.order", "text.occupancy", "text.peak"),
    "cross": ("cross.audio", "cross.text"),
}
AUDIO_PROTOTYPES = ("audio.occupancy", "audio.peak", "cross.text")


class DocumentVectors(NamedTuple):
    """(docs, width) of each modality, and of both together; rows of 0 where a document lacks what they need."""

    audio: Floats
    text: Floats
    cross: Floats


@dataclass(frozen=True)
class DocumentInputs:
    """Fitted, label-free map from bags to document vectors; everything is fitted on training documents.

    Each block is imputed, standardised, reduced by PCA and scaled to a Gram matrix of one norm, times its weight.
    """

    prototypes: dict[str, Prototypes]
    values: dict[str, SegmentTransform]
    blocks: dict[str, Block]
    config: PrototypeConfig

    @classmethod
    def fit(cls, bags: Bags, config: PrototypeConfig, seed: int) -> tuple[DocumentInputs, DocumentVectors]:
        """Fit prototypes on the segments, then blocks on the documents of ``bags``; also gives their vectors."""
        prototypes, values = {}, {}
        for name in ("audio", "text"):
            packed: Packed = getattr(bags, name)
            prototypes[name] = Prototypes.fit(packed, config.heads, config.count, config.components, seed)
            prototypes[f"{name}.cross"] = Prototypes.fit(
                packed, config.heads, config.cross_count, config.components, seed
            )
            values[name] = SegmentTransform.fit(packed, config.cross_components)
        inputs = cls(prototypes, values, {}, config)
        limit = max(1, min(config.block_components, len(bags) // 2))
        features = inputs.features(bags)
        for name, values_of in features.items():
            inputs.blocks[name] = Block.fit(values_of, limit, standardise=not name.startswith("cross."))
        return inputs, inputs._vectors(bags, features)

    def features(self, bags: Bags) -> dict[str, Floats]:
        """Raw features of each block, (docs, any width), NaN where a document lacks what they need."""
        found = {}
        for name in ("audio", "text"):
            packed: Packed = getattr(bags, name)
            found[f"{name}.order"] = ordered_pool(packed)
            found[f"{name}.occupancy"], found[f"{name}.peak"] = occupancy_and_peak(
                packed, self.prototypes[name], self.config.sharpness
            )
        return found | self._cross(bags)

    def _cross(self, bags: Bags) -> dict[str, Floats]:
        found = {}
        for name, other in (("audio", "text"), ("text", "audio")):
            packed: Packed = getattr(bags, name)
            values = self.values[name](packed, np.float64).astype(np.float64)
            found[f"cross.{name}"] = attended(
                getattr(bags, other), packed, values, self.prototypes[f"{other}.cross"], self.config.cross_sharpness
            )
        return found

    def __call__(self, bags: Bags) -> DocumentVectors:
        """Document vectors, as the network takes them."""
        return self._vectors(bags, self.features(bags))

    def recombined(self, bags: Bags, features: dict[str, Floats], audio: Ints, text: Ints) -> DocumentVectors:
        """Vectors of ``bags``, whose audio is that of the documents ``audio`` and whose text that of ``text`` before.

        ``features`` are from before; only what needs both modalities is computed again.
        """
        rows = {"audio": audio, "text": text}
        own = {name: features[name][rows[part]] for part in rows for name in BLOCKS[part]}
        return self._vectors(bags, own | self._cross(bags))

    def _vectors(self, bags: Bags, features: dict[str, Floats]) -> DocumentVectors:
        has_audio, has_text = bags.audio.lengths > 0, bags.text.lengths > 0
        present = {"audio": has_audio, "text": has_text, "cross": has_audio & has_text}
        parts = {}
        for part, names in BLOCKS.items():
            vectors = np.hstack([self._weight(name) * self.blocks[name](features[name]) for name in names])
            parts[part] = np.where(present[part][:, None], vectors, 0.0)
        return DocumentVectors(**parts)

    def _weight(self, block: str) -> float:
        return self.config.audio_weight if block in AUDIO_PROTOTYPES else 1.0

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each part."""
        return {part: sum(self.blocks[n].axes.shape[1] for n in names) for part, names in BLOCKS.items()}

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        kept: dict[str, Floats] = {}
        for name, prototypes in self.prototypes.items():
            kept |= {f"prototypes/{name}/{key}": getattr(prototypes, key) for key in ("mean", "axes", "centres")}
        for name, transform in self.values.items():
            kept |= {f"values/{name}/{key}": array for key, array in transform.arrays().items()}
        for name, block in self.blocks.items():
            kept |= {f"blocks/{name}/{key}": getattr(block, key) for key in ("mean", "scale", "axes", "centre")}
        return kept

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats], config: PrototypeConfig) -> DocumentInputs:
        """Rebuild from ``arrays()``."""
        tree: dict[str, dict[str, dict[str, Floats]]] = {"prototypes": {}, "values": {}, "blocks": {}}
        for path, array in arrays.items():
            kind, name, key = path.split("/")
            tree[kind].setdefault(name, {})[key] = array
        return cls(
            {name: Prototypes(**found) for name, found in tree["prototypes"].items()},
            {name: SegmentTransform.from_arrays(found) for name, found in tree["values"].items()},
            {name: Block(**found) for name, found in tree["blocks"].items()},
            config,
        )
