"""wav2vec 2.0, HuBERT and WavLM: raw samples in, about 50 frames a second out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from hilbert.encoders.hub import (
    Source,
    hidden_layer,
    load_model,
    pick_layer,
    read_json,
    require_transformers,
)
from hilbert.encoders.protocol import JSON, Float32
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import EncoderError

_CODE = "wave/1"
_WINDOW_SECONDS = 20.0  # attention costs grow with its square, and training crops were about 15 s


class WaveEncoder:
    """Frozen wav2vec 2.0 (arXiv 2006.11477), HuBERT (2106.07447) or WavLM (2110.13900) encoder.

    One wave at a time and never padded, since padding changes the outputs of these models; only a wave
    shorter than one frame is extended with silence to one. Each wave is scaled to zero mean and unit
    variance where the model's preprocessor says so.
    """

    def __init__(self, model: Any, rate: int, normalise: bool, spec: EncoderSpec, source: Source) -> None:
        config = model.config
        if getattr(config, "add_adapter", False):
            raise EncoderError(f"encoder {spec.name!r} has an adapter that shortens its frames; not supported")
        self._model = model
        self._normalise = normalise
        self._device = spec.device
        self._name = spec.name
        self._blocks = int(config.num_hidden_layers)
        self._layer = hidden_layer(spec, self._blocks)
        self._hop = math.prod(config.conv_stride)
        self._least = 1  # samples that give one frame: the receptive field of the convolutions
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            self._least = (self._least - 1) * stride + kernel
        self.rate = rate
        self.width = int(config.hidden_size)
        self.window = _WINDOW_SECONDS
        self.frame_seconds = self._hop / rate
        self.identity: dict[str, JSON] = {
            **source.identity,
            "layer": self._layer,
            "pooling": spec.pooling,
            "context": spec.context,
            "window": self.window,
            "normalise": normalise,
            "code": _CODE,
        }

    @classmethod
    def load(cls, spec: EncoderSpec, source: Source) -> WaveEncoder:
        """Load model and preprocessor settings from a hub id or a folder; raises EncoderError."""
        transformers = require_transformers()
        settings = read_json(source, "preprocessor_config.json") or {}
        rate, normalise = settings.get("sampling_rate"), settings.get("do_normalize")
        if not isinstance(rate, int) or not isinstance(normalise, bool):
            raise EncoderError(
                f"encoder {spec.name!r}: preprocessor_config.json should give sampling_rate and "
                f"do_normalize, found {rate!r} and {normalise!r}"
            )
        return cls(load_model(transformers.AutoModel, source, spec.device), rate, normalise, spec, source)

    def frames(self, wave: Float32) -> Float32:
        """(frames, width) of at most 20 s: one frame every 320 samples, the first after 400, at least one."""
        longest = round(self.window * self.rate)
        if not 0 < len(wave) <= longest:
            raise EncoderError(
                f"encoder {self._name!r} takes 1 to {longest} samples at {self.rate} Hz, found {len(wave)}"
            )
        values = wave.astype(np.float64)
        if self._normalise:
            values = (values - values.mean()) / np.sqrt(values.var() + 1e-7)
        values = np.pad(values, (0, max(0, self._least - len(values)))).astype(np.float32)
        with torch.inference_mode():
            output = self._model(
                torch.from_numpy(values)[None].to(self._device),
                output_hidden_states=self._layer != self._blocks,
            )
            states = pick_layer(output, self._layer, self._blocks)[0]
        return states.float().cpu().numpy()
