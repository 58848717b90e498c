from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hilbert.corpus import Corpus, Cue, Spread, check_corpus
from hilbert.corpus.check import cue_problems
from hilbert.corpus.document import Document
from hilbert.corpus.problems import absent, problem_of
from hilbert.corpus.recipes.speechocean762 import webvtt
from hilbert.errors import AudioError, InputError, ManifestError, TranscriptError

RATE = 8000
SECRET = "the patient said so"


def write_corpus(folder: Path, documents: int = 6, **columns: list[str]) -> Path:
    """Documents of 2, 3, … seconds with 1, 2, … cues."""
    for number in range(documents):
        wave = np.random.default_rng(number).normal(0, 0.1, RATE * (number + 2))
        soundfile.write(folder / f"d{number}.wav", wave, RATE)
        cues = [(float(n), n + 0.9, f"{SECRET} {n}") for n in range(number + 1)]
        (folder / f"d{number}.vtt").write_text(webvtt(cues))
    with (folder / "m.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "transcript", *columns])
        for number in range(documents):
            more = [values[number] for values in columns.values()]
            writer.writerow([f"d{number}", f"d{number}.wav", f"d{number}.vtt", *more])
    return folder / "m.csv"


def test_a_sound_corpus(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, sick=list("ababab"), person=list("xxyyzz"))
    seen: list[tuple[int, int]] = []
    report = check_corpus(path, label="sick", group="person", folds=3, progress=lambda *step: seen.append(step))
    assert report.ok
    assert report.problems == []
    assert (report.documents, report.usable, report.timed) == (6, 6, 6)
    assert report.hours == pytest.approx((2 + 3 + 4 + 5 + 6 + 7) / 3600)
    assert report.segments == Spread(1, 3.5, 6)
    assert report.class_counts == {"a": 3, "b": 3}
    assert (report.groups, report.group_sizes) == (3, Spread(2, 2.0, 2))
    assert report.rates == {RATE: 6}
    assert seen == [(n, 6) for n in range(1, 7)]
    assert check_corpus(Corpus.from_manifest(path), label="sick", group="person", folds=3) == report


def test_everything_wrong_is_reported_at_once(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, documents=10)
    (tmp_path / "d0.wav").unlink()
    (tmp_path / "d1.wav").write_bytes(b"")
    (tmp_path / "d2.wav").write_text(SECRET)
    (tmp_path / "d3.vtt").write_text(f"WEBVTT\n\nwhen --> then {SECRET}\n{SECRET}\n")
    (tmp_path / "d4.vtt").write_text("WEBVTT\n")
    (tmp_path / "d5.vtt").write_text(webvtt([(0.0, 1.0, SECRET), (99.0, 100.0, SECRET)]))
    (tmp_path / "d6.vtt").unlink()
    (tmp_path / "d7.vtt").write_text(webvtt([(1.0, 0.5, SECRET), (0.0, 9.8, SECRET), (8.0, 8.5, "")]))
    (tmp_path / "d8.wav").write_bytes((tmp_path / "d9.wav").read_bytes())
    report = check_corpus(path, label="none")
    found = [(p.document, p.file, p.fatal) for p in report.problems]
    assert found == [
        ("", str(path), True),
        ("d0", "d0.wav", True),
        ("d1", "d1.wav", True),
        ("d2", "d2.wav", True),
        ("d3", "d3.vtt", True),
        ("d4", "d4.vtt", False),
        ("d5", "d5.vtt", False),
        ("d6", "d6.vtt", True),
        ("d7", "d7.vtt", True),
        ("d7", "d7.vtt", False),
        ("d7", "d7.vtt", False),
        ("d7", "d7.vtt", False),
        ("d9", "d9.wav", False),
    ]
    assert not report.ok
    assert (report.documents, report.usable) == (10, 4)
    assert SECRET not in str(report)
    assert [len(report.errors), len(report.warnings)] == [7, 6]
    text = "\n".join(map(str, report.problems))
    for part in (
        "found 'none'",
        "document d0: d0.wav: expected a recording, found no file",
        "d1.wav: expected a recording, found an empty file → copy",
        "line 3: expected times such as",
        "d4.vtt: expected text in the transcript, found none",
        "found a start at or after the end of the recording (7.00 s) in 1 of 2 cues, first in cue 2",
        "found an end before the start in 1 of 3 cues, first in cue 1",
        "an earlier start than the cue before in 1 of 3 cues, first in cue 2",
        "found an end after the end of the recording (9.00 s) in 1 of 3 cues, first in cue 2",
        "found no text in 1 of 3 cues, first in cue 3",
        "found the bytes of document d8",
    ):
        assert part in text


def test_a_broken_manifest_does_not_hide_broken_files(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, documents=2)
    with path.open("a") as file:
        file.write("d1,d1.wav,d1.vtt\nd2,../d2.wav,\nd3,,\n")
    (tmp_path / "d0.wav").write_bytes(b"")
    report = check_corpus(path)
    assert [p.document for p in report.problems] == ["d0", "d1", "d2", "d3"]
    assert report.documents == 2
    with pytest.raises(ManifestError):
        check_corpus(tmp_path / "none.csv")


def test_missing_modalities_are_counted_not_faults(tmp_path: Path) -> None:
    write_corpus(tmp_path, documents=2)
    (tmp_path / "n.csv").write_text("id,audio,text\na,d0.wav,\nb,,Hello. Bye.\nc,d1.wav,One.\n")
    report = check_corpus(tmp_path / "n.csv")
    assert report.ok
    assert (report.without_audio, report.without_text, report.timed) == (1, 1, 0)
    assert report.segments == Spread(1, 1.5, 2)


def test_one_file_for_two_documents_is_noticed(tmp_path: Path) -> None:
    write_corpus(tmp_path, documents=3)
    (tmp_path / "n.csv").write_text("id,audio\na,d0.wav\nb,d0.wav\nc,d1.wav\n")
    assert [p.document for p in check_corpus(tmp_path / "n.csv").warnings] == ["b"]


@pytest.mark.parametrize(
    ("label", "group", "split", "messages"),
    [
        ("aaabbb", "xyzxyz", "------", []),
        ("aaabb ", "xyzxyz", "------", ["expected at least 3 documents of class 'b' (one a fold), found 2"]),
        ("aaabbb", "xyzzzz", "------", ["class 'b' in at least 2 groups, found 1"]),
        ("aaabbb", "xyzxyy", "------", ["class 'b' in at least 3 groups, found 2"]),
        ("aaaaaa", "xyzxyz", "------", ["at least 2 classes, found only 'a'"]),
        ("      ", "xyzxyz", "------", ["at least 2 classes, found no labelled document"]),
        ("123456", "xyzxyz", "------", ["found another value for every document"]),
        (
            "aaabbb",
            "xyzxy ",
            "------",
            ["a group for every document, found none for 1", "class 'b' in at least 3"],
        ),
        (
            "ababab",
            "xxxyyy",
            "------",
            ["at least 3 groups, found 2", "'a' in at least 3", "'b' in at least 3"],
        ),
        ("aaabbb", "xyzxyz", "rrrtte", ["found 3 groups in several (first: 'x')"]),
        ("aaabbb", "xyzxyz", "rterte", []),
    ],
)
def test_labels_and_groups(tmp_path: Path, label: str, group: str, split: str, messages: list[str]) -> None:
    path = write_corpus(tmp_path, label=list(label), person=list(group), split=list(split.replace("-", " ")))
    report = check_corpus(path, label="label", group="person", folds=3)
    assert report.ok
    assert len(report.warnings) == len(messages)
    found = "\n".join(map(str, report.warnings))
    assert all(message in found for message in messages)
    assert report.unlabelled == label.count(" ")
    assert sum(report.class_counts.values()) + report.unlabelled == 6


def test_a_measurement_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,y\n" + "".join(f"{n},Hello.,{n % 30 / 7}\n" for n in range(60)))
    (warning,) = check_corpus(tmp_path / "t.csv", label="y").problems
    assert "found 30 different numbers" in warning.message
    assert not warning.fatal


def test_cues_within_a_recording_are_sound() -> None:
    cues = (Cue("a", 0.0, 1.0), Cue("b", 1.0, 1.0), Cue("c", 1.0, 2.4))
    assert cue_problems(cues, 2.0) == []
    assert [fatal for *_, fatal in cue_problems(cues, 1.5)] == [False]
    assert [fatal for *_, fatal in cue_problems(cues, 1.0)] == [False]
    assert cue_problems((Cue("no times"),), 0.1) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_files_without_permission(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, documents=2)
    (tmp_path / "d0.wav").chmod(0)
    (tmp_path / "d1.vtt").chmod(0)
    assert [p.file for p in check_corpus(path).errors] == ["d0.wav", "d1.vtt"]


@pytest.mark.data
def test_speechocean762_is_sound() -> None:
    root = os.environ.get("HILBERT_DATA")
    if not root:
        pytest.skip("HILBERT_DATA is not set")
    report = check_corpus(Path(root) / "speechocean762" / "manifest.csv", label="age_gender", group="group")
    assert report.problems == []
    assert (report.documents, report.segments, report.rates) == (125, Spread(20, 20.0, 20), {16_000: 125})
    counts = {"adult_f": 41, "adult_m": 26, "child_m": 24, "youth_f": 14, "child_f": 12, "youth_m": 8}
    assert report.class_counts == counts


def test_recordings_that_are_cut_off_short_or_silent(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, documents=4)
    whole = (tmp_path / "d0.wav").read_bytes()
    (tmp_path / "d0.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(tmp_path / "d1.wav", np.zeros(10), RATE)
    soundfile.write(tmp_path / "d2.wav", np.zeros(20 * RATE), RATE)
    (tmp_path / "d3.wav").rename(tmp_path / "D3.wav")
    found = {p.document: p for p in check_corpus(path).problems if p.file.lower().endswith(".wav")}
    assert "the file was cut off: its header promises" in found["d0"].message
    assert (found["d1"].message, found["d1"].fatal) == ("found 0.00125 s of sound", False)
    assert (found["d2"].message, found["d2"].fatal) == ("found only zeros in its first and last second", False)
    assert found["d3"].hint == "there is 'D3.wav', and names are case-sensitive"
    assert [found[name].fatal for name in ("d0", "d3")] == [True, True]


def test_classes_whose_audio_is_cut_another_way(tmp_path: Path) -> None:
    path = write_corpus(tmp_path, documents=6, sick=list("yyynnn"), other=list("ynynyn"))
    for name in ("d0", "d1", "d2"):
        (tmp_path / f"{name}.vtt").write_text("Plain text. Without times.")
    (warning,) = [problem for problem in check_corpus(path, label="sick").warnings if "with times" in problem.message]
    assert "with times in 3 of 3 of class 'n', 0 of 3 of class 'y'" in warning.message
    assert "--audio-segments windows" in warning.hint
    assert not any("with times" in problem.message for problem in check_corpus(path, label="other").problems)


def test_recordings_in_a_column_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text,file\na,Hello.,a.wav\nb,Hello.,b.wav\n", encoding="utf-8")
    (warning,) = check_corpus(tmp_path / "m.csv").problems
    assert (warning.message, warning.fatal) == ("expected recordings in a column audio, found them in 'file'", False)


def test_a_transcript_without_text_stops_a_document_that_has_nothing_else(tmp_path: Path) -> None:
    write_corpus(tmp_path, documents=2)
    (tmp_path / "d0.vtt").write_text(webvtt([(0.0, 1.0, ""), (1.0, 1.5, "")]))
    (tmp_path / "d1.vtt").write_text("")
    (tmp_path / "n.csv").write_text("id,audio,transcript\nd0,d0.wav,d0.vtt\nd1,,d1.vtt\n")
    found = {problem.document: problem.fatal for problem in check_corpus(tmp_path / "n.csv").problems}
    assert found == {"d0": False, "d1": True}


def test_which_file_an_error_is_about(tmp_path: Path) -> None:
    document = Document("p", tmp_path / "a.wav", tmp_path / "a.wav.vtt")
    errors = [
        TranscriptError("a.wav.vtt, line 3: expected times; correct them"),
        AudioError(f"{tmp_path / 'a.wav'}: cut off; copy it"),
        TranscriptError("cue 1 of 1: expected 0 <= start"),
        InputError("expected audio, found neither"),
    ]
    found = [problem_of(document, error, tmp_path) for error in errors]
    assert [(problem.file, problem.message, problem.hint) for problem in found] == [
        ("a.wav.vtt", "line 3: expected times", "correct them"),
        ("a.wav", "cut off", "copy it"),
        ("a.wav.vtt", "cue 1 of 1: expected 0 <= start", ""),
        ("", "expected audio, found neither", ""),
    ]


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.wav").symlink_to(tmp_path / "gone.wav")
    assert absent(tmp_path / "b.wav") == "it is a link to a file that is not there"
    assert absent(tmp_path / "no" / "b.wav") == "the folder 'no' is not there; paths are relative to the manifest"
    assert absent(tmp_path / "c.wav") == "put it there, or correct the manifest"
