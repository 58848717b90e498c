"""Whisper's encoder: 30 s windows of log-mel in, 50 frames a second out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from hilbert.encoders.hub import Source, hidden_layer, load_model, loading, pick_layer
from hilbert.encoders.protocol import JSON, Float32
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import EncoderError

_CODE = "whisper/1"
_STRIDE = 2  # of the convolutions, mel frames per output frame


class WhisperEncoder:
    """Frozen Whisper encoder (Radford et al. 2022, arXiv 2212.04356), one window at a time.

    Shorter waves are padded with silence to the window, as the model was trained, and the frames that
    hold only padding are dropped: ceil(samples / 320) frames stay.
    """

    def __init__(self, model: Any, extractor: Any, spec: EncoderSpec, source: Source) -> None:
        self._model = model
        self._extractor = extractor
        self._device = spec.device
        self._name = spec.name
        self._blocks = len(model.layers)
        self._layer = hidden_layer(spec, self._blocks)
        self._hop = int(extractor.hop_length) * _STRIDE
        self._samples = int(model.config.max_source_positions) * self._hop
        self.rate = int(extractor.sampling_rate)
        self.width = int(model.config.d_model)
        self.window = self._samples / self.rate
        self.frame_seconds = self._hop / self.rate
        self.identity: dict[str, JSON] = {
            **source.identity,
            "layer": self._layer,
            "pooling": spec.pooling,
            "context": spec.context,
            "window": self.window,
            "code": _CODE,
        }
        if int(extractor.feature_size) != int(model.config.num_mel_bins):
            raise EncoderError(
                f"encoder {spec.name!r}: the model takes {model.config.num_mel_bins} mel bands, its "
                f"preprocessor makes {extractor.feature_size}; the folder mixes two models"
            )

    @classmethod
    def load(cls, spec: EncoderSpec, source: Source) -> WhisperEncoder:
        """Load the encoder half only, from a hub id or a folder; raises EncoderError."""
        with loading(source):
            from transformers import WhisperFeatureExtractor
            from transformers.models.whisper.modeling_whisper import WhisperEncoder as Model

            extractor = WhisperFeatureExtractor.from_pretrained(source.location, **source.options)
        # Checkpoints name the encoder "model.encoder."; without the prefix its keys fit the encoder alone.
        model = load_model(Model, source, spec.device, key_mapping={r"^(model\.)?encoder\.": ""})
        return cls(model, extractor, spec, source)

    def frames(self, wave: Float32) -> Float32:
        """(ceil(samples / 320), width) of at most ``window`` seconds at 16 kHz."""
        if not 0 < len(wave) <= self._samples:
            raise EncoderError(
                f"encoder {self._name!r} takes 1 to {self._samples} samples at {self.rate} Hz, found {len(wave)}"
            )
        mel = self._extractor(
            wave, sampling_rate=self.rate, max_length=self._samples, padding="max_length", return_tensors="np"
        )["input_features"]
        with torch.inference_mode():
            output = self._model(
                torch.from_numpy(np.asarray(mel, dtype=np.float32)).to(self._device),
                output_hidden_states=self._layer != self._blocks,
            )
            states = pick_layer(output, self._layer, self._blocks)[0, : math.ceil(len(wave) / self._hop)]
        return states.float().cpu().numpy()
