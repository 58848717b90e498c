"""Content keys: what the features of one document and modality depend on, as one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilbert.corpus.document import Cue

EXTRACTOR = 1  # raise when the same input would give other numbers
BLOCK = 1 << 20


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def audio_key(content: str, spans: NDArray[np.float64], identity: Mapping[str, Any]) -> str:
    """Key of encoded audio: hash of the recording, the spans in seconds, the encoder."""
    return _key("audio", content, identity, np.ascontiguousarray(spans, dtype="<f8").tobytes())


def text_key(segments: Sequence[Cue], times: NDArray[np.float64], identity: Mapping[str, Any]) -> str:
    """Key of encoded text: the segments, their times relative to the recording, the encoder."""
    listed = json.dumps([[cue.text for cue in segments], times.tolist()])
    return _key("text", "", identity, listed.encode())


def table_key(values: NDArray[Any], columns: Sequence[str]) -> str:
    """Key of imported features: the values and the names of their columns."""
    return _key("table", "", {"columns": list(columns)}, np.ascontiguousarray(values, dtype="<f4").tobytes())


def _key(kind: str, content: str, identity: Mapping[str, Any], data: bytes) -> str:
    head = json.dumps([EXTRACTOR, kind, content, dict(identity), len(data)], sort_keys=True)
    return hashlib.sha256(head.encode() + b"\n" + data).hexdigest()
