from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hilbert.corpus import Corpus, check_corpus, read_transcript
from hilbert.corpus.recipes import RECIPES
from hilbert.errors import AudioError, InputError, UsageError

build = RECIPES["speechocean762"]
SPEAKERS = {
    "0001": ("6", "m"),
    "0002": ("9", "f"),
    "0003": ("10", "f"),
    "0004": ("15", "m"),
    "0005": ("16", "f"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five speakers of two or three utterances, listed in no order."""
    root = tmp_path / "source"
    tables: dict[str, list[str]] = {name: [] for name in ("text", "utt2spk", "wav.scp", "spk2utt")}
    rng = np.random.default_rng(0)
    for number, speaker in enumerate(reversed(SPEAKERS)):
        ids = [f"{speaker}{n}" for n in range(2 + number % 2)][::-1]
        folder = root / "WAVE" / f"SPEAKER{speaker}"
        folder.mkdir(parents=True)
        for id in ids:
            wave = rng.integers(-3000, 3000, rng.integers(4000, 9000)).astype(np.int16)
            soundfile.write(folder / f"{id}.WAV", wave, 16_000)
            tables["text"].append(f"{id}\tTOM & JERRY {id}")
            tables["utt2spk"].append(f"{id} {speaker}")
            tables["wav.scp"].append(f"{id}\tWAVE/SPEAKER{speaker}/{id}.WAV")
        tables["spk2utt"].append(f"{speaker} {' '.join(ids)}")
    tables["spk2age"] = [f"{speaker}\t{age}" for speaker, (age, _) in SPEAKERS.items()]
    tables["spk2gender"] = [f"{speaker}\t{gender}" for speaker, (_, gender) in SPEAKERS.items()]
    (root / "train").mkdir()
    for name, lines in tables.items():
        (root / "train" / name).write_text("\n".join(lines) + "\n")
    return root


def utterances(source: Path, speaker: str) -> list[np.ndarray]:
    files = sorted((source / "WAVE" / f"SPEAKER{speaker}").iterdir())
    return [soundfile.read(file, dtype="int16")[0] for file in files]


def test_flac_holds_every_sample_where_the_cues_say(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out", audio_format="flac")
    assert built.problems == []
    corpus = Corpus.from_manifest(tmp_path / "out" / "manifest.csv")
    assert corpus.ids.tolist() == corpus.column("group").tolist() == list(SPEAKERS)
    assert corpus.column("age_gender").tolist() == ["child_m", "child_f", "youth_f", "youth_m", "adult_f"]
    for document in corpus:
        wave, rate = soundfile.read(document.audio, dtype="int16")
        expected = utterances(source, document.id)
        cues = document.cues()
        assert [cue.text for cue in cues] == [f"TOM & JERRY {document.id}{n}" for n in range(len(cues))]
        silence = np.ones(len(wave), dtype=bool)
        end = 0.0
        for cue, samples in zip(cues, expected, strict=True):
            assert cue.start == pytest.approx(end + 0.4, abs=0.0011)
            assert cue.end - cue.start == pytest.approx(len(samples) / rate, abs=0.0011)
            end = cue.end
        position = 0
        for samples in expected:
            position += 6400
            np.testing.assert_array_equal(wave[position : position + len(samples)], samples)
            silence[position : position + len(samples)] = False
            position += len(samples)
        assert len(wave) == position + 6400
        assert not wave[silence].any()
    assert check_corpus(corpus).problems == []


def test_opus_is_close_and_the_same_bytes_each_time(source: Path, tmp_path: Path) -> None:
    first = build(source, tmp_path / "a").files
    second = build(source, tmp_path / "b").files
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    exact = build(source, tmp_path / "c", audio_format="flac").files
    for lossy, lossless in zip(first[1::2], exact[1::2], strict=True):
        a, b = soundfile.read(lossy)[0], soundfile.read(lossless)[0]
        assert soundfile.info(lossy).subtype == "OPUS"
        assert len(a) == len(b)
        assert np.abs(a).mean() == pytest.approx(np.abs(b).mean(), rel=0.5)


def test_what_is_missing_is_named_and_nothing_is_written(source: Path, tmp_path: Path) -> None:
    (source / "WAVE" / "SPEAKER0001" / "00010.WAV").unlink()
    (source / "train" / "spk2age").write_text("0001 6\n0002 nine\n0003 10\n0004 15\n0005 16\n")
    text = (source / "train" / "wav.scp").read_text()
    (source / "train" / "wav.scp").write_text(text.replace("WAVE/SPEAKER0005/00050.WAV", "../out.wav"))
    (tmp_path / "out.wav").touch()
    with pytest.raises(InputError) as caught:
        build(source, tmp_path / "out")
    expected = ("found 3 problems", "0001: wav.scp", "lacks one is 00010", "0002: spk2age", "00050")
    for part in expected:
        assert part in str(caught.value)
    assert not (tmp_path / "out").exists()
    built = build(source, tmp_path / "out", allow_missing=True)
    assert (built.counts["documents"], built.counts["problems"], len(built.problems)) == (4, 3, 3)
    assert Corpus.from_manifest(tmp_path / "out" / "manifest.csv").ids.tolist() == [
        "0001",
        "0003",
        "0004",
        "0005",
    ]


def test_wrong_input(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found 'mp3'"):
        build(source, tmp_path / "out", audio_format="mp3")
    with pytest.raises(InputError, match="found no such folder"):
        build(tmp_path, tmp_path / "out")
    soundfile.write(source / "WAVE" / "SPEAKER0001" / "00010.WAV", np.zeros((9, 2)), 16_000)
    with pytest.raises(AudioError, match="expected 16000 Hz mono"):
        build(source, tmp_path / "out")


@pytest.fixture
def data() -> Path:
    root = os.environ.get("HILBERT_DATA")
    if not root:
        pytest.skip("HILBERT_DATA is not set")
    return Path(root)


@pytest.mark.data
def test_the_public_layout_gives_the_given_corpus(data: Path, tmp_path: Path) -> None:
    """The sample holds 3 of 20 utterances: cues, manifest row and the beginning of the recording agree."""
    sample = data / "original_layouts" / "speechocean762"
    with pytest.raises(InputError, match="expected 20 utterances with sentence and WAV, found 3"):
        build(sample, tmp_path / "out")
    build(sample, tmp_path / "out", allow_missing=True)
    given = data / "speechocean762"
    made = read_transcript(tmp_path / "out" / "transcripts" / "0001.vtt")
    assert made == read_transcript(given / "transcripts" / "0001.vtt")[:3]
    text = (tmp_path / "out" / "transcripts" / "0001.vtt").read_text()
    assert (given / "transcripts" / "0001.vtt").read_text().startswith(text)
    made_rows = (tmp_path / "out" / "manifest.csv").read_bytes().split(b"\r\n")[:2]
    assert made_rows == (given / "manifest.csv").read_bytes().split(b"\r\n")[:2]
    ours, theirs = (soundfile.read(root / "recordings" / "0001.opus")[0] for root in (tmp_path / "out", given))
    same = len(ours) - 16_000  # the end of the sample is not an end there
    np.testing.assert_allclose(ours[:same], theirs[:same], atol=1e-3)


@pytest.mark.data
def test_the_given_recordings_end_after_the_silence(data: Path) -> None:
    for document in list(Corpus.from_manifest(data / "speechocean762" / "manifest.csv"))[:20]:
        cues = document.cues()
        starts = [cue.start for cue in cues[1:]] + [soundfile.info(document.audio).duration]
        np.testing.assert_allclose(np.array(starts) - [cue.end for cue in cues], 0.4, atol=1e-6)


def test_a_copy_elsewhere_builds_the_same(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "copy")
    first = build(source, tmp_path / "a").files
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in build(tmp_path / "copy", tmp_path / "b").files]
