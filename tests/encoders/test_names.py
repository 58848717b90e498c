"""Names that are nearly those of known encoders are told apart from ids of a hub."""

import pytest

from hilbert.encoders.load import _refuse_misspelt
from hilbert.encoders.packs import PACKS
from hilbert.errors import EncoderError


@pytest.mark.parametrize("name", ["prosodie", "whisper-tiny.em", "mini-lm-l6", "wordlama"])
def test_a_misspelt_name_is_refused_before_a_hub_is_asked(name):
    with pytest.raises(EncoderError, match="did you mean"):
        _refuse_misspelt(name)


@pytest.mark.parametrize("name", [*(pack.hub for pack in PACKS.values()), "t5-small", "bert-base-uncased", "gpt2"])
def test_ids_of_a_hub_are_not(name):
    _refuse_misspelt(name)


def test_nor_is_a_folder(tmp_path, monkeypatch):
    (tmp_path / "prosodie").mkdir()
    monkeypatch.chdir(tmp_path)
    _refuse_misspelt("prosodie")
