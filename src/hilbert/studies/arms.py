"""The arms that several experiments share: both presets as shipped, with raised weights, and without each term."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml

from hilbert.studies.trial import Arm

TERMS = {"CKA": "cka.weight", "balance": "balance.weight", "dual": "contrast.weight"}
NETWORK = {"core.enabled": False, "segments.enabled": False, "selection.trained": 1}
"""The network alone: beside others, whose share may be all, a term could do whatever it likes unseen."""
PRESETS = ("paper", "robust")
CONCAT, GMC = Arm("concat-lr", "concat-lr"), Arm("gmc", "gmc")
SHIPPED = Arm("hilbert", "hilbert")
"""What a user gets: the preset `robust` with its linear core and its second network."""


def raised_weights(preset: str) -> dict[str, float]:
    """Option → the least weight at which what the term optimises has moved by half; see `experiments/weights.py`."""
    text = resources.files("hilbert.studies").joinpath("weights.yaml").read_text(encoding="utf-8")
    found: dict[str, float] = yaml.safe_load(text)[preset]
    return found


def network(preset: str, name: str, options: Mapping[str, Any] | None = None) -> Arm:
    """The network of a preset without the linear core, with options of its configuration."""
    model = "hilbert" if preset == "robust" else "hilbert-paper"
    return Arm(f"{preset} {name}".strip(), model, {**NETWORK, **(options or {})})


def raised(preset: str) -> Arm:
    """All terms at raised weights: what an ablation starts from."""
    return network(preset, "raised", raised_weights(preset))


def without(preset: str, *terms: str) -> Arm:
    """Raised weights, and the named terms at 0."""
    weights = raised_weights(preset) | {TERMS[term]: 0.0 for term in terms}
    return network(preset, f"− {', '.join(terms)}", weights)


def shipped_without(preset: str, *terms: str) -> Arm:
    """The preset's own weights, and the named terms at 0."""
    return network(preset, f"shipped − {', '.join(terms)}", {TERMS[term]: 0.0 for term in terms})


def direct(preset: str) -> Arm:
    """audio ↔ text contrast instead of the dual one to the joint embedding, which is left a hundredth."""
    weights = raised_weights(preset)
    less = {"contrast.weight": weights["contrast.weight"] / 100, "contrast.audio_text": 100.0}
    return network(preset, "a ↔ t", weights | less)
