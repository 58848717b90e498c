"""Read CTranslate2's Whisper files and write their encoder as a transformers folder."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hilbert.errors import EncoderError

Array = NDArray[Any]

_VERSION = 6
_SPEC = "WhisperSpec"
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MOST_VARIABLES = 100_000
_MOST_DIMS = 8
_HEAD_WIDTH = 64  # in every released Whisper; used only where the file does not name its heads


class _Reader:
    """Little-endian fields of a file; never reads beyond what the file holds."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.left = file, path, path.stat().st_size

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise EncoderError(f"{self.path}: expected {size} more bytes, found {self.left}; the file is cut off")
        self.left -= size
        return self.file.read(size)

    def skip(self, size: int) -> None:
        if size > self.left:
            raise EncoderError(f"{self.path}: expected {size} more bytes, found {self.left}; the file is cut off")
        self.left -= size
        self.file.seek(size, 1)

    def number(self, form: str) -> int:
        return int(struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0])

    def text(self) -> str:
        raw = self.take(self.number("H"))
        if not raw.endswith(b"\0"):
            raise EncoderError(f"{self.path}: expected a NUL-terminated name, found {raw[:40]!r}")
        try:
            return raw[:-1].decode()
        except UnicodeDecodeError as error:
            raise EncoderError(f"{self.path}: expected a name in UTF-8, found {raw[:40]!r}") from error


def read_ctranslate2(path: Path, prefix: str = "encoder/") -> dict[str, Array]:
    """Variables of a CTranslate2 Whisper model.bin whose names start with ``prefix``.

    Every size in the file is checked against the bytes that are there before anything is allocated. Raises
    EncoderError that names what was expected and what was found.
    """
    with path.open("rb") as file:
        reader = _Reader(file, path)
        version = reader.number("I")
        if version != _VERSION:
            raise EncoderError(f"{path}: expected CTranslate2 format {_VERSION}, found {version}")
        name = reader.text()
        if name != _SPEC:
            raise EncoderError(f"{path}: expected a CTranslate2 {_SPEC}, found {name[:40]!r}")
        reader.number("I")  # revision of the specification; 3 in the files seen, the layout is the same
        count = reader.number("I")
        if count > _MOST_VARIABLES:
            raise EncoderError(f"{path}: expected at most {_MOST_VARIABLES} variables, found {count}")
        variables: dict[str, Array] = {}
        for _ in range(count):
            name, array = _variable(reader, prefix)
            if array is not None:
                variables[name] = array
        for _ in range(reader.number("I")):
            alias, target = reader.text(), reader.text()
            if target in variables and alias.startswith(prefix):
                variables[alias] = variables[target]
        if reader.left:
            raise EncoderError(f"{path}: expected the end of the file, found {reader.left} more bytes")
    return variables


def _variable(reader: _Reader, prefix: str) -> tuple[str, Array | None]:
    name = reader.text()
    rank = reader.number("B")
    if rank > _MOST_DIMS:
        raise EncoderError(f"{reader.path}: {name}: expected at most {_MOST_DIMS} dimensions, found {rank}")
    shape = [reader.number("I") for _ in range(rank)]
    kind = reader.number("B")
    if kind not in _TYPES:
        raise EncoderError(f"{reader.path}: {name}: expected a data type in {sorted(_TYPES)}, found {kind}")
    size = reader.number("I")
    expected = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
    if size != expected:
        raise EncoderError(f"{reader.path}: {name}: shape {shape} takes {expected} bytes, found {size}")
    if not name.startswith(prefix):
        reader.skip(size)
        return name, None
    return name, np.frombuffer(reader.take(size), _TYPES[kind]).reshape(shape)


