"""How much of each modality's structure the joint embedding keeps, against the most that it could keep of both."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hilbert.losses.cka import MIN_DOCS, attainable_ceiling, debiased_cka, linear_gram

Floats = NDArray[np.float64]


class Retention(NamedTuple):
    """CKA_u(x_m, z) / ceiling of each modality, and the ceiling itself; NaN where undefined."""

    audio: float
    text: float
    ceiling: float

    @property
    def least(self) -> float:
        """That of the modality which is kept worse; NaN as soon as one is undefined."""
        return min(self.audio, self.text) if math.isfinite(self.audio + self.text) else math.nan


def retention(audio: Floats, text: Floats, joint: Floats) -> Retention:
    """Retention of ``audio`` and ``text`` in ``joint``, each (docs, any width), of the same documents.

    Debiased linear CKA in float64, without the LayerNorm that the loss has: moving, rotating or scaling any of the
    three changes nothing. The ceiling, cos(½ arccos CKA_u(audio, text)), is what one embedding can reach for both at
    once: at 1 a balanced embedding keeps all it can, above 1 it has taken sides. With fewer than 4 documents, or where
    one of the three is constant, all is NaN.
    """
    unit = [_unit(x) for x in (audio, text, joint)]
    if len(joint) < MIN_DOCS or not all(x.any() for x in unit):
        return Retention(math.nan, math.nan, math.nan)
    of_audio, of_text, of_joint = (linear_gram(torch.from_numpy(x)) for x in unit)
    ceiling = attainable_ceiling(debiased_cka(of_audio, of_text))
    kept_audio, kept_text = (float(debiased_cka(of, of_joint) / ceiling) for of in (of_audio, of_text))
    return Retention(kept_audio, kept_text, float(ceiling))


def _unit(x: Floats) -> Floats:
    """Centred, with a mean square of 1; zeros where no document differs from the others."""
    if not len(x):
        return x
    centred: Floats = x - x.mean(axis=0)
    size = float(np.sqrt((centred**2).mean()))
    return centred / size if size > 1e-12 * float(np.abs(x).max()) else np.zeros_like(x)
