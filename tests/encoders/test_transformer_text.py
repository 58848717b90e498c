from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hilbert.encoders import EncoderSpec, load_text
from hilbert.errors import ConfigError, EncoderError

TEXTS = ["the man plays guitar", "a woman plays", "the market fell today .", "good", "it was bad !", "the"]
CLS, SEP = 2, 3


def load(folder: Path, **options: Any) -> Any:
    return load_text(EncoderSpec(name=str(folder), **options), offline=True)


def states(model: Any, ids: list[int], layer: int = -1) -> np.ndarray:
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    result: np.ndarray = output.hidden_states[layer][0].numpy()
    return result


def write_json(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def sentence_settings(folder: Path, mode: str = "mean_tokens", limit: int = 16) -> None:
    write_json(
        folder,
        "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    modes = ("cls_token", "mean_tokens", "max_tokens")
    write_json(folder, "1_Pooling/config.json", {f"pooling_mode_{name}": name == mode for name in modes})
    write_json(folder, "sentence_bert_config.json", {"max_seq_length": limit})


def test_a_text_is_the_mean_of_its_tokens(bert_folder: Path, bert_model: Any, vocabulary: dict[str, int]) -> None:
    encoder = load(bert_folder)
    values, split = encoder.encode(TEXTS)
    assert values.shape == (len(TEXTS), encoder.width) == (6, 16)
    assert values.dtype == np.float32
    assert split == 0
    for value, text in zip(values, TEXTS, strict=True):
        expected = states(bert_model, [CLS, *(vocabulary[word] for word in text.split()), SEP]).mean(axis=0)
        np.testing.assert_allclose(value, expected, atol=1e-5)


def test_a_text_does_not_depend_on_its_company(bert_folder: Path) -> None:
    encoder = load(bert_folder)
    together = encoder.encode(TEXTS * 20).values
    for row, text in enumerate(TEXTS):
        alone = encoder.encode([text]).values[0]
        np.testing.assert_allclose(together[row], alone, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(together[row], together[row + len(TEXTS)])
    back = encoder.encode(TEXTS[::-1]).values[::-1]
    np.testing.assert_allclose(back, together[: len(TEXTS)], rtol=1e-5, atol=1e-6)


def test_the_same_texts_give_the_same_bytes(bert_folder: Path) -> None:
    assert load(bert_folder).encode(TEXTS).values.tobytes() == load(bert_folder).encode(TEXTS).values.tobytes()


def test_long_texts_are_split_counted_and_averaged_by_tokens(
    bert_folder: Path, bert_model: Any, vocabulary: dict[str, int]
) -> None:
    encoder = load(bert_folder)
    words = ["man", "guitar", "market", "fell", "good"] * 9
    ids = [vocabulary[word] for word in words]  # 45 tokens; 30 and two special ones fit
    values, split = encoder.encode([" ".join(words), "good", " ".join(words)])
    assert split == 2
    pieces = [states(bert_model, [CLS, *part, SEP]) for part in (ids[:22], ids[22:])]
    np.testing.assert_allclose(values[0], np.concatenate(pieces).mean(axis=0), atol=1e-5)
    np.testing.assert_array_equal(values[0], values[2])
    assert encoder.encode([" ".join(words[:30])]).split == 0
    assert encoder.encode([" ".join(words[:31])]).split == 1


def test_every_token_of_a_long_text_counts(bert_folder: Path) -> None:
    encoder = load(bert_folder)
    words = ["man"] * 200
    plain = encoder.encode([" ".join(words)]).values
    for place in (0, 70, 150, 199):
        changed = " ".join([*words[:place], "guitar", *words[place + 1 :]])
        assert np.abs(encoder.encode([changed]).values - plain).max() > 1e-5


def test_an_empty_text_is_its_special_tokens(bert_folder: Path, bert_model: Any) -> None:
    values, split = load(bert_folder).encode(["", "   "])
    assert split == 0
    np.testing.assert_allclose(values[0], states(bert_model, [CLS, SEP]).mean(axis=0), atol=1e-5)
    np.testing.assert_array_equal(values[0], values[1])
    assert load(bert_folder).encode([]).values.shape == (0, 16)


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -2])
def test_layers(bert_folder: Path, bert_model: Any, vocabulary: dict[str, int], layer: int) -> None:
    expected = states(bert_model, [CLS, vocabulary["good"], SEP], layer).mean(axis=0)
    np.testing.assert_allclose(load(bert_folder, layer=layer).encode(["good"]).values[0], expected, atol=1e-5)


def test_sentence_transformers_settings_are_followed(
    bert_folder: Path, bert_model: Any, vocabulary: dict[str, int]
) -> None:
    plain = load(bert_folder)
    sentence_settings(bert_folder)
    encoder = load(bert_folder)
    assert encoder.identity != plain.identity
    values = encoder.encode(TEXTS).values
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, rtol=1e-6)
    raw = plain.encode(TEXTS).values
    np.testing.assert_allclose(values, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert encoder.encode([" ".join(["good"] * 15)]).split == 1  # 16 with two special tokens

    sentence_settings(bert_folder, "cls_token")
    first = states(bert_model, [CLS, vocabulary["good"], SEP])[0]
    value = load(bert_folder).encode(["good"]).values[0]
    np.testing.assert_allclose(value, first / np.linalg.norm(first), atol=1e-5)


def test_steps_that_would_be_left_out_are_refused(bert_folder: Path) -> None:
    sentence_settings(bert_folder, "max_tokens")
    with pytest.raises(EncoderError, match="pooling_mode_max_tokens"):
        load(bert_folder)
    sentence_settings(bert_folder)
    modules = json.loads((bert_folder / "modules.json").read_text())
    modules.append({"path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    write_json(bert_folder, "modules.json", modules)
    with pytest.raises(EncoderError, match="'Dense'"):
        load(bert_folder)
    write_json(bert_folder, "modules.json", {"not": "a list of steps"})
    with pytest.raises(EncoderError, match=r"modules\.json is not as expected"):
        load(bert_folder)


def test_choices_of_speech_encoders_are_refused(bert_folder: Path) -> None:
    for change in ({"pooling": "mean+std"}, {"context": "segment"}):
        with pytest.raises(ConfigError, match="choices of speech encoders"):
            load(bert_folder, **change)


def test_t5_has_no_special_first_token(t5_folder: Path, vocabulary: dict[str, int]) -> None:
    from transformers import T5EncoderModel

    encoder = load(t5_folder)
    model = T5EncoderModel.from_pretrained(t5_folder).eval()
    values = encoder.encode(["good man", "", "good"]).values
    ids = [vocabulary["good"], vocabulary["man"]]
    np.testing.assert_allclose(values[0], states(model, ids).mean(axis=0), atol=1e-5)
    np.testing.assert_array_equal(values[1], 0)  # this tokenizer adds nothing, so there is nothing to encode
    assert encoder.encode(["good " * 600]).split == 1


def test_roberta_and_mpnet_count_positions_from_the_padding(
    text_folder: Callable[..., Path], vocabulary: dict[str, int]
) -> None:
    import transformers

    for name in ("Roberta", "MPNet"):
        torch.manual_seed(4)
        config = getattr(transformers, f"{name}Config")(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=34,
            pad_token_id=1,
        )
        encoder = load(text_folder(getattr(transformers, f"{name}Model")(config)))
        assert encoder.encode(["good " * 30]).split == 0  # 30 + 2 special = 34 - 2
        assert encoder.encode(["good " * 31]).split == 1
        assert np.isfinite(encoder.encode(["good " * 100]).values).all()
