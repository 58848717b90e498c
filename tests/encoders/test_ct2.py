from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilbert.encoders import EncoderSpec, load_speech
from hilbert.encoders.ct2 import convert_whisper, read_ctranslate2
from hilbert.errors import EncoderError

TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def variable(name: str, array: np.ndarray, size: int | None = None) -> bytes:
    shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    size = array.nbytes if size is None else size
    return text(name) + shape + struct.pack("<BI", TYPES[array.dtype.name], size) + array.tobytes()


def model_bin(
    arrays: dict[str, np.ndarray], version: int = 6, spec: str = "WhisperSpec", aliases: tuple[str, ...] = ()
) -> bytes:
    body = b"".join(variable(name, array) for name, array in arrays.items())
    names = b"".join(text(name) for name in aliases)
    head = struct.pack("<I", version) + text(spec) + struct.pack("<II", 3, len(arrays))
    return head + body + struct.pack("<I", len(aliases) // 2) + names


def whisper_arrays(model: Any, kind: str = "float32") -> dict[str, np.ndarray]:
    """A transformers Whisper encoder under the names of CTranslate2, with a stretch of decoder to skip."""
    state = {name: value.numpy().astype(kind) for name, value in model.encoder.state_dict().items()}
    arrays = {"decoder/embeddings/weight": np.zeros((7, 16), kind), "encoder/num_heads": np.array(2, np.int16)}
    for conv in ("conv1", "conv2"):
        for part in ("weight", "bias"):
            arrays[f"encoder/{conv}/{part}"] = state[f"{conv}.{part}"]
    arrays["encoder/position_encodings/encodings"] = state["embed_positions.weight"]

    def norm(target: str, source: str) -> None:
        arrays[f"{target}/gamma"] = state[f"{source}.weight"]
        arrays[f"{target}/beta"] = state[f"{source}.bias"]

    def linear(target: str, sources: list[str]) -> None:
        arrays[f"{target}/weight"] = np.concatenate([state[f"{source}.weight"] for source in sources])
        zero = np.zeros(16, kind)  # Whisper's keys have no bias
        arrays[f"{target}/bias"] = np.concatenate([state.get(f"{source}.bias", zero) for source in sources])

    norm("encoder/layer_norm", "layer_norm")
    for layer in range(2):
        new, old = f"encoder/layer_{layer}", f"layers.{layer}"
        norm(f"{new}/self_attention/layer_norm", f"{old}.self_attn_layer_norm")
        linear(f"{new}/self_attention/linear_0", [f"{old}.self_attn.{part}_proj" for part in "qkv"])
        linear(f"{new}/self_attention/linear_1", [f"{old}.self_attn.out_proj"])
        norm(f"{new}/ffn/layer_norm", f"{old}.final_layer_norm")
        linear(f"{new}/ffn/linear_0", [f"{old}.fc1"])
        linear(f"{new}/ffn/linear_1", [f"{old}.fc2"])
    return arrays


@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-5), ("float16", 3e-2)])
def test_a_converted_encoder_gives_the_frames_of_the_original(
    whisper_model: Any, whisper_folder: Path, tmp_path: Path, kind: str, tolerance: float
) -> None:
    (tmp_path / "model.bin").write_bytes(model_bin(whisper_arrays(whisper_model, kind)))
    folder = tmp_path / "folder"
    folder.mkdir()
    convert_whisper(tmp_path / "model.bin", folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    wave = (0.1 * np.random.default_rng(0).normal(size=20_000)).astype(np.float32)
    encoders = [load_speech(EncoderSpec(name=str(path)), offline=True) for path in (folder, whisper_folder)]
    assert encoders[0].window == encoders[1].window == 2.0
    converted, original = (encoder.frames(wave) for encoder in encoders)
    np.testing.assert_allclose(converted, original, atol=tolerance)


def test_converting_twice_gives_the_same_bytes(whisper_model: Any, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(model_bin(whisper_arrays(whisper_model)))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        convert_whisper(tmp_path / "model.bin", folder)
    for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_aliases_and_other_parts(tmp_path: Path) -> None:
    arrays = {"encoder/a": np.arange(6, dtype=np.float32).reshape(2, 3), "decoder/b": np.zeros(4, np.int8)}
    path = tmp_path / "model.bin"
    path.write_bytes(model_bin(arrays, aliases=("encoder/c", "encoder/a", "decoder/d", "decoder/b")))
    found = read_ctranslate2(path)
    assert sorted(found) == ["encoder/a", "encoder/c"]
    np.testing.assert_array_equal(found["encoder/c"], arrays["encoder/a"])


@pytest.fixture
def small() -> dict[str, np.ndarray]:
    return {"encoder/a": np.arange(6, dtype=np.float32).reshape(2, 3)}


def refuse(path: Path, content: bytes, match: str) -> None:
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=match):
        read_ctranslate2(path)


def test_what_is_not_such_a_file_is_refused(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    path = tmp_path / "model.bin"
    refuse(path, model_bin(small, version=5), "expected CTranslate2 format 6, found 5")
    refuse(path, model_bin(small, spec="TransformerSpec"), "WhisperSpec, found 'TransformerSpec'")
    refuse(path, model_bin(small) + b"x", "expected the end of the file, found 1 more")
    refuse(path, b"", "expected 4 more bytes, found 0")


def test_every_cut_is_found(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    content = model_bin(small, aliases=("encoder/c", "encoder/a"))
    for length in range(len(content)):
        refuse(tmp_path / "model.bin", content[:length], r"expected \d+ more bytes|expected CTranslate2")


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    head = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<I", 3)
    path = tmp_path / "model.bin"
    refuse(path, head + struct.pack("<I", 2**32 - 1), "at most 100000 variables")
    one = head + struct.pack("<I", 1) + text("encoder/a")
    refuse(path, one + struct.pack("<B", 255), "at most 8 dimensions, found 255")
    huge = struct.pack("<B2I", 2, 2**31, 2**31)
    refuse(path, one + huge + struct.pack("<BI", 0, 2**32 - 1), "takes 18446744073709551616 bytes")
    refuse(path, one + struct.pack("<B1IBI", 1, 2**29, 0, 2**31), "expected 2147483648 more bytes, found 0")
    refuse(path, one + struct.pack("<B1IBI", 1, 4, 9, 16), "expected a data type in .*, found 9")
    refuse(path, head + struct.pack("<IH", 1, 3) + b"abc", "NUL-terminated")
    refuse(path, head + struct.pack("<IH", 1, 3) + b"\xff\xfe\0", "UTF-8")


def test_random_damage_never_ends_in_another_error(
    whisper_model: Any, tmp_path: Path, small: dict[str, np.ndarray]
) -> None:
    content = bytearray(model_bin(small, aliases=("encoder/c", "encoder/a")))
    path = tmp_path / "model.bin"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_ctranslate2(path)
        except EncoderError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"encoder/conv1/weight": None}, "'encoder/conv1/weight', found none"),
        ({"encoder/layer_0/self_attention/linear_0/bias": np.ones(48, np.float32)}, "keys have no bias"),
        ({"encoder/layer_0/self_attention/linear_0/bias": np.ones(47, np.float32)}, "shape"),
        ({"encoder/conv1/weight": np.zeros((16, 8, 3), np.int8)}, "found int8"),
        ({"encoder/conv1/weight": np.zeros((16, 8), np.float32)}, "shape"),
    ],
)
def test_models_that_do_not_fit_are_refused(
    whisper_model: Any, tmp_path: Path, change: dict[str, np.ndarray | None], match: str
) -> None:
    arrays = {**whisper_arrays(whisper_model), **change}
    kept = {name: array for name, array in arrays.items() if array is not None}
    (tmp_path / "model.bin").write_bytes(model_bin(kept))
    with pytest.raises(EncoderError, match=match):
        convert_whisper(tmp_path / "model.bin", tmp_path)


def test_a_model_without_layers_is_refused(whisper_model: Any, tmp_path: Path) -> None:
    arrays = {name: array for name, array in whisper_arrays(whisper_model).items() if "layer_" not in name}
    arrays |= {"encoder/layer_norm/gamma": np.ones(16), "encoder/layer_norm/beta": np.ones(16)}
    (tmp_path / "model.bin").write_bytes(model_bin({name: array.astype(np.float32) for name, array in arrays.items()}))
    with pytest.raises(EncoderError, match="expected encoder layers, found none"):
        convert_whisper(tmp_path / "model.bin", tmp_path)


def test_heads_come_from_the_file(whisper_model: Any, tmp_path: Path) -> None:
    arrays = whisper_arrays(whisper_model)
    arrays["encoder/num_heads"] = np.array(4, np.int16)
    (tmp_path / "model.bin").write_bytes(model_bin(arrays))
    convert_whisper(tmp_path / "model.bin", tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["encoder_attention_heads"] == 4
