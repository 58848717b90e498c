from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilbert.demo.plan import BLOCK, STATES, plan_document, plan_speaker
from hilbert.demo.sentences import sentences


@given(index=st.integers(0, 400), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_document_is_speakable_and_repeats(index: int, seed: int) -> None:
    plan = plan_document(index, seed)
    assert plan == plan_document(index, seed)
    assert 8 <= len(plan.sentences) <= 16
    assert len({sentence.text for sentence in plan.sentences}) == len(plan.sentences)
    for sentence in plan.sentences:
        assert 0.5 <= sentence.tempo <= 2.0
        assert 0.5 <= sentence.pitch <= 2.0
        assert sentence.pause > 0
        assert sentence.gain > 0


@given(index=st.integers(0, 400), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_content_and_delivery_decide_the_state_together(index: int, seed: int) -> None:
    plan = plan_document(index, seed)
    troubled = {"fast": "tense", "slow": "low", "even": "calm"}
    assert plan.state == (troubled[plan.delivery] if plan.content == "troubled" else "calm")


@given(index=st.integers(0, 400), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_sentences_come_from_the_topic_and_cues_in_a_part_of_them(index: int, seed: int) -> None:
    plan = plan_document(index, seed)
    pools = sentences()[plan.topic]
    colours = Counter(colour for sentence in plan.sentences for colour, pool in pools.items() if sentence.text in pool)
    assert sum(colours.values()) == len(plan.sentences)
    assert colours["plain"] >= 1
    assert 0 < colours["troubled"] + colours["settled"] <= 0.8 * len(plan.sentences) + 1


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_classes_are_imbalanced_in_exact_shares(seed: int) -> None:
    states = Counter(plan_document(index, seed).state for index in range(3 * BLOCK))
    assert states == {"calm": 33, "tense": 18, "low": 9}


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_six_documents_have_two_of_each_state_and_several_speakers(seed: int) -> None:
    plans = [plan_document(index, seed) for index in range(6)]
    assert Counter(plan.state for plan in plans) == dict.fromkeys(STATES, 2)
    assert len({plan.speaker.name for plan in plans}) == 4


def test_sixty_documents_have_three_of_each_of_twenty_speakers() -> None:
    speakers = Counter(plan_document(index, 0).speaker for index in range(60))
    assert len(speakers) == 20
    assert set(speakers.values()) == {3}


def test_speakers_and_seeds_differ() -> None:
    assert len({plan_speaker(number, 0).pitch for number in range(20)}) == 20
    assert plan_speaker(0, 0) != plan_speaker(0, 1)
    assert plan_document(0, 0).sentences != plan_document(0, 1).sentences


def test_delivery_is_audible_on_average_within_speakers_range() -> None:
    plans = [plan_document(index, 0) for index in range(200)]

    def mean(delivery: str, value: str) -> float:
        told = [np.mean([getattr(s, value) for s in plan.sentences]) for plan in plans if plan.delivery == delivery]
        return float(np.mean(told))

    assert mean("slow", "tempo") < mean("even", "tempo") < mean("fast", "tempo")
    assert mean("slow", "pause") > mean("even", "pause") > mean("fast", "pause")
    assert mean("slow", "gain") < mean("even", "gain") < mean("fast", "gain")
