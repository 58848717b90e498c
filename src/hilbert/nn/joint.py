"""The joint embedding of both cross-attended sequences."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from hilbert.nn.pooling import AttentivePooling

Form = Literal["concat", "gated", "sequence", "sequence_plain"]


class Joint(nn.Module):
    """z_joint from the attended sequences, in one of four forms.

    concat: MLP of both pooled sequences; gated: g u_audio + (1 − g) u_text with a learnt gate; sequence: one
    pooling over both sequences, each key biased by −log n so that segment counts do not decide the mass;
    sequence_plain: without that bias.
    """

    def __init__(self, width: int, form: Form) -> None:
        super().__init__()
        self.form = form
        self.pool_audio = AttentivePooling(width, width)
        self.one_pooling = form in ("sequence", "sequence_plain")
        if not self.one_pooling:
            self.pool_text = AttentivePooling(width, width)
        if form == "gated":
            self.to_audio = nn.Linear(width, width)
            self.to_text = nn.Linear(width, width)
            self.gate = nn.Linear(2 * width, width)
        inputs = 2 * width if form == "concat" else width
        self.mlp = nn.Sequential(nn.Linear(inputs, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, audio: Tensor, text: Tensor, audio_mask: Tensor, text_mask: Tensor) -> Tensor:
        """Padded (docs, segments, width) and masks of both modalities → (docs, width)."""
        if self.one_pooling:
            hidden, mask = torch.cat([audio, text], dim=1), torch.cat([audio_mask, text_mask], dim=1)
            return self._project(self.pool_audio(hidden, mask, self._bias(audio_mask, text_mask)))
        pooled_audio, pooled_text = self.pool_audio(audio, audio_mask), self.pool_text(text, text_mask)
        if self.form == "concat":
            return self._project(torch.cat([pooled_audio, pooled_text], dim=1))
        gate = self._gate(pooled_audio, pooled_text)
        return self._project(gate * self.to_audio(pooled_audio) + (1 - gate) * self.to_text(pooled_text))

    def audio_mass(self, audio: Tensor, text: Tensor, audio_mask: Tensor, text_mask: Tensor) -> Tensor | None:
        """(docs,) gated: the gate's mean; sequence: the attention on audio segments; concat: None, it has neither."""
        if self.one_pooling:
            hidden, mask = torch.cat([audio, text], dim=1), torch.cat([audio_mask, text_mask], dim=1)
            weights = self.pool_audio.weights(hidden, mask, self._bias(audio_mask, text_mask))
            return weights[:, : audio.shape[1]].sum(dim=1)
        if self.form == "gated":
            return self._gate(self.pool_audio(audio, audio_mask), self.pool_text(text, text_mask)).mean(dim=1)
        return None

    def _bias(self, audio_mask: Tensor, text_mask: Tensor) -> Tensor | None:
        return count_bias(audio_mask, text_mask) if self.form == "sequence" else None

    def _gate(self, pooled_audio: Tensor, pooled_text: Tensor) -> Tensor:
        return torch.sigmoid(self.gate(torch.cat([pooled_audio, pooled_text], dim=1)))

    def _project(self, pooled: Tensor) -> Tensor:
        projected: Tensor = self.mlp(pooled)
        return projected


def count_bias(audio_mask: Tensor, text_mask: Tensor) -> Tensor:
    """−log n_m for each key of modality m, so that both modalities start with half of the attention mass."""
    biases = [-mask.sum(dim=1, keepdim=True).log().expand(mask.shape) for mask in (audio_mask, text_mask)]
    return torch.cat(biases, dim=1)
