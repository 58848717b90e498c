from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hilbert.corpus import Corpus, check_corpus
from hilbert.demo import make_corpus
from hilbert.demo.voice import RATE
from hilbert.errors import UsageError

DOCUMENTS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo corpus; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("demo") / "corpus"
    assert make_corpus(folder, documents=DOCUMENTS, jobs=1) == folder / "manifest.csv"
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "recordings").iterdir()}


def test_the_corpus_passes_the_check(made: Path) -> None:
    report = check_corpus(made / "manifest.csv", label="state", group="speaker", folds=1)
    assert [problem for problem in report.problems if problem.fatal] == []
    assert report.documents == DOCUMENTS


def test_a_cue_a_sentence_within_the_recording(made: Path) -> None:
    for document in Corpus.from_manifest(made / "manifest.csv"):
        assert document.audio is not None
        info = soundfile.info(document.audio)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        cues = document.cues()
        assert 8 <= len(cues) <= 16
        times = np.array([(cue.start, cue.end) for cue in cues], float)
        assert (np.diff(times.ravel()) > 0).all()
        assert times[-1, 1] < info.duration


def test_speech_lies_in_the_cues_and_only_the_room_between_them(made: Path) -> None:
    for document in Corpus.from_manifest(made / "manifest.csv"):
        wave, rate = soundfile.read(document.audio)
        assert np.abs(wave).max() < 0.99
        spoken = np.zeros(len(wave), bool)
        for cue in document.cues():
            assert cue.start is not None
            assert cue.end is not None
            spoken[int(cue.start * rate) : int(cue.end * rate) + rate // 1000 + 1] = True
        assert np.sqrt((wave[spoken] ** 2).mean()) > 10 * np.sqrt((wave[~spoken] ** 2).mean())


def test_everything_says_that_the_speech_is_synthetic(made: Path) -> None:
    assert (made / "README.txt").read_text(encoding="utf-8").startswith("SYNTHETIC SPEECH")
    assert "Seed 0." in (made / "README.txt").read_text(encoding="utf-8")
    record = json.loads((made / "demo.json").read_text(encoding="utf-8"))
    assert record["synthetic"] is True
    assert record["seed"] == 0
    for path in (made / "recordings").iterdir():
        with soundfile.SoundFile(path) as sound:
            assert "synthetic" in sound.comment
    for path in (made / "transcripts").iterdir():
        assert "NOTE Synthetic" in path.read_text(encoding="utf-8")


def test_a_second_call_makes_nothing_again(copy: Path) -> None:
    before = stamps(copy)
    calls: list[tuple[int, int]] = []
    make_corpus(copy, documents=DOCUMENTS, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(DOCUMENTS, DOCUMENTS)]
    assert stamps(copy) == before


def test_after_an_interruption_only_what_is_missing_is_made(made: Path, copy: Path) -> None:
    (copy / "recordings" / "demo-0002.flac").unlink()
    (copy / "manifest.csv").unlink()
    before = stamps(copy)
    make_corpus(copy, documents=DOCUMENTS, jobs=1)
    assert {name: stamp for name, stamp in stamps(copy).items() if name in before} == before
    assert contents(copy) == contents(made)


def test_a_smaller_corpus_is_the_beginning_of_a_larger_one(made: Path, tmp_path: Path) -> None:
    make_corpus(tmp_path / "small", documents=1, jobs=1)
    small, large = contents(tmp_path / "small"), contents(made)
    for name in ("recordings/demo-0001.flac", "transcripts/demo-0001.vtt", "demo.json"):
        assert small[name] == large[name]
    assert large["manifest.csv"].startswith(small["manifest.csv"])


def test_another_seed_makes_the_corpus_anew(copy: Path) -> None:
    before = contents(copy)
    make_corpus(copy, documents=1, seed=1, jobs=1)
    after = contents(copy)
    assert sorted(name for name in after if name.endswith(".flac")) == ["recordings/demo-0001.flac"]
    assert after["recordings/demo-0001.flac"] != before["recordings/demo-0001.flac"]
    assert json.loads(after["demo.json"])["seed"] == 1


def test_progress_ends_with_all_documents(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    make_corpus(tmp_path, documents=1, jobs=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 1), (1, 1)]


def test_a_folder_with_another_corpus_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("id,text\na,Hello.\n", encoding="utf-8")
    with pytest.raises(UsageError, match="name another folder"):
        make_corpus(tmp_path, documents=1)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.csv"]


@pytest.mark.parametrize("arguments", [{"documents": 0}, {"documents": -1}, {"seed": -1}])
def test_impossible_requests_are_refused(tmp_path: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="expected"):
        make_corpus(tmp_path / "demo", **arguments)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    make_corpus(tmp_path / "one", documents=6, jobs=1)
    make_corpus(tmp_path / "two", documents=6, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.slow
def test_the_full_corpus_has_its_shares(tmp_path: Path) -> None:
    corpus = Corpus.from_manifest(make_corpus(tmp_path, documents=60))
    assert Counter(corpus.column("state")) == {"calm": 33, "tense": 18, "low": 9}
    assert len(set(corpus.column("speaker"))) == 20
