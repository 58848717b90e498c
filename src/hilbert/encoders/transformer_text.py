"""Text encoders from transformers: the mean over a text's real tokens, in pieces where it is too long."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from hilbert.encoders.hub import Source, hidden_layer, load_model, loading, pick_layer
from hilbert.encoders.protocol import JSON, Float32, TextEncoding
from hilbert.encoders.sentence_config import SentenceConfig, read_sentence_config
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import EncoderError

_CODE = "transformer-text/1"
_BATCH_TOKENS = 4096
_BATCH_TEXTS = 64
_T5_LIMIT = 512  # positions are relative and unbounded; 512 tokens is what T5 was trained on
_LONGEST = 100_000  # tokenizers without a limit say 1e30


class TransformerText:
    """Frozen BERT, RoBERTa, MPNet, T5 encoder and the like; one vector a text.

    Mean over all tokens of a text, special tokens included, as sentence-transformers does; where the
    model's folder holds sentence-transformers settings, its pooling (mean or cls), length limit and L2
    normalisation are followed, and `identity` says so. A longer text is split into equal pieces, whose
    means are weighted by their tokens. Only texts of equal length share a batch, so nothing is padded. An
    empty text is its special tokens, or zeros where the model has none.
    """

    def __init__(self, model: Any, tokenizer: Any, spec: EncoderSpec, source: Source, sentence: SentenceConfig) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._device = spec.device
        self._sentence = sentence
        self._blocks = int(model.config.num_hidden_layers)
        self._layer = hidden_layer(spec, self._blocks)
        self._prefix, self._suffix = _special_tokens(tokenizer, spec.name)
        self._limit = _token_limit(model, tokenizer, sentence) - len(self._prefix) - len(self._suffix)
        if self._limit < 1:
            raise EncoderError(f"encoder {spec.name!r}: its length limit leaves no room for text")
        self.width = int(model.config.hidden_size)
        self.identity: dict[str, JSON] = {
            **source.identity,
            "layer": self._layer,
            "pooling": sentence.pooling,
            "normalise": sentence.normalise,
            "limit": self._limit,
            "code": _CODE,
        }

    @classmethod
    def load(cls, spec: EncoderSpec, source: Source, config: Any) -> TransformerText:
        """Load model, tokenizer and sentence-transformers settings; raises EncoderError."""
        with loading(source):
            import transformers

            tokenizer = transformers.AutoTokenizer.from_pretrained(source.location, **source.options)
        sentence = read_sentence_config(source)
        t5 = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
        factory = getattr(transformers, t5.get(config.model_type, "AutoModel"))
        if config.is_encoder_decoder and config.model_type not in t5:
            raise EncoderError(
                f"encoder {spec.name!r} is of type {config.model_type!r}, which has a decoder; of those only "
                f"{', '.join(t5)} are known for text and whisper for speech"
            )
        return cls(load_model(factory, source, spec.device), tokenizer, spec, source, sentence)

    def encode(self, texts: Sequence[str]) -> TextEncoding:
        """(texts, width) float32, and how many texts were encoded in pieces."""
        unique = list(dict.fromkeys(texts))
        if not unique:
            return TextEncoding(np.zeros((0, self.width), dtype=np.float32), 0)
        tokens = self._tokenizer(
            unique,
            add_special_tokens=False,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            verbose=False,
        )["input_ids"]
        owners: list[int] = []
        pieces: list[list[int]] = []
        for owner, ids in enumerate(tokens):
            count = max(1, math.ceil(len(ids) / self._limit))
            edges = [len(ids) * part // count for part in range(count + 1)]
            pieces += [self._prefix + ids[a:b] + self._suffix for a, b in pairwise(edges)]
            owners += [owner] * count
        weights = np.array([len(piece) for piece in pieces], dtype=np.float64)
        sums = np.zeros((len(unique), self.width))
        np.add.at(sums, owners, self._encode_pieces(pieces) * weights[:, None])
        values = sums / np.maximum(np.bincount(owners, weights, len(unique)), 1.0)[:, None]
        if self._sentence.normalise:
            values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        place = {text: row for row, text in enumerate(unique)}
        rows = [place[text] for text in texts]
        split = np.bincount(owners, minlength=len(unique)) > 1
        return TextEncoding(values[rows].astype(np.float32), int(split[rows].sum()))

    def _encode_pieces(self, pieces: list[list[int]]) -> Float32:
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, piece in enumerate(pieces):
            by_length[len(piece)].append(index)
        values = np.zeros((len(pieces), self.width), dtype=np.float32)
        for length, members in sorted(by_length.items()):
            if not length:
                continue
            size = max(1, min(_BATCH_TEXTS, _BATCH_TOKENS // length))
            for start in range(0, len(members), size):
                batch = members[start : start + size]
                values[batch] = self._forward([pieces[index] for index in batch])
        return values

    def _forward(self, batch: list[list[int]]) -> Float32:
        ids = torch.tensor(batch, device=self._device)  # (texts, tokens), all of one length
        with torch.inference_mode():
            output = self._model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                output_hidden_states=self._layer != self._blocks,
            )
            states = pick_layer(output, self._layer, self._blocks).float()
            pooled = states[:, 0] if self._sentence.pooling == "cls" else states.mean(dim=1)
        return pooled.cpu().numpy()


def _special_tokens(tokenizer: Any, name: str) -> tuple[list[int], list[int]]:
    """Token ids that the tokenizer puts before and after a single text."""
    sample = "a b c"
    bare = tokenizer(sample, add_special_tokens=False, padding=False, truncation=False)["input_ids"]
    full = tokenizer(sample, padding=False, truncation=False)["input_ids"]
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return list(full[:start]), list(full[start + len(bare) :])
    raise EncoderError(f"encoder {name!r}: its tokenizer changes tokens when it adds special ones; not supported")


def _token_limit(model: Any, tokenizer: Any, sentence: SentenceConfig) -> int:
    """Tokens, special ones included, that the model takes at once."""
    limits = [_LONGEST, int(tokenizer.model_max_length)]
    positions = getattr(model.config, "max_position_embeddings", None)
    if model.config.model_type.endswith("t5"):
        limits.append(_T5_LIMIT)
    elif positions:
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)  # RoBERTa and MPNet count positions from padding_idx + 1
        limits.append(int(positions) - (0 if padding is None else int(padding) + 1))
    if sentence.limit is not None:
        limits.append(sentence.limit)
    return min(limits)
