from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilbert.corpus import split_sentences

WORDS = st.sampled_from(
    [
        "We",
        "the",
        "Dr.",
        "3.5",
        "U.S.",
        "no",
        "J.",
        "好。",
        "是",
        '"Go!"',
        "yes?",
        "…",
        "ok.)",
        "1.",
        "Mr",
        "i.e.",
    ]
)


def letters(texts: list[str] | str) -> str:
    return "".join("".join(texts).split())


@given(st.text() | st.lists(WORDS | st.sampled_from(["\n", "\n\n", "\t"])).map(" ".join))
def test_nothing_but_white_space_is_removed(text: str) -> None:
    sentences = split_sentences(text)
    assert letters(sentences) == letters(text)
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


@given(st.lists(st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=1, max_size=6), min_size=1, max_size=8))
def test_joined_sentences_come_apart_again(words: list[list[str]]) -> None:
    sentences = ["Q" + " ".join(sentence) + "qz" + stop for sentence, stop in zip(words, "!?.?!.!.", strict=False)]
    assert split_sentences(" ".join(sentences)) == sentences


@given(st.lists(st.from_regex(r"[A-Z]{1,8}( [A-Z]{1,8}){0,3}", fullmatch=True), max_size=6))
def test_upper_case_without_punctuation_is_split_by_line(lines: list[str]) -> None:
    assert split_sentences("\n".join(lines)) == lines
    assert split_sentences("\r\n".join(lines)) == lines


@pytest.mark.parametrize(
    "sentences",
    [
        ["He met Mr. Smith at 3.5 p.m.", "We left."],
        ['"Really?" he said.', '"Go."', "Then he went."],
        ["J. K. Rowling came?!", "Yes."],
        ["No. 5 is alive.", "I said no.", "You did not."],
        ["Apple Inc. CEO spoke of the U.S. Army.", "The end..."],
        ["1. First point.", "2. Second point."],
        ["See Fig. 3, e.g. the left one (i.e. A).", "It rose by 4.3% in 2015.", "Good."],
        ["wait... what?", "Nothing (really.)", "Right!"],
        ["hello there.", "how are you?", "fine."],
    ],
)
def test_known_cases(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences
    assert [piece for sentence in sentences for piece in split_sentences(sentence)] == sentences


def test_scripts_without_spaces_between_sentences() -> None:
    assert split_sentences("今天很好。你好吗？「是的！」他说。") == [
        "今天很好。",
        "你好吗？",
        "「是的！」",
        "他说。",
    ]
    assert split_sentences("वह आया। वह गया।") == ["वह आया।", "वह गया।"]
    assert split_sentences("هل أنت بخير؟ نعم.") == ["هل أنت بخير؟", "نعم."]


def test_line_breaks() -> None:
    assert split_sentences("We went on\nto the river\nWe came back") == [
        "We went on to the river",
        "We came back",
    ]
    lines = [
        "The quick brown fox jumps over the lazy",
        "Dog that lives in Paris. It then ran all",
        "Day long, and slept.",
    ]
    assert split_sentences("\n".join(lines)) == [
        "The quick brown fox jumps over the lazy Dog that lives in Paris.",
        "It then ran all Day long, and slept.",
    ]
    assert split_sentences("One line \n \n another") == ["One line", "another"]


@pytest.mark.parametrize("unit", [".", "mr. ", "a.b", "?) ", "\n \n", "J. K ", ")", ". "])
def test_megabytes_of_stops_end(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))  # a step for each pair of stops would take hours
    assert letters(split_sentences(text)) == letters(text)
