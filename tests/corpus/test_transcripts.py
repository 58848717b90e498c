from __future__ import annotations

import codecs
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilbert.corpus import Cue, read_transcript
from hilbert.corpus.recipes.speechocean762 import webvtt
from hilbert.corpus.transcripts import MAX_BYTES
from hilbert.errors import TranscriptError

SECRET = "the patient said so"
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf"]), min_size=1, max_size=8)
texts = st.lists(words, min_size=1, max_size=5).map(" ".join).filter(lambda t: t.split() == t.split(" "))
times = st.integers(0, 360_000_000).map(lambda ms: ms / 1000)
cues = st.lists(st.tuples(times, times, texts).map(lambda c: (min(c[:2]), max(c[:2]), c[2])), min_size=1, max_size=5)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def srt(rows: list[tuple[float, float, str]]) -> str:
    vtt = webvtt(rows).split("\n\n")[1:]
    blocks = [f"{n}\n{block}" for n, block in enumerate(vtt, start=1)]
    return "\n\n".join(block.split("\n")[0] + "\n" + block.split("\n", 1)[1].replace(".", ",", 2) for block in blocks)


@same_folder
@given(cues)
def test_vtt_read_is_what_was_written(tmp_path: Path, rows: list[tuple[float, float, str]]) -> None:
    expected = tuple(Cue(text, start, end) for start, end, text in rows)
    assert read_transcript(write(tmp_path / "a.vtt", webvtt(rows))) == expected


