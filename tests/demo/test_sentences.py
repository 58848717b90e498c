from __future__ import annotations

from hilbert.corpus import split_sentences
from hilbert.demo.sentences import COLOURS, sentences


def test_every_topic_has_enough_sentences_of_every_colour() -> None:
    for pools in sentences().values():
        assert tuple(pools) == COLOURS
        assert min(len(pools[colour]) for colour in COLOURS) >= 10


def test_no_sentence_comes_twice() -> None:
    texts = [text for pools in sentences().values() for pool in pools.values() for text in pool]
    assert len(texts) >= 160
    assert len(set(texts)) == len(texts)


def test_every_sentence_is_one_sentence() -> None:
    for pools in sentences().values():
        for pool in pools.values():
            for text in pool:
                assert split_sentences(text) == [text]
                assert text.endswith(".")
