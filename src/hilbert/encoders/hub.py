"""Loading through transformers: quiet, pinned, float32, and with errors that name the way out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilbert.encoders.protocol import JSON
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ConfigError, EncoderError, MissingDependencyError

if TYPE_CHECKING:
    import torch

_IDENTIFYING = (".safetensors", ".bin", ".json", ".txt", ".model")
# Parts that no encoder output depends on: the sentence pooler, and the mask vector of speech pre-training.
_UNUSED_PARTS = ("pooler.", "masked_spec_embed")


@dataclass(frozen=True)
class Source:
    """Where a model's files lie: ``location`` is a hub id or folder, ``identity`` tells the weights apart."""

    name: str
    location: str
    revision: str | None = None
    offline: bool = False
    identity: dict[str, JSON] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """Arguments that every ``from_pretrained`` gets."""
        return {
            "revision": self.revision or "main",
            "local_files_only": self.offline,
            "trust_remote_code": False,
        }


def require_transformers() -> Any:
    """The transformers module; raises MissingDependencyError with the install command."""
    try:
        import transformers
    except ImportError as error:
        raise MissingDependencyError(
            "this encoder needs the transformers package: pip install 'hilbert-speech[encoders]'"
        ) from error
    return transformers


@contextmanager
def loading(source: Source, hint: str = "") -> Iterator[None]:
    """Silence transformers' logs and progress bars and turn its errors into EncoderError.

    The caller's random state is left as it was: transformers draws numbers for parts that a file lacks.
    """
    transformers = require_transformers()
    import huggingface_hub
    import torch
    from safetensors import SafetensorError

    # For a hub id without safetensors, transformers would ask a web service to convert it, even when offline.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    logging = transformers.utils.logging
    hub_logging: Any = huggingface_hub.utils.logging
    verbosity, hub_verbosity = logging.get_verbosity(), hub_logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    before = huggingface_hub.constants.HF_HUB_OFFLINE
    logging.set_verbosity_error()
    hub_logging.set_verbosity_error()
    logging.disable_progress_bar()
    # local_files_only alone still lets the hub library fetch a list for its user agent
    huggingface_hub.constants.HF_HUB_OFFLINE = before or source.offline
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:400]
        raise EncoderError(
            f"encoder {source.name!r} cannot be loaded: {reason}" + (f" → {hint}" if hint else "")
        ) from error
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = before
        logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if bars:
            logging.enable_progress_bar()


def resolve(spec: EncoderSpec, offline: bool, hint: str) -> tuple[Source, Any]:
    """The source of a hub id or local folder, and its config; raises EncoderError."""
    folder = Path(spec.name).expanduser()
    if folder.is_dir():
        if spec.revision is not None:
            raise ConfigError(f"encoder {spec.name!r} is a local folder, which has no revision; leave it out")
        located = Source(spec.name, str(folder), None, True, {"encoder": "folder", "weights": folder_digest(folder)})
        return located, read_config(located)
    located = Source(spec.name, spec.name, spec.revision, offline)
    config = read_config(located, hint)
    file = find_file(located, "config.json")
    commit = file.parent.name if file is not None and file.parent.parent.name == "snapshots" else ""
    revision = commit or located.options["revision"]
    identity: dict[str, JSON] = {"encoder": spec.name, "revision": revision}
    return Source(spec.name, spec.name, revision, offline, identity), config


def read_config(source: Source, hint: str = "") -> Any:
    """The model's config; raises EncoderError."""
    transformers = require_transformers()
    with loading(source, hint):
        return transformers.AutoConfig.from_pretrained(source.location, **source.options)


def load_model(factory: Any, source: Source, device: str, **options: Any) -> Any:
    """A float32 model in eval mode on ``device``; raises EncoderError when weights are missing."""
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EncoderError(f"encoder {source.name!r}: device {device} asked for, but torch finds no CUDA; use cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise EncoderError(f"encoder {source.name!r}: device mps asked for, but torch finds none; use cpu")
    with loading(source):
        model, report = factory.from_pretrained(
            source.location, dtype=torch.float32, output_loading_info=True, **source.options, **options
        )
    missing = sorted(key for key in report["missing_keys"] if not any(part in key for part in _UNUSED_PARTS))
    wrong = sorted(str(key) for key in report["mismatched_keys"])
    if missing or wrong:
        raise EncoderError(
            f"encoder {source.name!r}: {len(missing)} weights are missing and {len(wrong)} have another "
            f"shape than its config says (first: {(missing + wrong)[0]}); it is not a "
            f"{type(model).__name__} checkpoint"
        )
    return model.to(device).eval().requires_grad_(False)


def find_file(source: Source, file: str) -> Path | None:
    """A file of the model's folder or hub page, None where there is none; raises EncoderError."""
    with loading(source):
        from transformers.utils.hub import cached_file

        found = cached_file(
            source.location,
            file,
            revision=source.options["revision"],
            local_files_only=source.offline,
            _raise_exceptions_for_missing_entries=False,
        )
        return None if found is None else Path(found)


def read_json(source: Source, file: str) -> Any:
    """A JSON file of the model's folder or hub page, None where there is none; raises EncoderError."""
    found = find_file(source, file)
    with loading(source):
        return None if found is None else json.loads(found.read_text(encoding="utf-8"))


def hidden_layer(spec: EncoderSpec, blocks: int) -> int:
    """The layer as 0 (what enters the first block) … blocks (the final output); raises ConfigError."""
    if not -blocks - 1 <= spec.layer <= blocks:
        raise ConfigError(
            f"encoder {spec.name!r} has layers 0 to {blocks} (or -1 to {-blocks - 1} from the end), not {spec.layer}"
        )
    return spec.layer % (blocks + 1)


def pick_layer(output: Any, layer: int, blocks: int) -> torch.Tensor:
    """Hidden states (batch, length, width) of a layer; the last is the output, final norm included."""
    states: torch.Tensor = output.last_hidden_state if layer == blocks else output.hidden_states[layer]
    return states


def folder_digest(folder: Path) -> str:
    """One sha256 over the names and contents of a folder's weights, configs and tokenizer files."""
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _IDENTIFYING and file.name != "pack.json":
            total.update(f"{file.relative_to(folder).as_posix()}\n{file_digest(file)}\n".encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file, computed once per process while its size and time stay the same."""
    status = path.stat()
    return _digest(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
