from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hilbert.corpus.document import Cue
from hilbert.errors import TranscriptError
from hilbert.segments import Segmentation, audio_spans, text_segments

TIMED = (Cue("Good morning. How", 0.5, 2.0), Cue("are you?", 2.0, 3.0), Cue("Fine.", 2.8, 4.0))
LINES = (Cue("First line. Second sentence."), Cue("third line without a stop"), Cue("fourth line"))


def test_auto_takes_cues_where_every_cue_has_times() -> None:
    spans = audio_spans(TIMED, 10.0, Segmentation())
    np.testing.assert_array_equal(spans, [[0.5, 2.0], [2.0, 3.0], [2.8, 4.0]])
    assert text_segments(TIMED, Segmentation()) == list(TIMED)


@pytest.mark.parametrize("cues", [(), LINES, (*TIMED, Cue("no times"))])
def test_auto_takes_windows_otherwise(cues: tuple[Cue, ...]) -> None:
    spans = audio_spans(cues, 30.0, Segmentation())
    np.testing.assert_array_equal(spans, [[0, 10], [10, 20], [20, 30]])


@given(st.floats(0.01, 5000), st.floats(0.1, 120))
def test_windows_cover_the_recording_once(duration: float, window: float) -> None:
    spans = audio_spans((), duration, Segmentation(audio="windows", window=window))
    assert spans[0, 0] == 0
    assert spans[-1, 1] == duration
    np.testing.assert_array_equal(spans[1:, 0], spans[:-1, 1])
    lengths = np.diff(spans, axis=1)[:, 0]
    assert (lengths > 0).all()
    np.testing.assert_allclose(lengths[:-1], window)
    assert lengths[-1] <= 1.5 * window + 1e-9
    assert len(spans) == 1 or lengths[-1] >= window / 2 - 1e-6


def test_no_recording_has_no_windows() -> None:
    assert audio_spans((), 0.0, Segmentation()).shape == (0, 2)
    assert audio_spans((), float("nan"), Segmentation()).shape == (0, 2)


def test_first_keeps_the_first_of_both() -> None:
    segmentation = Segmentation(first=2)
    assert len(audio_spans(TIMED, 10.0, segmentation)) == 2
    assert text_segments(TIMED, segmentation) == list(TIMED[:2])


def test_cues_without_times_or_with_impossible_ones_are_errors() -> None:
    with pytest.raises(TranscriptError, match=r"cue 1 of 3 has no times.*windows"):
        audio_spans(LINES, 10.0, Segmentation(audio="cues"))
    for start, end in ((2.0, 1.0), (-1.0, 1.0), (0.0, float("inf"))):
        with pytest.raises(TranscriptError, match="cue 2 of 2"):
            audio_spans((TIMED[0], Cue("x", start, end)), 10.0, Segmentation())


def test_sentences_run_over_timed_cues_and_keep_time() -> None:
    found = text_segments(TIMED, Segmentation(text="sentences"))
    assert [cue.text for cue in found] == ["Good morning.", "How are you?", "Fine."]
    assert found[0].start == 0.5
    assert found[-1].end == 4.0
    assert all(cue.start is not None and cue.end is not None and cue.start < cue.end for cue in found)
    assert found[1].start is not None
    assert 1.0 < found[1].start < 2.0
    assert found[1].end == 3.0


def test_sentences_never_run_over_lines() -> None:
    found = [cue.text for cue in text_segments(LINES, Segmentation())]
    assert found == ["First line.", "Second sentence.", "third line without a stop", "fourth line"]
    assert [cue.text for cue in text_segments(LINES, Segmentation(text="cues"))] == [cue.text for cue in LINES]


def test_no_words_are_lost() -> None:
    words = [f"w{i}" for i in range(60)]
    cues = [Cue(" ".join(words[i : i + 5]) + ("." if i % 3 else ""), i, i + 4.0) for i in range(0, 60, 5)]
    found = text_segments(cues, Segmentation(text="sentences"))
    assert " ".join(cue.text for cue in found).replace(".", "").split() == words


def test_settings_are_checked() -> None:
    for wrong in ({"window": 0}, {"first": 0}, {"audio": "words"}, {"colour": 1}):
        with pytest.raises(ValidationError):
            Segmentation.model_validate(wrong)
