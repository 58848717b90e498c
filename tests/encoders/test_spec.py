from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hilbert.encoders import EncoderSpec
from hilbert.errors import ConfigError


def test_a_bare_name_has_the_defaults() -> None:
    spec = EncoderSpec.parse("whisper-tiny.en")
    assert spec == EncoderSpec(name="whisper-tiny.en", layer=-1, pooling="mean", context="window", device="cpu")


def test_options_follow_a_colon() -> None:
    spec = EncoderSpec.parse("openai/whisper-base:layer=4, pooling=mean+std,context=segment,revision=abc")
    assert (spec.name, spec.layer, spec.pooling) == ("openai/whisper-base", 4, "mean+std")
    assert (spec.context, spec.revision) == ("segment", "abc")


def test_a_colon_may_belong_to_a_path() -> None:
    assert EncoderSpec.parse(r"C:\models\whisper").name == r"C:\models\whisper"
    assert EncoderSpec.parse(r"C:\models\whisper:layer=2").layer == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x:layer=first",
        "x:colour=red",
        "x:layer=1,layer=2",
        "x:pooling=max",
        "x:device=gpu",
        "x:name=y",
        "x:layer=1,2",
    ],
)
def test_what_cannot_be_read_says_what_is_known(text: str) -> None:
    with pytest.raises(ConfigError, match="encoder"):
        EncoderSpec.parse(text)


@given(
    st.sampled_from(["whisper-base", "a/b", "folder/x"]),
    st.integers(-5, 12),
    st.sampled_from(["mean", "mean+std"]),
    st.sampled_from(["window", "segment"]),
)
def test_text_form_reads_back(name: str, layer: int, pooling: str, context: str) -> None:
    spec = EncoderSpec.model_validate({"name": name, "layer": layer, "pooling": pooling, "context": context})
    assert EncoderSpec.parse(str(spec)) == spec


def test_a_spec_is_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        EncoderSpec.model_validate({"name": "x", "colour": 1})
    with pytest.raises(ValidationError):
        EncoderSpec(name="x").layer = 3  # type: ignore[misc]
