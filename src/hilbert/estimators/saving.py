"""A trained model as a folder: model.json, weights.safetensors and a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from hilbert._version import __version__
from hilbert.config import HilbertConfig
from hilbert.errors import ConfigError, ModelError
from hilbert.estimators.base import Decide
from hilbert.estimators.inputs import InputMap
from hilbert.estimators.mixture import Mixture
from hilbert.features.bags import Bags, Packed
from hilbert.files import own_folder, replace_file, write_json, write_text
from hilbert.nn.experts import make_head
from hilbert.nn.linear import PooledLogistic, VectorLogistic
from hilbert.training.fit import Fit, make_network

FORMAT = 6
HEADER, WEIGHTS, CARD = "model.json", "weights.safetensors", "README.md"
MODALITIES = ("audio", "text")
COMMON = ("weights_sha256", "config", "seed", "epochs", "widths", "features", "trained_on")
CLASSIFIER = ("classes", "prior", "decide", "members", "mixture", "linear")
REQUIRED = {"embedder": COMMON, "classifier": (*COMMON, *CLASSIFIER)}
Linear = PooledLogistic | VectorLogistic
KINDS: dict[str, type[PooledLogistic] | type[VectorLogistic]] = {
    "PooledLogistic": PooledLogistic,
    "VectorLogistic": VectorLogistic,
}


@dataclass(frozen=True, eq=False)
class Saved:
    """Everything that a model is made of, for a folder and from one; what only a classifier has comes last."""

    estimator: str
    config: HilbertConfig
    seed: int
    features: dict[str, Any]
    trained_on: list[str]
    fit: Fit
    inputs: InputMap
    classes: NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    prior: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    decide: Decide = "balanced"
    members: tuple[str, ...] = ()
    linear: dict[str, Linear] = field(default_factory=dict)
    readout: VectorLogistic | None = None
    mixture: Mixture | None = None

    def put_on(self, model: Any) -> None:
        """Give an estimator what every fitted one has."""
        model.config_, model.features_, model.trained_on_ = self.config, self.features, self.trained_on
        model.fit_, model.inputs_, model.epochs_ = self.fit, self.inputs, self.fit.epochs


def save_model(folder: Path, saved: Saved) -> Path:
    """Write the folder; the weights go first and the header names their hash, so a half-written one is found."""
    own_folder(folder, WEIGHTS, "model")
    fit = saved.fit
    tensors = {f"network.{k}": v for k, v in fit.network.state_dict().items()}
    if fit.head is not None:
        tensors |= {f"head.{k}": v for k, v in fit.head.state_dict().items()}
    arrays = {f"inputs.{k}": v for k, v in saved.inputs.arrays().items()}
    fitted = {f"linear.{name}.": model for name, model in saved.linear.items()}
    if saved.readout is not None:
        fitted["readout."] = saved.readout
    for prefix, model in fitted.items():
        arrays |= {prefix + k: v for k, v in model.arrays().items()}
    tensors |= {k: torch.tensor(v) for k, v in arrays.items()}  # copies: parts may share an array
    with replace_file(folder / WEIGHTS) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary)
    header: dict[str, Any] = {
        "format": FORMAT,
        "hilbert": __version__,
        "estimator": saved.estimator,
        "weights_sha256": _sha256(folder / WEIGHTS),
        "config": saved.config.model_dump(mode="json"),
        "seed": saved.seed,
        "epochs": fit.epochs,
        "widths": _widths(saved.inputs),
        "features": saved.features,
        "trained_on": saved.trained_on,
    }
    if saved.mixture is not None:
        header |= {
            "classes": saved.classes.tolist(),
            "prior": saved.prior.tolist(),
            "decide": saved.decide if isinstance(saved.decide, str) else dict(saved.decide),
            "members": list(saved.members),
            "mixture": saved.mixture.written(),
            "linear": {name: type(model).__name__ for name, model in saved.linear.items()},
        }
    write_json(folder / HEADER, header)
    write_text(folder / CARD, model_card(saved, header))
    return folder


def load_model(folder: Path, estimator: str, device: str) -> Saved:
    """Read what ``save_model`` wrote. Raises ModelError where it is missing, damaged or of another kind."""
    header = _header(folder, estimator)
    path = folder / WEIGHTS
    try:
        if _sha256(path) != header["weights_sha256"]:
            raise ModelError(f"{path}: its hash is not the one in {HEADER}; copy the model again")
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from None
    try:
        config = HilbertConfig.model_validate(header["config"])
        classifier: dict[str, Any] = {}
        if estimator == "classifier":
            members, count = tuple(header["members"]), len(header["classes"])
            readout = VectorLogistic.from_arrays(_arrays(tensors, "readout.")) if "network" in members else None
            classifier = {
                "classes": np.array(header["classes"]),
                "prior": np.array(header["prior"], dtype=np.float64),
                "decide": header["decide"],
                "members": members,
                "linear": {
                    name: KINDS[kind].from_arrays(_arrays(tensors, f"linear.{name}."))
                    for name, kind in header["linear"].items()
                },
                "readout": readout,
                "mixture": Mixture.read(header["mixture"], len(members), count),
            }
        return Saved(
            estimator,
            config,
            header["seed"],
            header["features"],
            header["trained_on"],
            _fit(tensors, config, header, device),
            InputMap.from_arrays(_arrays(tensors, "inputs."), config, device),
            **classifier,
        )
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, ConfigError) as error:
        raise ModelError(f"{path}: is not what {HEADER} describes ({error}); copy the model again") from None


def _header(folder: Path, estimator: str) -> dict[str, Any]:
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
    return data


def _widths(inputs: InputMap) -> dict[str, int]:
    """Columns of each part of what the network reads."""
    if inputs.segments is not None:
        return inputs.segments.widths
    assert inputs.vectorizer is not None  # one of both is there
    return inputs.vectorizer.widths


def _fit(tensors: Mapping[str, torch.Tensor], config: HilbertConfig, header: Mapping[str, Any], device: str) -> Fit:
    """The network and, where there are classes, its head."""
    head: nn.Module | None = None
    with torch.random.fork_rng(devices=[]):  # building layers draws numbers that are overwritten here
        network = make_network(config, header["widths"])
        if "classes" in header:
            head = make_head(config.network.width, len(header["classes"]), config.head)
    network.load_state_dict(_under(tensors, "network."))
    if head is not None:
        head.load_state_dict(_under(tensors, "head."))
        head.to(device).eval()
    return Fit(network.to(device).eval(), head, header["epochs"], device=device)


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


def model_card(saved: Saved, header: Mapping[str, Any]) -> str:
    """A page for people: what the model is, what it was fitted on, how to use it."""
    features, config = header["features"], saved.config
    lines = [
        f"# HILBERT {saved.estimator}",
        "",
        f"Written by hilbert {header['hilbert']}, preset `{config.preset}`, configuration {config.hash}, "
        f"seed {header['seed']}.",
        "",
        f"- Features a segment: audio {features['audio']}, text {features['text']}",
    ]
    lines += [f"- {name}: `{json.dumps(value, sort_keys=True)}`" for name, value in sorted(features["source"].items())]
    if saved.mixture is not None:
        shares = zip(saved.members, saved.mixture.shares.tolist(), strict=True)
        lines += [
            f"- Classes: {', '.join(map(str, header['classes']))}",
            f"- What predicts: {', '.join(f'{name} {share:.0%}' for name, share in shares)}",
            f"- How it decides: {json.dumps(header['decide'])}",
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
