"""Fitted transforms of raw segment features: impute, standardise, reduce. Fitted on training documents only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags, Packed

Floats = NDArray[np.float64]


def principal_axes(x: Floats, components: int) -> Floats:
    """Leading eigenvectors (dim, components) of the covariance of centred rows; each one's largest entry is > 0.

    There are fewer, but at least one, where the rows have a lower rank: what is left over is rounding.
    """
    docs, dim = x.shape
    small = docs < dim  # the small Gram matrix has the same leading axes
    values, vectors = np.linalg.eigh(x @ x.T if small else x.T @ x)
    rank = int((values > max(docs, dim) * np.finfo(np.float64).eps * values[-1]).sum())
    components = max(1, min(components, rank))
    axes = vectors[:, -components:]
    if small:
        axes = x.T @ axes / np.sqrt(np.maximum(values[-components:], np.finfo(np.float64).tiny))
    axes = axes[:, ::-1]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * np.where(signs == 0, 1.0, signs))


def column_moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column over its known values; 0 and 1 where nothing varies."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=0) / count
    spread = np.sqrt(np.where(known, (filled - mean) ** 2, 0.0).sum(axis=0) / count)
    # rounding of float32 leaves a constant column with a spread of about eps × its size, and one of zeros with next to
    # none: divided by that, another document's rounding would be a number of any size
    largest = spread.max(initial=np.finfo(np.float64).tiny)
    constant = spread <= np.maximum(1e-6 * np.abs(mean), 1e-12 * largest)
    return mean, np.where(constant, 1.0, spread)


@dataclass(frozen=True)
class SegmentTransform:
    """Standardise each feature on real segments, put missing values at the mean, keep leading components.

    ``mean``, ``scale``: (dim,); ``axes``: (dim, components) or None. The mean squared norm of an output row is
    its width on the training segments, so that both modalities enter the network at the same size.
    """

    mean: Floats
    scale: Floats
    axes: Floats | None

    @classmethod
    def fit(cls, packed: Packed, components: int | None) -> SegmentTransform:
        """Fit on all segments of the given documents."""
        values = packed.values.astype(np.float64)
        mean, scale = column_moments(values)
        if components is None or len(values) < 2:
            return cls(mean, scale, None)
        standard = np.nan_to_num((values - mean) / scale)
        axes = principal_axes(standard, components)
        power = np.sqrt(max(float(((standard @ axes) ** 2).mean()), np.finfo(np.float64).tiny))
        return cls(mean, scale, axes / power)

    def __call__(self, packed: Packed, dtype: type[np.floating] = np.float32) -> NDArray[np.floating]:
        """Transformed segments (total_segments, width)."""
        standard = (packed.values.astype(np.float64) - self.mean) / self.scale
        standard[np.isnan(standard)] = 0.0
        return (standard if self.axes is None else standard @ self.axes).astype(dtype)

    @property
    def width(self) -> int:
        """Width of a transformed segment."""
        return len(self.mean) if self.axes is None else int(self.axes.shape[1])

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        kept = {"mean": self.mean, "scale": self.scale}
        return kept if self.axes is None else kept | {"axes": self.axes}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> SegmentTransform:
        """Rebuild from ``arrays()``."""
        return cls(arrays["mean"], arrays["scale"], arrays.get("axes"))


@dataclass(frozen=True)
class SegmentTransforms:
    """Both modalities' transforms: bags in, what a network on segments reads out."""

    audio: SegmentTransform
    text: SegmentTransform

    @classmethod
    def fit(cls, bags: Bags, components: int | None) -> SegmentTransforms:
        """Fit on training documents."""
        return cls(SegmentTransform.fit(bags.audio, components), SegmentTransform.fit(bags.text, components))

    def __call__(self, bags: Bags) -> tuple[Packed, Packed]:
        """Audio and text, packed."""
        audio, text = (
            Packed(transform(packed), packed.lengths, packed.times)
            for packed, transform in ((bags.audio, self.audio), (bags.text, self.text))
        )
        return audio, text

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each modality."""
        return {"audio": self.audio.width, "text": self.text.width}

    def arrays(self) -> dict[str, Floats]:
        """Everything fitted, for saving."""
        pairs = (("audio", self.audio), ("text", self.text))
        return {f"{name}/{key}": array for name, part in pairs for key, array in part.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> SegmentTransforms:
        """Rebuild from ``arrays()``."""

        def part(name: str) -> SegmentTransform:
            return SegmentTransform.from_arrays(
                {k.removeprefix(name + "/"): v for k, v in arrays.items() if k.startswith(name + "/")}
            )

        return cls(part("audio"), part("text"))
