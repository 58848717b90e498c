"""Document vectors, and two weightings of them: by what stays the same through a recording, and by what changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from hilbert.config import VectorConfig
from hilbert.features.bags import Bags, Packed
from hilbert.nn.inputs import SegmentTransform
from hilbert.nn.pooled import Block, ordered_pool
from hilbert.nn.prototypes import Prototypes, attended, occupancy_and_peak

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLOCKS = {
    "audio": ("audio.order", "audio.occupancy", "audio.peak"),
    "text": ("text.order", "text.occupancy", "text.peak"),
    "cross": ("cross.audio", "cross.text"),
}
SPACE = 128  # principal components in which segments are clustered
SHARPNESS = 10.0  # of the assignment to prototypes, 1 / temperature
CROSS_PROTOTYPES = 32  # of a set, that attend to the other modality
CROSS_COMPONENTS = 32  # principal components of what is attended to
CROSS_SHARPNESS = 20.0
WEIGHTS = {"audio.occupancy": 0.5, "audio.peak": 0.5, "cross.text": 0.5}  # what audio prototypes see; 1 for others


@dataclass(frozen=True, eq=False)
class DocumentVectors:
    """Parts of the vectors of many documents, (docs, width) each; rows of 0 where a document lacks what a part needs.

    ``audio``, ``text``: of one modality; ``cross``: of both together; ``has_audio``, ``has_text``: (docs,).
    """

    audio: Floats
    text: Floats
    cross: Floats
    has_audio: NDArray[np.bool_]
    has_text: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.audio)

    @property
    def rows(self) -> Floats:
        """All parts side by side, (docs, width)."""
        return np.hstack([self.audio, self.text, self.cross])


@dataclass(frozen=True)
class Vectorizer:
    """Fitted, label-free map from bags to document vectors; everything is fitted on training documents.

    Each block is imputed, standardised, reduced by PCA and scaled to a Gram matrix of one norm, times its weight.
    """

    prototypes: dict[str, Prototypes]
    values: dict[str, SegmentTransform]
    blocks: dict[str, Block]

    @classmethod
    def fit(cls, bags: Bags, config: VectorConfig, seed: int) -> tuple[Vectorizer, DocumentVectors]:
        """Fit prototypes on the segments, then blocks on the documents of ``bags``; also gives their vectors."""
        prototypes, values = {}, {}
        for name in ("audio", "text"):
            packed: Packed = getattr(bags, name)
            prototypes[name], prototypes[f"{name}.cross"] = Prototypes.fit_many(
                packed, config.heads, (config.prototypes, CROSS_PROTOTYPES), SPACE, seed
            )
            values[name] = SegmentTransform.fit(packed, CROSS_COMPONENTS)
        fitted = cls(prototypes, values, {})
        limit = max(1, min(config.components, len(bags) // 2))
        features = fitted.features(bags)
        for name, values_of in features.items():
            fitted.blocks[name] = Block.fit(values_of, limit, standardise=not name.startswith("cross."))
        return fitted, fitted._vectors(bags, features)

    def features(self, bags: Bags) -> dict[str, Floats]:
        """Raw features of each block, (docs, any width), NaN where a document lacks what they need."""
        found = {}
        for name in ("audio", "text"):
            packed: Packed = getattr(bags, name)
            found[f"{name}.order"] = ordered_pool(packed)
            found[f"{name}.occupancy"], found[f"{name}.peak"] = occupancy_and_peak(
                packed, self.prototypes[name], SHARPNESS
            )
        return found | self._cross(bags)

    def _cross(self, bags: Bags) -> dict[str, Floats]:
        found = {}
        for name, other in (("audio", "text"), ("text", "audio")):
            packed: Packed = getattr(bags, name)
            values = self.values[name](packed, np.float64).astype(np.float64)
            found[f"cross.{name}"] = attended(
                getattr(bags, other), packed, values, self.prototypes[f"{other}.cross"], CROSS_SHARPNESS
            )
        return found

    def __call__(self, bags: Bags) -> DocumentVectors:
        """Document vectors."""
        return self._vectors(bags, self.features(bags))

    def recombiner(self, bags: Bags) -> Callable[[Ints, Ints], DocumentVectors]:
        """Rows of ``bags`` for the audio and rows for the text → vectors of documents made of them.

        Only what needs both modalities is computed again.
        """
        features = self.features(bags)

        def recombine(audio: Ints, text: Ints) -> DocumentVectors:
            rows, mixed = {"audio": audio, "text": text}, bags.recombine(audio, text)
            own = {name: features[name][rows[part]] for part in rows for name in BLOCKS[part]}
            return self._vectors(mixed, own | self._cross(mixed))

        return recombine

    def _vectors(self, bags: Bags, features: dict[str, Floats]) -> DocumentVectors:
        has_audio, has_text = bags.audio.lengths > 0, bags.text.lengths > 0
        present = {"audio": has_audio, "text": has_text, "cross": has_audio & has_text}
        parts = {}
        for part, names in BLOCKS.items():
            vectors = np.hstack([WEIGHTS.get(name, 1.0) * self.blocks[name](features[name]) for name in names])
            parts[part] = np.where(present[part][:, None], vectors, 0.0)
        return DocumentVectors(**parts, has_audio=has_audio, has_text=has_text)

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each part of the vectors."""
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
    def from_arrays(cls, arrays: dict[str, Floats]) -> Vectorizer:
        """Rebuild from ``arrays()``. Raises KeyError where a part is missing."""
        tree: dict[str, dict[str, dict[str, Floats]]] = {"prototypes": {}, "values": {}, "blocks": {}}
        for path, array in arrays.items():
            kind, name, key = path.split("/")
            tree[kind].setdefault(name, {})[key] = array
        modalities, blocks = ("audio", "text"), [name for names in BLOCKS.values() for name in names]
        queries = [name for modality in modalities for name in (modality, f"{modality}.cross")]
        return cls(
            {name: Prototypes(**tree["prototypes"][name]) for name in queries},
            {name: SegmentTransform.from_arrays(tree["values"][name]) for name in modalities},
            {name: Block(**tree["blocks"][name]) for name in blocks},
        )


