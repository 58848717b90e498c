"""How the features in the package were made, from the public recordings.

    hilbert extract $HILBERT_DATA/speechocean762/manifest.csv --speech whisper-base --text minilm-l6 --out features/
    python -m hilbert.datasets.packing features/ src/hilbert/datasets/

speechocean762: Zhang et al. 2021, arXiv 2104.01378; free for commercial and non-commercial use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from hilbert.datasets.packed import NAME
from hilbert.features.store import FeatureStore
from hilbert.files import write_json

COLUMNS = ("age", "gender", "age_gender", "group")


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
