"""Bags of features of real speech that come with the package; `packing` says how they were made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from hilbert.errors import ManifestError
from hilbert.features.bags import Bags, Packed

NAME = "speechocean762"


@dataclass(frozen=True)
class Dataset:
    """``bags`` with the columns of their manifest; ``attribution`` says whose data they are."""

    bags: Bags
    columns: dict[str, list[str]]
    attribution: str

    def column(self, name: str) -> NDArray[Any]:
        """(documents,) objects, as ``Corpus.column`` gives them. Raises ManifestError for another name."""
        if name not in self.columns:
            raise ManifestError(f"expected one of the columns {', '.join(self.columns)}, found {name!r}")
        return np.array(self.columns[name], dtype=object)


def load_speechocean762() -> Dataset:
    """125 Mandarin speakers reading 20 English sentences each: whisper-base and minilm-l6 features.

    Columns: age (years), gender (f, m), age_gender (child up to 9, youth 10 to 15, adult; by gender), group (the
    speaker). The text is a read prompt, and prompts were chosen by age: a label here is no clinical state.

    >>> data = load_speechocean762()
    >>> data.bags.shape, data.bags.audio.dim, data.bags.text.dim
    ((125,), 512, 384)
    """
    folder = resources.files("hilbert.datasets")
    about = json.loads(folder.joinpath(f"{NAME}.json").read_text(encoding="utf-8"))
    arrays = load(folder.joinpath(f"{NAME}.safetensors").read_bytes())
    audio, text = (
        Packed(
            arrays[f"{m}.values"].astype(np.float32), arrays[f"{m}.lengths"], arrays[f"{m}.times"].astype(np.float32)
        )
        for m in ("audio", "text")
    )
    bags = Bags(np.array(about["ids"]), audio, text, arrays["duration"], about["source"])
    return Dataset(bags, about["columns"], about["attribution"])
