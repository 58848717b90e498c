"""Everything HILBERT is compared with, by the names used in tables and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hilbert.baselines.length import Length
from hilbert.baselines.linear import AudioLR, ConcatLR, TextLR
from hilbert.baselines.prior import Prior
from hilbert.errors import UsageError
from hilbert.estimators import HilbertClassifier

MODELS: Mapping[str, Callable[..., Any]] = {
    "prior": Prior,
    "length": Length,
    "audio-lr": AudioLR,
    "text-lr": TextLR,
    "concat-lr": ConcatLR,
    "hilbert": HilbertClassifier,
    "hilbert-paper": lambda **options: HilbertClassifier(preset="paper", **options),
}


def make_model(name: str, **options: Any) -> Any:
    """An unfitted model by its name. Raises UsageError naming the models there are."""
    if name not in MODELS:
        raise UsageError(f"model: expected one of {', '.join(MODELS)}, found {name!r}")
    return MODELS[name](**options)


__all__ = ["MODELS", "AudioLR", "ConcatLR", "Length", "Prior", "TextLR", "make_model"]
