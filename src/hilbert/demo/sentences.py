"""The sentences of the demo corpus, by topic and colour, read from ``sentences.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

COLOURS = ("plain", "troubled", "settled")


@cache
def sentences() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """All sentences as ``{topic: {colour: sentences}}`` with the colours plain, troubled and settled."""
    text = files("hilbert.demo").joinpath("sentences.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    return {topic: {colour: tuple(pools[colour]) for colour in COLOURS} for topic, pools in sorted(content.items())}
