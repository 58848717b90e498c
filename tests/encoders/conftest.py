"""Tiny models with random weights, written to folders as their real counterparts lie on the hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

WORDS = ["the", "a", "man", "woman", "plays", "guitar", "market", "fell", "today", "it", "was", "good", "bad"]
WORDS += [".", ",", "!", "?"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save(model: Any, folder: Path) -> Path:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(model.config.to_json_string(use_diff=False))
    return folder


def write_json(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def word_tokenizer(folder: Path, limit: int, specials: bool = True) -> None:
    """A WordPiece tokenizer that, like MiniLM's own, comes with truncation and fixed padding switched on."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {token: index for index, token in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if specials:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8, pad_id=0, pad_token="[PAD]")
    tokenizer.save(str(folder / "tokenizer.json"))
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    settings = {f"{key}_token": value for key, value in names.items()}
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": limit}
    write_json(folder, "tokenizer_config.json", settings)


@pytest.fixture(scope="session")
def vocabulary() -> dict[str, int]:
    return {token: index for index, token in enumerate(SPECIAL + WORDS)}


@pytest.fixture(scope="session")
def whisper_model() -> Any:
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=20,
        d_model=16,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_source_positions=100,
        num_mel_bins=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    model = WhisperModel(config).eval()
    with torch.no_grad():
        for parameter in model.encoder.parameters():  # the default start is near zero and hides mistakes
            parameter.normal_(0, 0.2)
    return model


@pytest.fixture(scope="session")
def whisper_folder(whisper_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save(whisper_model, tmp_path_factory.mktemp("whisper"))
    settings = {"feature_size": 8, "sampling_rate": 16000, "hop_length": 160, "n_fft": 400, "chunk_length": 2}
    write_json(folder, "preprocessor_config.json", {"feature_extractor_type": "WhisperFeatureExtractor", **settings})
    return folder


@pytest.fixture(scope="session")
def bert_model() -> Any:
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    return BertModel(config).eval()


@pytest.fixture
def bert_folder(bert_model: Any, tmp_path: Path) -> Path:
    folder = save(bert_model, tmp_path / "bert")
    word_tokenizer(folder, 32)
    return folder


@pytest.fixture
def text_folder(tmp_path: Path) -> Callable[..., Path]:
    def make(model: Any, limit: int = 512) -> Path:
        folder = save(model, tmp_path / type(model).__name__)
        word_tokenizer(folder, limit)
        return folder

    return make


@pytest.fixture
def t5_folder(tmp_path: Path) -> Path:
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(3)
    config = T5Config(
        vocab_size=len(SPECIAL + WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, dropout_rate=0.0
    )
    folder = save(T5EncoderModel(config), tmp_path / "t5")
    word_tokenizer(folder, 512, specials=False)
    return folder


@pytest.fixture(scope="session")
def wave_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(kind: str, normalise: bool = True, **changes: Any) -> Path:
        import transformers

        torch.manual_seed(2)
        names = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
        settings: dict[str, Any] = {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "conv_dim": [8] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "vocab_size": 10,
            "initializer_range": 0.3,
        }
        config = getattr(transformers, f"{names[kind]}Config")(**(settings | changes))
        model = getattr(transformers, f"{names[kind]}Model")(config).eval()
        folder = save(model, tmp_path_factory.mktemp(kind))
        write_json(
            folder,
            "preprocessor_config.json",
            {
                "feature_extractor_type": "Wav2Vec2FeatureExtractor",
                "sampling_rate": 16000,
                "do_normalize": normalise,
            },
        )
        return folder

    return make
