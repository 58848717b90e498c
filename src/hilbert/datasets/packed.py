"""Bags of features of real speech, packed into the package.

The features of speechocean762 (Zhang et al. 2021, arXiv 2104.01378; free for commercial and non-commercial use)
were computed with this package:

    hilbert extract $HILBERT_DATA/speechocean762/manifest.csv --speech whisper-base --text minilm-l6 --out features/
    python -m hilbert.datasets.packed features/ src/hilbert/datasets/
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save_file

from hilbert.errors import ManifestError
from hilbert.features.bags import Bags, Packed
from hilbert.features.store import FeatureStore
from hilbert.files import write_json

NAME = "speechocean762"
COLUMNS = ("age", "gender", "age_gender", "group")


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


def pack(features: Path, out: Path) -> None:
    """Write a store's bags as half-precision numbers, with the manifest's columns."""
    store = FeatureStore(features)
    bags, corpus = store.load(), store.corpus()
    arrays: dict[str, NDArray[Any]] = {"duration": bags.duration}
    for name, packed in (("audio", bags.audio), ("text", bags.text)):
        arrays |= {
            f"{name}.values": packed.values.astype(np.float16),
            f"{name}.lengths": packed.lengths,
            f"{name}.times": packed.times.astype(np.float16),
        }
    save_file(arrays, out / f"{NAME}.safetensors")
    about = {
        "attribution": "speechocean762 (Zhang et al. 2021, arXiv 2104.01378), free for commercial and non-commercial "
        "use; features computed with HILBERT, stored as float16",
        "source": dict(bags.source),
        "ids": bags.ids.tolist(),
        "columns": {name: corpus.column(name).tolist() for name in COLUMNS},
    }
    write_json(out / f"{NAME}.json", about)


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