STRENGTHS = {"steady": 3.0, "changing": -3.0}
ROUNDING = 1e-12  # of a part's variance: what float32 makes of two halves that are the same


def weightings(bags: Bags, vectorizer: Vectorizer, vectors: DocumentVectors) -> dict[str, Floats]:
    """Name → (width, width) symmetric map x ↦ x S of ``vectors.rows``, the vectors of ``bags``.

    Every document is cut into a first and a second half. Half the difference of their vectors has the covariance W of
    what is not the same throughout. In each part S ∝ (I + λ W/w)^(−½) for "steady" and (I + λ W/w)^(½) for "changing",
    λ = 3, w = tr W² / tr W; the mean squared norm of the part is kept. "steady" shrinks what changes: within-class
    covariance normalisation (Hatch et al. 2006, Interspeech) whose class is the document, so that no label is needed.
    """
    first, second = (vectorizer(half) for half in halves(bags))
    both = {"audio": first.has_audio & second.has_audio, "text": first.has_text & second.has_text}
    both["cross"] = both["audio"] & both["text"]
    found: dict[str, Floats] = {}
    for name, strength in STRENGTHS.items():
        blocks = []
        for part, rows in both.items():
            own = getattr(vectors, part)
            difference = (getattr(first, part)[rows] - getattr(second, part)[rows]) / 2
            within = difference.T @ difference / max(1, len(difference))
            centred = own - own.mean(axis=0) if len(own) else own
            blocks.append(_scaling(within, centred.T @ centred / max(1, len(own)), strength))
        found[name] = block_diag(*blocks)
    return found


def halves(bags: Bags) -> tuple[Bags, Bags]:
    """The first and the second half of each document; a lone segment leaves the second one empty."""

    def early(packed: Packed) -> NDArray[np.bool_]:
        place = np.arange(len(packed.values)) - np.repeat(packed.offsets[:-1], packed.lengths)
        return place < np.repeat((packed.lengths + 1) // 2, packed.lengths)

    audio, text = early(bags.audio), early(bags.text)
    return (
        Bags(bags.ids, _kept(bags.audio, audio), _kept(bags.text, text), bags.duration),
        Bags(bags.ids, _kept(bags.audio, ~audio), _kept(bags.text, ~text), bags.duration),
    )


def _scaling(within: Floats, total: Floats, strength: float) -> Floats:
    trace, before = float(np.trace(within)), float(np.trace(total))
    if trace <= ROUNDING * before:
        return np.eye(len(within))
    weight = abs(strength) * trace / float((within**2).sum())
    values, axes = np.linalg.eigh(within)
    factors = (1 + weight * np.maximum(values, 0.0)) ** (-0.5 if strength > 0 else 0.5)
    matrix: Floats = (axes * factors) @ axes.T
    after = float(np.trace(matrix @ total @ matrix))
    return matrix * np.sqrt(before / after) if after > 0 else matrix


def _kept(packed: Packed, keep: NDArray[np.bool_]) -> Packed:
    owner = np.repeat(np.arange(len(packed.lengths)), packed.lengths)
    lengths = np.bincount(owner[keep], minlength=len(packed.lengths)).astype(packed.lengths.dtype)
    return Packed(packed.values[keep], lengths, packed.times[keep])
