"""WordLlama: a table of static word-piece vectors; a text is the mean of its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hilbert.encoders.packs import weights_digest
from hilbert.encoders.protocol import JSON, TextEncoding
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ConfigError, EncoderError, MissingDependencyError

_CODE = "wordllama/1"


class WordLlama:
    """Mean of token vectors (dleemiller/WordLlama, l2_supercat), as its authors pool; not normalised.

    There is no length limit, so nothing is split; a text without tokens is zeros.
    """

    def __init__(self, spec: EncoderSpec, folder: Path) -> None:
        if spec.layer not in (-1, 0):
            raise ConfigError(f"encoder {spec.name!r} has one layer, 0 or -1, not {spec.layer}")
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingDependencyError(
                "encoder 'wordllama' needs the tokenizers package: pip install 'hilbert-speech[wordllama]'"
            ) from error
        from safetensors.numpy import load_file

        self._table = load_file(folder / "model.safetensors")["embedding.weight"].astype(np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if self._tokenizer.get_vocab_size() > len(self._table):
            raise EncoderError(
                f"{folder}: the tokenizer knows {self._tokenizer.get_vocab_size()} tokens, the table has "
                f"{len(self._table)} rows; run: hilbert encoders install {spec.name}"
            )
        self.width = int(self._table.shape[1])
        self.identity: dict[str, JSON] = {
            "encoder": spec.name,
            "weights": weights_digest(folder),
            "pooling": "mean",
            "code": _CODE,
        }

    def encode(self, texts: Sequence[str]) -> TextEncoding:
        """(texts, width) float32."""
        values = np.zeros((len(texts), self.width), dtype=np.float32)
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        for row, found in enumerate(encoded):
            if found.ids:
                values[row] = self._table[found.ids].mean(axis=0, dtype=np.float64)
        return TextEncoding(values, 0)
