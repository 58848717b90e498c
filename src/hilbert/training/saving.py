"""A trained model as a folder: model.json, weights.safetensors and a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from hilbert._version import __version__
from hilbert.config import HilbertConfig
from hilbert.errors import ConfigError, ModelError
from hilbert.features.bags import Bags, Packed
from hilbert.files import own_folder, replace_file, write_json, write_text
from hilbert.model.build import load_inputs, make_network
from hilbert.model.experts import make_head
from hilbert.model.linear import LinearCore
from hilbert.training.calibration import Calibration
from hilbert.training.fit import Fit, Representation
from hilbert.training.heads import LogisticHead
from hilbert.training.selection import read

FORMAT = 5
HEADER, WEIGHTS, CARD = "model.json", "weights.safetensors", "README.md"
MODALITIES = ("audio", "text")
COMMON = ("weights_sha256", "config", "seed", "epochs", "features", "trained_on")
CLASSIFIER = ("classes", "alpha", "beta", "selection", "calibration", "core", "segments_epochs")
REQUIRED = {"embedder": COMMON, "classifier": (*COMMON, *CLASSIFIER)}
SECOND = "segments."  # before the names of the second network's tensors


@dataclass(frozen=True)
class Header:
    """Checked contents of model.json."""

    config: HilbertConfig
    data: dict[str, Any]


class Parts(NamedTuple):
    """What a classifier has beside its network and head: the second network with its readout, too."""

    core: LinearCore | None = None
    readout: LogisticHead | None = None
    untrained: LogisticHead | None = None
    second: Fit | None = None
    second_readout: LogisticHead | None = None


def save_fit(
    folder: Path,
    config: HilbertConfig,
    fit: Fit,
    data: Mapping[str, Any],
    parts: Parts | None = None,
) -> Path:
    """Write the folder; the weights go first and the header names their hash, so a half-written one is found."""
    own_folder(folder, WEIGHTS, "model")
    core, readout, untrained, second, second_readout = parts or Parts()
    tensors = _tensors(fit) | ({} if second is None else {SECOND + k: v for k, v in _tensors(second).items()})
    fitted = {"core.": core, "readout.": readout, "untrained.": untrained, f"{SECOND}readout.": second_readout}
    for name, part in fitted.items():
        if part is not None:
            tensors |= {name + k: torch.as_tensor(v) for k, v in part.arrays().items()}
    with replace_file(folder / WEIGHTS) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary)
    header = {
        "format": FORMAT,
        "hilbert": __version__,
        "weights_sha256": _sha256(folder / WEIGHTS),
        "config": config.model_dump(mode="json"),
        **data,
    }
    write_json(folder / HEADER, header)
    write_text(folder / CARD, model_card(config, header))
    return folder


def load_header(folder: Path, estimator: str) -> Header:
    """Read and check model.json. Raises ModelError."""
    path = folder / HEADER
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder}: expected a saved model, found no {HEADER}; `hilbert train` makes one") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(data).__name__}")
    if data.get("format") != FORMAT:
        raise ModelError(
            f"{path}: expected format {FORMAT}, found {data.get('format')!r}; it was written by hilbert "
            f"{data.get('hilbert', '?')}, this is {__version__}"
        )
    if data.get("estimator") != estimator:
        raise ModelError(f"{path}: expected a saved {estimator}, found {data.get('estimator')!r}")
    missing = [name for name in REQUIRED[estimator] if name not in data]
    if missing:
        raise ModelError(f"{path}: expected the entries {', '.join(missing)}, found none; copy the model again")
    try:
        if estimator == "classifier":
            read(data["selection"])
            Calibration.read(data["calibration"], len(data["classes"]))
            if (data["beta"] > 0) != (data["segments_epochs"] is not None):
                raise ValueError(f"a second network has a share, beta = {data['beta']}, or is not there, but not both")
        return Header(HilbertConfig.model_validate(data["config"]), data)
    except (KeyError, TypeError, AttributeError, ValueError, ConfigError) as error:
        raise ModelError(f"{path}: its configuration cannot be used: {error}") from None


def _tensors(fit: Fit) -> dict[str, torch.Tensor]:
    representation = fit.representation
    tensors = {f"network.{k}": v for k, v in representation.network.state_dict().items()}
    if fit.head is not None:
        tensors |= {f"head.{k}": v for k, v in fit.head.state_dict().items()}
    return tensors | {f"inputs.{k}": torch.as_tensor(v) for k, v in representation.inputs.arrays().items()}


def load_fit(folder: Path, header: Header, device: str) -> tuple[Fit, Parts]:
    """Read the weights and rebuild what ``save_fit`` was given. Raises ModelError when they were damaged."""
    path = folder / WEIGHTS
    try:
        if _sha256(path) != header.data["weights_sha256"]:
            raise ModelError(f"{path}: its hash is not the one in {HEADER}; copy the model again")
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from None
    config, data = header.config, header.data
    classes = len(data["classes"]) if data["estimator"] == "classifier" else 0
    try:
        fit = _rebuilt(tensors, config, data["epochs"], classes, device)
        return fit, _parts(tensors, config, data, device) if classes else Parts()
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: its tensors are not those that {HEADER} describes ({error})") from None


def _parts(tensors: Mapping[str, torch.Tensor], config: HilbertConfig, data: Mapping[str, Any], device: str) -> Parts:
    def readout(name: str, there: bool) -> LogisticHead | None:
        return LogisticHead.from_arrays(_arrays(tensors, name)) if there else None

    second = None
    if data["segments_epochs"] is not None:
        own = _under(tensors, SECOND)
        second = _rebuilt(own, config.second(), data["segments_epochs"], len(data["classes"]), device)
    return Parts(
        LinearCore.from_arrays(_arrays(tensors, "core."), MODALITIES) if config.core.enabled else None,
        readout("readout.", config.head.readout),
        readout("untrained.", config.model.backbone == "prototypes"),
        second,
        readout(f"{SECOND}readout.", second is not None and config.head.readout),
    )


def _rebuilt(
    tensors: Mapping[str, torch.Tensor], config: HilbertConfig, epochs: dict[str, int], classes: int, device: str
) -> Fit:
    """A network with its inputs and, where there are classes, its head."""
    inputs = load_inputs(config, _arrays(tensors, "inputs."))
    head: nn.Module | None = None
    with torch.random.fork_rng(devices=[]):  # building layers draws numbers that are overwritten here
        network = make_network(config.model, **inputs.widths)
        if classes:
            head = make_head(config.model.width, classes, config.head)
    network.load_state_dict(_under(tensors, "network."))
    if head is not None:
        head.load_state_dict(_under(tensors, "head."))
        head.to(device).eval()
    return Fit(Representation(inputs, network.to(device).eval(), device), head, epochs)


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _arrays(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, Any]:
    return {k: v.numpy().astype(np.float64) for k, v in _under(tensors, prefix).items()}


def check_features(expected: Mapping[str, Any], bags: Bags) -> Bags:
    """Raise ModelError when bags do not hold the kind of features that a model was fitted on.

    Returns the bags; a modality that no document has, and whose width is therefore open, gets the model's width.
    """

    def sized(packed: Packed, dim: int) -> Packed:
        return packed if len(packed.values) else replace(packed, values=np.zeros((0, dim), packed.values.dtype))

    bags = replace(bags, audio=sized(bags.audio, expected["audio"]), text=sized(bags.text, expected["text"]))
    for name in MODALITIES:
        found = getattr(bags, name).dim
        if found != expected[name]:
            raise ModelError(
                f"{name} features: the model was fitted on {expected[name]} values a segment, found {found}; "
                "extract the features with the encoders that the model was trained with"
            )
    source, theirs = expected["source"], dict(bags.source)
    different = sorted(k for k in source.keys() & theirs.keys() if source[k] != theirs[k])
    if different:
        raise ModelError(
            "features: the model was fitted on another kind of features: "
            + "; ".join(f"{k}: expected {source[k]}, found {theirs[k]}" for k in different)
        )
    return bags


def model_card(config: HilbertConfig, header: Mapping[str, Any]) -> str:
    """A page for people: what the model is, what it was fitted on, how to use it."""
    features = header["features"]
    lines = [
        f"# HILBERT {header['estimator']}",
        "",
        f"Written by hilbert {header['hilbert']}, preset `{config.preset}`, configuration {config.hash}, "
        f"seed {header['seed']}.",
        "",
        f"- Features a segment: audio {features['audio']}, text {features['text']}",
    ]
    lines += [f"- {name}: `{json.dumps(value, sort_keys=True)}`" for name, value in sorted(features["source"].items())]
    if "classes" in header:
        lines += [
            f"- Classes: {', '.join(map(str, header['classes']))}",
            f"- α (share of the network beside the linear core): {header['alpha']}",
            f"- β (share of the second network, on segments, beside both): {header['beta']}",
        ]
    lines += [
        f"- Epochs: {header['epochs']}",
        "",
        "Predictions describe recordings like those it was fitted on. Evaluate it on your own recordings before you",
        "rely on it (`hilbert evaluate FEATURES --model THIS_FOLDER --label …`).",
        "",
    ]
    return "\n".join(lines)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
