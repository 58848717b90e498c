"""The settings that a sentence-transformers folder adds to a transformers model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hilbert.encoders.hub import Source, read_json
from hilbert.errors import EncoderError


@dataclass(frozen=True)
class SentenceConfig:
    """``pooling``: "mean" or "cls"; ``normalise``: to unit length at the end; ``limit``: tokens at once."""

    pooling: str = "mean"
    normalise: bool = False
    limit: int | None = None


def read_sentence_config(source: Source) -> SentenceConfig:
    """Read modules.json and what it names; plain mean pooling where there is none.

    Raises EncoderError for steps that would be left out silently, such as a dense layer after pooling.
    """
    modules = read_json(source, "modules.json")
    if modules is None:
        return SentenceConfig()
    pooling, normalise, limit = "mean", False, None
    try:
        for module in modules:
            kind = str(module["type"]).rpartition(".")[2]
            if kind == "Transformer":
                limit = (_read(source, module["path"], "sentence_bert_config.json") or {}).get("max_seq_length")
            elif kind == "Pooling":
                pooling = _pooling(_read(source, module["path"], "config.json"), source.name)
            elif kind == "Normalize":
                normalise = True
            else:
                raise EncoderError(
                    f"encoder {source.name!r}: its modules.json has a step {kind!r}, known are Transformer, "
                    "Pooling and Normalize; choose another model"
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"encoder {source.name!r}: its modules.json is not as expected: {error!r}") from error
    return SentenceConfig(pooling, normalise, limit)


def _pooling(config: dict[str, Any], name: str) -> str:
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if len(chosen) != 1 or chosen[0] not in known:
        raise EncoderError(f"encoder {name!r}: pools by {chosen or 'nothing known'}; only mean or cls is known")
    return known[chosen[0]]


def _read(source: Source, folder: str, file: str) -> dict[str, Any]:
    return read_json(source, f"{folder}/{file}".lstrip("/")) or {}
