"""What either network gives: three embeddings of each document."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Embeddings(NamedTuple):
    """Three (docs, width) embeddings, and which documents have each modality (docs,), True = present."""

    audio: Tensor
    text: Tensor
    joint: Tensor
    has_audio: Tensor
    has_text: Tensor

    def concatenated(self) -> Tensor:
        """[z_audio; z_text; z_joint]: (docs, 3 width)."""
        return torch.cat([self.audio, self.text, self.joint], dim=1)
