"""The arms that several experiments share: presets as shipped, with all terms, raised weights, without each term."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from hilbert.config import HilbertConfig
from hilbert.studies.claims import Part, above, combined
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm

TERMS = {"CKA": "cka.weight", "balance": "balance.weight", "dual": "contrast.weight"}
NETWORK: Mapping[str, Mapping[str, Any]] = {
    "paper": {"stack.members": ["experts"]}, "robust": {"stack.members": ["network"]},
}  # fmt: skip
"""The network alone: beside other members, whose share may be all, a term could do whatever it likes unseen."""
STUDIED: Mapping[str, Mapping[str, float]] = {"paper": {}, "robust": {"cka.weight": 0.5, "balance.weight": 1.0}}
"""Weights of terms that a preset leaves out: where they are studied, and what `robust` had until it left them out."""
MEASURED = {"CKA": "term_cka", "balance": "gap", "dual": "term_contrast"}  # what each term optimises
GAP = 0.05  # nats (`robust`: a dimension) between both modalities' information that a balance can be asked to close
PRESETS = ("paper", "robust")
CONCAT, GMC = Arm("concat-lr", "concat-lr"), Arm("gmc", "gmc")
SHIPPED = Arm("hilbert", "hilbert")
"""What a user gets: the preset `robust` with all its members."""


def raised_weights(preset: str) -> dict[str, float]:
    """Option → the least weight at which what the term optimises has moved by half; see `experiments/weights.py`."""
    return _published("weights", preset)


def floors(preset: str) -> dict[str, float]:
    """Term → the lowest value of what it optimises that any weight reached; halves are counted from there."""
    return _published("floors", preset)


def _published(what: str, preset: str) -> dict[str, float]:
    text = resources.files("hilbert.studies").joinpath("weights.yaml").read_text(encoding="utf-8")
    found: dict[str, float] = yaml.safe_load(text)[what][preset]
    return found


def network(preset: str, name: str, options: Mapping[str, Any] | None = None) -> Arm:
    """The network of a preset alone, with options of its configuration."""
    model = "hilbert" if preset == "robust" else "hilbert-paper"
    return Arm(f"{preset} {name}".strip(), model, {**NETWORK[preset], **acting(preset, options or {})})


def acting(preset: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without weights of 0 for terms that the preset has not: they would be another name for the same."""
    absent = STUDIED[preset]
    return {name: value for name, value in options.items() if name not in absent or value}


def studied_weight(preset: str, option: str) -> float:
    """The weight of a term where all terms are on."""
    if option in STUDIED[preset]:
        return STUDIED[preset][option]
    section, name = option.split(".")
    return float(getattr(getattr(_preset(preset), section), name))


@cache
def _preset(name: str) -> HilbertConfig:
    return HilbertConfig.load(name)


def all_terms(preset: str) -> Arm:
    """The preset with all terms, also those that it leaves out."""
    return network(preset, "all terms", STUDIED[preset])


def raised(preset: str) -> Arm:
    """All terms at raised weights: what an ablation starts from."""
    return network(preset, "raised", raised_weights(preset))


def beyond(preset: str, term: str) -> Arm:
    """Raised weights, and one term three times that: the least that moves it by half does so in half of all corpora."""
    weights = raised_weights(preset)
    return network(preset, f"{term} beyond", weights | {TERMS[term]: 3 * weights[TERMS[term]]})


def without(preset: str, *terms: str) -> Arm:
    """Raised weights, and the named terms at 0."""
    weights = raised_weights(preset) | {TERMS[term]: 0.0 for term in terms}
    return network(preset, f"− {', '.join(terms)}", weights)


def all_but(preset: str, *terms: str) -> Arm:
    """The preset with all terms but those named."""
    return network(preset, f"all terms − {', '.join(terms)}", {**STUDIED[preset], **{TERMS[t]: 0.0 for t in terms}})


def shipped_without(preset: str, term: str) -> Arm:
    """The preset's own weights, and one term at 0."""
    return network(preset, f"shipped − {term}", {TERMS[term]: 0.0})


def direct(preset: str, weights: Mapping[str, float] | None = None) -> Arm:
    """audio ↔ text contrast instead of the dual one to the joint embedding, which is left a hundredth.

    From raised weights, or from others, such as none: those of the preset.
    """
    start = raised_weights(preset) if weights is None else weights
    name = "a ↔ t" if weights is None else "shipped a ↔ t"
    own = start.get("contrast.weight", _preset(preset).contrast.weight)
    return network(preset, name, {**start, "contrast.weight": own / 100, "contrast.audio_text": 100.0})


def acts(found: Found, off: str, *cases: str) -> list[Part]:
    """The premise of a claim about balance: without it there is a gap of information that it could close."""
    return [above("gap of information without the term, nats", found.values("gap", off, *cases), GAP)]


def moved(found: Found, preset: str, term: str, on: str, off: str, *cases: str) -> list[Part]:
    """The premise of an ablation: the term has something to act on, and moves what it optimises by half.

    Counted from the ``floors``; an ablation at a weight that moves nothing says nothing.
    """
    quantity = MEASURED[term]
    least = floors(preset)[term]
    half = {seed: 0.5 * (value + least) for seed, value in found.values(quantity, off, *cases).items()}
    parts = acts(found, off, *cases) if term == "balance" else []
    return [*parts, above("½ excess without − excess with", combined(half, found.values(quantity, on, *cases)))]