@same_folder
@given(cues, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_srt_json_encodings_and_newlines_agree_with_vtt(
    tmp_path: Path, rows: list[tuple[float, float, str]], encoding: str, newline: str
) -> None:
    expected = read_transcript(write(tmp_path / "a.vtt", webvtt(rows)))
    for name in ("a.srt", "a.txt", "a"):
        assert read_transcript(write(tmp_path / name, srt(rows).replace("\n", newline).encode(encoding))) == expected
    for name in ("b.vtt", "b.txt"):
        vtt = webvtt(rows).replace("\n", newline).encode(encoding)
        assert read_transcript(write(tmp_path / name, vtt)) == expected
    segments = [{"start": start, "end": end, "text": f" {text}"} for start, end, text in rows]
    offsets = [{"offsets": {"from": round(s * 1000), "to": round(e * 1000)}, "text": t} for s, e, t in rows]
    for content in (segments, {"segments": segments, "text": "x"}, {"transcription": offsets}):
        for name in ("c.json", "c.txt"):
            assert read_transcript(write(tmp_path / name, json.dumps(content).encode(encoding))) == expected


def test_vtt_as_the_standard_has_it(tmp_path: Path) -> None:
    content = (
        "WEBVTT - a title\nKind: captions\nLanguage: en\n\n"
        "STYLE\n::cue { color: red }\n\nREGION\nid:fred\n\nNOTE\na comment\nof two lines\n\nNOTE one line\n\n"
        "intro\n00:01.500 --> 00:02.250 align:start position:10%\n"
        "<v Ann Lee>R&amp;D is <b>good</b>,\n- said &lt;she&gt;</v>\n\n\n"
        "100:00:00.000 --> 100:00:01.000\n<c.loud><00:00:01.000>hi &nbsp; 2 < 3</c> &unknown; <UNK>\n"
    )
    assert read_transcript(write(tmp_path / "a.vtt", content)) == (
        Cue("R&D is good, - said <she>", 1.5, 2.25),
        Cue("hi 2 < 3 &unknown; <UNK>", 360_000.0, 360_001.0),
    )
    assert read_transcript(write(tmp_path / "b.vtt", "WEBVTT")) == ()
    no_gap = "WEBVTT\n00:00.000 --> 00:01.000\nhello\n"
    assert read_transcript(write(tmp_path / "c.vtt", no_gap)) == (Cue("hello", 0.0, 1.0),)


def test_srt_as_players_read_it(tmp_path: Path) -> None:
    content = (
        "\n1\n00:00:01,000 --> 00:00:02,000 X1:40\n<i>one</i>\n{\\an8}two\n\nthree, after an empty line\n\n"
        "2\n0:00:03,000-->0:00:04,000\n3\n00:00:05,000 --> 00:00:06,000\nno empty line before\n"
    )
    assert read_transcript(write(tmp_path / "a.srt", content)) == (
        Cue("one two three, after an empty line", 1.0, 2.0),
        Cue("", 3.0, 4.0),
        Cue("no empty line before", 5.0, 6.0),
    )


def test_plain_text_has_no_times(tmp_path: Path) -> None:
    assert read_transcript(write(tmp_path / "a.txt", "[Music] Hello there. Bye.")) == (
        Cue("[Music] Hello there."),
        Cue("Bye."),
    )
    assert read_transcript(write(tmp_path / "a.json", '{"text": "Hello there. Bye."}'))[1] == Cue("Bye.")
    for empty in (b"", codecs.BOM_UTF8, b" \n\n"):
        assert read_transcript(write(tmp_path / "b.txt", empty)) == ()
        assert read_transcript(write(tmp_path / "b.vtt", empty)) == ()


GOOD = "WEBVTT\n\n00:00.000 --> 00:01.000\nfine\n\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.vtt", SECRET, "line 1: expected 'WEBVTT'"),
        ("a.vtt", GOOD + f"00:01.000 -> 00:02.000\n{SECRET}\n", "line 6: expected a line with times"),
        ("a.vtt", GOOD + f"00:01.000 --> 00:61.000\n{SECRET}\n", "line 6: expected times such as"),
        ("a.vtt", GOOD + f"00:01.0 --> 00:02.000\n{SECRET}\n", "line 6: expected times such as"),
        ("a.vtt", GOOD + f"{SECRET}\nx\n00:01.000 --> 00:02.000\n", "line 8: expected at most one line"),
        (
            "a.vtt",
            GOOD + f"00:01.000 --> 00:02.000\n{SECRET}\n00:03.000 --> 00:04.000\n",
            "line 8: expected an empty",
        ),
        ("a.srt", f"1\n{SECRET}\n", "line 1: expected a line with times"),
        ("a.srt", f"1\n00:00:01,000 --> soon {SECRET}\nhello\n", "line 2: expected times such as"),
        ("a.json", f'{{"segments": [{{"text": "{SECRET}"}}', "line 1: expected JSON"),
        ("a.json", f'{{"words": "{SECRET}"}}', "expected a list 'segments'"),
        ("a.json", f'"{SECRET}"', "expected a list 'segments'"),
        ("a.json", f'[{{"text": "x"}}, "{SECRET}"]', "segment 2: expected an object"),
        (
            "a.json",
            f'[{{"text": "{SECRET}", "start": 1, "end": NaN}}]',
            "segment 1: expected a time of 0 or more as 'end'",
        ),
        ("a.json", f'[{{"text": "{SECRET}", "start": -1, "end": 1}}]', "as 'start', found a number out of range"),
        ("a.json", f'[{{"text": "{SECRET}", "start": "1", "end": 1}}]', "as 'start', found text"),
        ("a.json", f'[{{"text": "{SECRET}", "start": 1e999, "end": 1}}]', "as 'start', found inf"),
        ("a.json", f'[{{"text": "{SECRET}", "start": 0}}]', "as 'end', found none; give both times"),
        (
            "a.json",
            f'[{{"text": "{SECRET}", "start": 0, "end": 1}}, {{"text": "b"}}]',
            "in every segment or in none",
        ),
        ("a.json", f'{{"transcription": [{{"text": "{SECRET}"}}]}}', "expected 'offsets'"),
        ("a.json", "[" * 100_000, "nesting beyond any use"),
        ("a.json", "[" + "9" * 10_000 + "]", "numbers or nesting"),
        ("a.txt", SECRET.encode() + b" caf\xe9 au lait", f"byte 0xe9 at position {len(SECRET) + 4}"),
        ("a.txt", codecs.BOM_UTF16_LE + SECRET.encode("utf-16-le") + b"\0", "expected UTF-16-LE text"),
        ("a.txt", SECRET.encode("utf-16-le"), "zero character at position 1"),
    ],
)
def test_faults_are_named_and_text_is_not(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read_transcript(write(tmp_path / name, content))
    assert message in str(caught.value)
    assert str(caught.value).startswith(name)
    assert SECRET not in str(caught.value)
    assert str(caught.value).count("\n") == 0


@same_folder
@given(
    st.binary(max_size=200) | st.text().map(str.encode),
    st.sampled_from(["vtt", "srt", "json", "txt", "docx"]),
)
def test_any_bytes_give_cues_or_a_transcript_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    with suppress(TranscriptError):
        assert isinstance(read_transcript(write(tmp_path / f"a.{suffix}", content)), tuple)


def test_missing_folder_and_too_large(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="found no file"):
        read_transcript(tmp_path / "none.vtt")
    with pytest.raises(TranscriptError, match="found a folder"):
        read_transcript(tmp_path)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(TranscriptError, match="at most 64 MiB"):
        read_transcript(tmp_path / "large.txt")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.rtf", b"{\\rtf1 the patient said so}", "RTF"),
        ("a.txt", b"{\\rtf1 the patient said so}", "RTF"),
        ("a.html", b"<p>the patient said so</p>", "a file ending in .html"),
        ("a.txt", b"\n<!DOCTYPE html><p>the patient said so</p>", "HTML"),
        ("a.docx", b"PK\x03\x04\x00\x00", "a Word or zip file"),
        ("a.tsv", b"0\t1\tthe patient said so", "a file ending in .tsv"),
    ],
)
def test_documents_with_markup_are_no_transcripts(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TranscriptError, match=rf"{name}: expected a transcript as .vtt.*found {found}; save") as caught:
        read_transcript(tmp_path / name)
    assert "patient" not in str(caught.value)
