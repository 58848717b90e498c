"""Presets, and files and overrides that go over them: one YAML file a preset, read as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hilbert.errors import ConfigError

PRESETS = ("robust", "paper")


def read_preset(name: str) -> dict[str, Any]:
    """Section → name → value of a preset. Raises ConfigError for one that is not there."""
    if name not in PRESETS:
        raise ConfigError(f"preset: expected one of {', '.join(PRESETS)}, found {name!r}")
    text = resources.files("hilbert").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML file of sections. Raises ConfigError where it is none."""
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: expected YAML: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: expected a mapping of sections, found {type(data).__name__}")
    return data


def merge(base: dict[str, Any], update: Mapping[str, Any]) -> None:
    """Put ``update`` over ``base``, in place, section by section; whether a name is known is told later."""
    for name, value in update.items():
        inside = base.get(name)
        if isinstance(value, Mapping):
            base[name] = dict(inside) if isinstance(inside, Mapping) else {}
            merge(base[name], value)
        else:
            base[name] = value
