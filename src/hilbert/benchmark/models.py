"""The models of the benchmark: every registered one, with the options that tuning chose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hilbert.baselines import MODELS, make_model
from hilbert.config import HilbertConfig
from hilbert.errors import InputError, UsageError
from hilbert.evaluation.setting import plain

Options = Mapping[str, Mapping[str, Any]]

# What the quick tier makes small, where a model has it; it proves that all parts work together, no more.
SMALL = {
    "epochs": 2,
    "head_epochs": 4,
    "width": 16,
    "hidden": 16,
    "projection": 16,
    "pooling_hidden": 16,
    "components": 16,
    "max_segments": 8,
    "least": 1,
}
CALLBACKS = ("progress", "on_inner")  # parameters that say something of a fit, and change nothing in it
TRAINED = {"network", "experts"}  # members of HILBERT that train a network


def chosen_options(path: Path | None = None) -> dict[str, dict[str, Any]]:
    """Model → constructor options, from the committed ``settings.yaml`` unless ``path`` names another."""
    source = path or resources.files("hilbert.benchmark").joinpath("settings.yaml")
    try:
        found = yaml.safe_load(source.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{source}: cannot be read as the options of the models ({error})") from None
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise InputError(f"{source}: expected a mapping of model → option → value, found something else")
    return found


def select(names: Sequence[str] | None = None) -> list[str]:
    """All registered models in their order, or those named. Raises UsageError for one that is not registered."""
    if names is None:
        return list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise UsageError(f"models: expected some of {', '.join(MODELS)}, found {unknown[0]!r}")
    return list(dict.fromkeys(names))


def build(name: str, options: Mapping[str, Any] | None = None, small: bool = False) -> Any:
    """An unfitted model; an option with a dot goes into the ``config`` of HILBERT. ``small``: for a first try."""
    plainly = {key: value for key, value in (options or {}).items() if "." not in key}
    dotted = {key: value for key, value in (options or {}).items() if "." in key}
    if dotted:
        plainly["config"] = {**(plainly.get("config") or {}), **dotted}
    try:
        model = make_model(name, **plainly)
    except TypeError as error:
        raise UsageError(f"{name}: its options {plainly} do not fit its constructor ({error})") from None
    return _small(model) if small else model


def on_device(model: Any, device: str) -> Any:
    """The model, told to train on ``device`` (cpu, cuda or mps) where it can; all others stay on the CPU.

    Since the device is one of its parameters, it is part of ``identity``, and so of the key of its stored fits.
    """
    return model.set_params(device=device) if "device" in model.get_params(deep=False) else model


def device_of(model: Any) -> str | None:
    """Where it trains; None for a model that knows no device."""
    found = model.get_params(deep=False).get("device")
    return None if found is None else str(found)


def where_stored(model: Any, about: Mapping[str, Any] | None, device: str) -> Any:
    """The model on the device that the fits stored ``about`` it were trained on, on ``device`` where there are none."""
    return on_device(model, (about or {}).get("parameters", {}).get("device", device))


def require_device(model: Any, device: str, stored: Path, done: int, left: int) -> None:
    """Raise UsageError where ``left`` fits of a model would be trained on another device than those ``done``."""
    began = device_of(model)
    if done and left and began not in (None, device):
        raise UsageError(
            f"{stored}: {done} of {done + left} fits were trained on {began}, and fits of two devices are not mixed: "
            f"finish them with --device {began}, or compute all of them on {device} with --redo {stored.stem}"
        )


def _small(model: Any) -> Any:
    """The model with everything in ``SMALL`` that it has; some name their options only when asked for one."""
    from sklearn.base import clone

    known = model.get_params(deep=False)
    if _is_hilbert(known):
        sections = identity(model)["parameters"]["config"]
        less = {
            f"{section}.{option}": value
            for section, found in sections.items()
            for option, value in SMALL.items()
            if isinstance(found, dict) and _larger(found.get(option), value)
        }
        config = known["config"]
        whole = config.replace(less) if isinstance(config, HilbertConfig) else {**(config or {}), **less}
        return model.set_params(config=whole)
    for option, value in SMALL.items():
        attempt = clone(model)
        try:
            attempt.set_params(**{option: value})
        except (UsageError, ValueError, TypeError):
            continue
        if option not in known or _larger(known[option], value):
            model = attempt
    return model


def identity(model: Any) -> dict[str, Any]:
    """What its fits depend on: class, parameters and defaults, the whole configuration of a preset, its ``version``.

    Callbacks are left out, and so is ``decide`` at its default, which many models do not have.
    """
    known = model.get_params(deep=False)
    parameters = {name: value for name, value in known.items() if name not in CALLBACKS}
    if parameters.get("decide") == "balanced":
        del parameters["decide"]
    found = {
        "class": type(model).__name__,
        "parameters": plain(parameters),
        "version": plain(getattr(model, "version", None)),
    }
    for what in ("common", "defaults"):
        if getattr(model, what, None):
            found[what] = plain(getattr(model, what))
    if _is_hilbert(known):
        config = known["config"]
        resolved = config if isinstance(config, HilbertConfig) else HilbertConfig.load(known["preset"], config)
        found["parameters"]["config"] = resolved.model_dump(mode="json")
    return found


def fit_key(model: Any, data: str, folds: int, seed: int) -> str:
    """Hash of all that a stored fold depends on. Repeat r has the folds of seed + r, so more repeats extend a run."""
    return digest([identity(model), data, folds, seed])


def digest(value: Any) -> str:
    """A short hash of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def trainings(model: Any) -> int:
    """How many networks one fit trains at most: its own ``trainings``; inner folds and one on everything; else 1."""
    said = getattr(model, "trainings", None)
    if isinstance(said, int):
        return said
    known = model.get_params(deep=False)
    if _is_hilbert(known):
        config = identity(model)["parameters"]["config"]
        return int(config["stack"]["folds"]) + 1 if TRAINED & set(config["stack"]["members"]) else 1
    return int(known["folds"]) + 1 if hasattr(model, "method") and "folds" in known else 1


def _is_hilbert(known: Mapping[str, Any]) -> bool:
    return "preset" in known and "config" in known


def _larger(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > limit
