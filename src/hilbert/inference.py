"""From anything a user has (feature store, manifest, recording) to the bags that a saved model wants."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hilbert.corpus.document import Document
from hilbert.corpus.manifest import Corpus
from hilbert.corpus.tables import READERS
from hilbert.errors import InputError, ModelError, Problem
from hilbert.estimators import HilbertClassifier, HilbertEmbedder
from hilbert.features.bags import Bags
from hilbert.features.extraction import Progress, extract
from hilbert.features.store import FeatureStore
from hilbert.segments.segmentation import Segmentation


class Prepared(NamedTuple):
    """Features of the documents that could be encoded, and the others."""

    bags: Bags
    problems: list[Problem]


def load_model(folder: str | Path) -> Any:
    """A saved classifier or embedder. Raises ModelError when the folder holds neither."""
    header = Path(folder) / "model.json"
    try:
        data = json.loads(header.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None  # the classifier's own message says what is wrong
    embedder = isinstance(data, dict) and data.get("estimator") == "embedder"
    return HilbertEmbedder.load(folder) if embedder else HilbertClassifier.load(folder)


def prepare(
    features: Mapping[str, Any],
    source: str | Path,
    transcript: str | Path | None = None,
    *,
    offline: bool = False,
    allow_outside: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Bags of a feature store, a manifest or one recording, encoded as the model's training features were.

    ``features`` is a fitted model's ``features_``. A recording may come without a transcript: the model takes
    the missing modality as missing. Raises ModelError when the model does not know how to encode.
    """
    source = Path(source)
    if source.is_dir():
        store = FeatureStore(source)
        return Prepared(store.load(), store.problems)
    if not source.is_file():
        raise InputError(f"{source}: expected a feature store, a manifest or a recording, found nothing there")
    if source.suffix.lower() in READERS:
        corpus = Corpus.from_manifest(source, allow_outside=allow_outside)
    else:
        document = Document(source.stem, source.resolve(), None if transcript is None else Path(transcript).resolve())
        corpus = Corpus(source, (document,))
    made = features["source"]
    if "table" in made or not {"audio", "text"} & made.keys():
        raise ModelError(
            f"{source}: the model was trained on features that were made elsewhere, so recordings cannot be encoded "
            "for it; give a feature store made the same way"
        )
    with tempfile.TemporaryDirectory(prefix="hilbert-") as folder:
        store = extract(
            corpus,
            folder,
            speech=made["audio"]["encoder"] if "audio" in made else None,
            text=made["text"]["encoder"] if "text" in made else None,
            segmentation=Segmentation.model_validate(made["segmentation"]),
            offline=offline,
            progress=progress,
        )
        if not store.index.documents:
            listed = "; ".join(map(str, store.problems[:5]))
            raise InputError(f"{source}: no document could be encoded: {listed}")
        return Prepared(store.load(), store.problems)