def encoder_weights(variables: dict[str, Array]) -> dict[str, Array]:
    """The same tensors under a transformers checkpoint's names (``model.encoder.…``); raises EncoderError."""
    weights: dict[str, Array] = {}

    def take(name: str) -> Array:
        if name not in variables:
            raise EncoderError(f"CTranslate2 model: expected a variable {name!r}, found none")
        array = variables[name]
        if array.dtype not in (np.float16, np.float32):
            raise EncoderError(f"CTranslate2 model: {name}: expected float16 or float32, found {array.dtype}")
        return array

    def put(target: str, source: str, parts: tuple[str, str] = ("weight", "bias")) -> None:
        weights[f"{target}.weight"] = take(f"{source}/{parts[0]}")
        weights[f"{target}.bias"] = take(f"{source}/{parts[1]}")

    def thirds(name: str) -> list[Array]:
        array = take(name)
        if array.shape[0] != 3 * width:
            raise EncoderError(f"CTranslate2 model: {name}: expected shape ({3 * width}, …), found {array.shape}")
        return np.split(array, 3)

    first = take("encoder/conv1/weight")
    if first.ndim != 3:
        raise EncoderError(f"CTranslate2 model: conv1: expected a shape of 3 numbers, found {first.shape}")
    width = first.shape[0]
    norm = ("gamma", "beta")
    root = "model.encoder"
    for conv in ("conv1", "conv2"):
        put(f"{root}.{conv}", f"encoder/{conv}")
    weights[f"{root}.embed_positions.weight"] = take("encoder/position_encodings/encodings")
    put(f"{root}.layer_norm", "encoder/layer_norm", norm)
    layer = 0
    while f"encoder/layer_{layer}/self_attention/linear_0/weight" in variables:
        new, old = f"{root}.layers.{layer}", f"encoder/layer_{layer}"
        put(f"{new}.self_attn_layer_norm", f"{old}/self_attention/layer_norm", norm)
        put(f"{new}.self_attn.out_proj", f"{old}/self_attention/linear_1")
        put(f"{new}.final_layer_norm", f"{old}/ffn/layer_norm", norm)
        put(f"{new}.fc1", f"{old}/ffn/linear_0")
        put(f"{new}.fc2", f"{old}/ffn/linear_1")
        # linear_0 holds query, key and value one below the other
        matrices = thirds(f"{old}/self_attention/linear_0/weight")
        biases = thirds(f"{old}/self_attention/linear_0/bias")
        for part, matrix, bias in zip(("q_proj", "k_proj", "v_proj"), matrices, biases, strict=True):
            weights[f"{new}.self_attn.{part}.weight"] = matrix
            if part != "k_proj":
                weights[f"{new}.self_attn.{part}.bias"] = bias
            elif np.any(bias):
                raise EncoderError(f"CTranslate2 model: {old}: Whisper's keys have no bias, found one")
        layer += 1
    if not layer:
        raise EncoderError("CTranslate2 model: expected encoder layers, found none")
    return weights


def convert_whisper(source: Path, folder: Path) -> None:
    """Write config.json, preprocessor_config.json and the encoder's model.safetensors into ``folder``.

    The decoder is left behind: the folder serves as a speech encoder, not for transcription.
    """
    from safetensors.numpy import save_file

    variables = read_ctranslate2(source)
    weights = encoder_weights(variables)
    width, mels, _ = weights["model.encoder.conv1.weight"].shape
    positions = weights["model.encoder.embed_positions.weight"].shape[0]
    layers = sum(name.endswith("fc1.weight") for name in weights)
    heads = int(variables.get("encoder/num_heads", np.int16(width // _HEAD_WIDTH)))
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperModel"],
        "d_model": width,
        "num_mel_bins": mels,
        "max_source_positions": positions,
        "encoder_layers": layers,
        "encoder_attention_heads": heads,
        "encoder_ffn_dim": weights["model.encoder.layers.0.fc1.weight"].shape[0],
        "activation_function": "gelu",
        "scale_embedding": False,
    }
    preprocessor = {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": mels,
        "sampling_rate": 16000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": positions * 2 * 160 // 16000,
        "padding_value": 0.0,
        "return_attention_mask": False,
    }
    save_file({name: np.ascontiguousarray(array) for name, array in weights.items()}, folder / "model.safetensors")
    for file, content in (("config.json", config), ("preprocessor_config.json", preprocessor)):
        (folder / file).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
