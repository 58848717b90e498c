"""`cacophony`: CLIP beside the prediction of masked text from audio; an adaptation of arXiv 2402.06986."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hilbert.baselines.clip import ClipMethod
from hilbert.baselines.method import SegmentEncoder, Shape, both_present, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import info_nce, unit
from hilbert.nn.attention import CrossAttention
from hilbert.nn.projection import FREQUENCIES, sinusoids
from hilbert.nn.ragged import Ragged, pad
from hilbert.training.data import Batch

HEADS = 4


class Tokens(NamedTuple):
    """Projected segments (docs, segments, width), their mask, True = valid, and relative times (docs, segments)."""

    hidden: Tensor
    mask: Tensor
    times: Tensor

    @classmethod
    def of(cls, encoder: SegmentEncoder, segments: Ragged) -> Tokens:
        """By the projection that the encoder pools."""
        hidden, mask = encoder.project(segments)
        return cls(hidden, mask, pad(segments.times[:, None], segments.lengths)[0][..., 0])


def draw_masked(mask: Tensor, share: float, keep: Tensor) -> tuple[Tensor, Tensor]:
    """Random places (docs, most) of ``share`` of each document's segments, rounded up, and which of them count.

    mask: (docs, segments) True = valid; keep: (docs,) False = none of this document's.
    """
    counts = (share * mask.sum(dim=1)).ceil() * keep
    most = int(counts.max()) if len(counts) else 0
    order = torch.rand(mask.shape, device=mask.device).masked_fill(~mask, 2.0).argsort(dim=1)
    return order[:, :most], torch.arange(most, device=mask.device) < counts[:, None]


class MaskedDecoder(nn.Module):
    """Masked text tokens attend to all text tokens, the masked ones replaced, then to audio; a linear map predicts.

    Each token carries its relative time, by which a masked one is known; audio tokens too, as both share a clock.
    """

    def __init__(self, width: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.time = nn.Linear(2 * FREQUENCIES, width, bias=False)
        self.text, self.audio = (CrossAttention(width, HEADS, dropout, zero=False) for _ in range(2))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim))

    def forward(self, audio: Tokens, text: Tokens, places: Tensor, drawn: Tensor) -> Tensor:
        """places, drawn: (docs, masked) as drawn → predicted features (docs, masked, dim)."""
        masked = torch.zeros_like(text.mask).scatter(1, places, drawn)
        visible = torch.where(masked[..., None], self.token, text.hidden) + self._clock(text.times)
        query = self.token + self._clock(text.times.gather(1, places))
        query = self.audio(self.text(query, visible, text.mask), audio.hidden + self._clock(audio.times), audio.mask)
        predicted: Tensor = self.out(query)
        return predicted

    def _clock(self, times: Tensor) -> Tensor:
        encoded: Tensor = self.time(sinusoids(times.flatten()))
        return encoded.view(*times.shape, encoded.shape[-1])


class CacophonyMethod(ClipMethod):
    """CLIP + λ mean (1 − cos(x̂_k, x_k)) over masked text segments k.

    Adaptation: Cacophony pretrains a spectrogram encoder by masking and then adds an autoregressive captioning
    decoder to the contrast. With frozen features and no words, what the decoder says is the masked segments' own
    transformed features; cosine, since their norms are the transform's.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.decoder = MaskedDecoder(options["width"], shape.text, options["dropout"])

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Both parts over documents that have both modalities; documents of one group are no negatives."""
        both = both_present(batch)
        audio, text = Tokens.of(self.audio, batch.inputs.audio), Tokens.of(self.text, batch.inputs.text)
        v_audio = unit(self.head_audio(self.audio.out(self.audio.pool(audio.hidden, audio.mask)))[both])
        v_text = unit(self.head_text(self.text.out(self.text.pool(text.hidden, text.mask)))[both])
        contrast = info_nce(v_audio, v_text, self.log_scale.exp(), same_group(batch)[both][:, both])
        places, drawn = draw_masked(text.mask, self.options["masked"], both)
        predicted = self.decoder(audio, text, places, drawn)[drawn]
        target = pad(batch.inputs.text.values, batch.inputs.text.lengths)[0]
        target = target.gather(1, places[..., None].expand(-1, -1, target.shape[2]))[drawn]
        cosines = F.cosine_similarity(predicted, target, dim=1)
        caption = (1.0 - cosines).sum() / max(len(cosines), 1)
        return {"total": contrast + self.options["caption"] * caption, "contrast": contrast, "caption": caption}


class Cacophony(NeuralBaseline):
    """Cacophony's two losses on frozen segment features; the heads see [z_audio; z_text]."""

    method = CacophonyMethod
    defaults = {"projection": 64, "temperature": 0.1, "caption": 1.0, "masked": 0.4}  # noqa: RUF012
    space = NeuralBaseline.space | {  # type: ignore[operator]
        "temperature": [0.05, 0.1, 0.2],
        "caption": [0.1, 1.0],
        "masked": [0.3, 0.5],
    }
