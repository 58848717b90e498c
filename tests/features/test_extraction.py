"""Extraction: once, resumably, document by document, and never two kinds of features in one folder."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from hilbert.encoders.load import load_speech, load_text
from hilbert.encoders.spans import encode_spans
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ManifestError, StoreError, UsageError
from hilbert.features.extraction import extract
from hilbert.features.store import FeatureStore
from hilbert.segments.audio import read_blocks
from hilbert.segments.segmentation import Segmentation

SHORT = Segmentation(window=1.0)


@pytest.fixture
def run(folder, text_folder, tmp_path):
    def go(out="features", **options):
        chosen = {"speech": "prosody", "text": str(text_folder), "segmentation": SHORT} | options
        return extract(folder.corpus, tmp_path / out, **chosen)

    return go


def test_features_are_those_of_the_encoders(run, folder, text_folder):
    seen = []
    store = run(progress=lambda done, total, name: seen.append((done, total, name)))
    assert seen == [(0, 4, "d0"), (1, 4, "d1"), (2, 4, "d2"), (3, 4, "d3"), (4, 4, "")]
    bags = store.load()
    assert bags.ids.tolist() == ["d0", "d1", "d2", "d3"]
    assert bags.audio.lengths.tolist() == [2, 2, 3, 0]  # cues, cues, windows, no recording
    assert bags.text.lengths.tolist() == [2, 2, 0, 1]
    np.testing.assert_allclose(bags.duration, [2.0, 2.5, 3.0, np.nan])
    np.testing.assert_allclose(bags.audio.times[:4], [0.25, 0.75, 0.2, 0.6])

    spec = EncoderSpec.parse("prosody")
    encoder = load_speech(spec)
    spans = np.array([[0.0, 1.0], [1.0, 2.0]])
    direct = encode_spans(encoder, read_blocks(folder.root / "d0.wav", encoder.rate), spans, 2.0, spec)
    assert np.array_equal(bags.audio.document(0), direct)
    texts = load_text(str(text_folder)).encode(["the market fell", "it was bad"]).values
    assert np.array_equal(bags.text.document(1), texts)

    report = store.report
    assert (report.documents, report.computed, report.reused) == (4, 4, 0)
    assert report.segments == {"audio": 7, "text": 5}
    assert report.missing == {"text": 1, "audio": 1}
    assert report.audio_seconds == pytest.approx(7.5)
    assert store.problems == []
    assert "1 documents without audio" in report.notes()
    assert store.index.notes == report.notes()
    assert store.size() == sum(f.stat().st_size for f in (store.path / "objects").rglob("[!.]*.safetensors"))


def test_second_run_does_nothing_and_says_so(run, tree):
    first = run()
    before = tree(first.path)
    changed = {p: p.stat().st_mtime_ns for p in (first.path / "objects").rglob("[!.]*.safetensors")}
    store = run()
    assert (store.report.computed, store.report.reused) == (0, 4)
    assert store.report.segments == first.report.segments
    assert tree(store.path) == before
    assert {p: p.stat().st_mtime_ns for p in changed} == changed
    assert [p for p in store.path.rglob("*") if ".part" in p.name] == []


def test_two_folders_have_the_same_bytes(run, tree):
    assert tree(run("one").path / "objects") == tree(run("two").path / "objects")


KILLED = """
import os, signal, sys
from pathlib import Path
from hilbert.corpus.manifest import Corpus
from hilbert.features import store
from hilbert.features.extraction import extract
from hilbert.segments.segmentation import Segmentation

manifest, out, when, how = sys.argv[1:]
save, calls = store.save_file, []

def then_die(arrays, path, **options):
    calls.append(path)
    if len(calls) < int(when):
        return save(arrays, path, **options)
    if how == "half":
        Path(path).write_bytes(b"half of a file")
    else:
        save(arrays, path, **options)
    os.kill(os.getpid(), signal.SIGKILL)

store.save_file = then_die
extract(Corpus.from_manifest(manifest), out, speech="prosody", segmentation=Segmentation(window=1.0))
"""


def test_killed_and_resumed_is_the_same_store(run, folder, tmp_path, tree):
    """Killed with half of the third file on the disk: no trace of it, and nothing computed twice."""
    whole, part = run("whole", text=None), tmp_path / "part"
    command = [sys.executable, "-c", KILLED, str(folder.manifest), str(part), "3", "half"]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(list((part / "objects").rglob("[!.]*.safetensors"))) == 2
    store = run("part", text=None)
    assert (store.report.computed, store.report.reused) == (1, 2)
    assert tree(part) == tree(whole.path)


def test_killed_before_there_was_a_store(run, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / ".store.json.abc.part.json").write_text("{")
    assert run(text=None).report.computed == 3
    assert not (tmp_path / "features" / ".store.json.abc.part.json").exists()


def test_interrupted_run_keeps_what_it_has(run, tmp_path, tree):
    def stop(done, total, name):
        if name == "d2":
            raise KeyboardInterrupt

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("part", progress=stop)
    store = FeatureStore(tmp_path / "part")
    assert list(store.index.documents) == ["d0", "d1"]
    assert store.load().ids.tolist() == ["d0", "d1"]
    assert run("part").report.computed == 2
    assert tree(tmp_path / "part") == tree(whole.path)
    # a second run that is interrupted forgets nothing of the first
    with pytest.raises(KeyboardInterrupt):
        run("part", progress=stop)
    assert sorted(FeatureStore(tmp_path / "part").index.documents) == ["d0", "d1", "d2", "d3"]


def test_broken_document_is_listed_and_the_others_go_on(run, folder):
    (folder.root / "d1.wav").write_bytes(b"this is no sound")
    (folder.root / "d2.wav").unlink()
    store = run()
    assert store.load().ids.tolist() == ["d0", "d3"]
    assert [p.document for p in store.problems] == ["d1", "d2"]
    assert all("wav" in p.file for p in store.problems)
    assert "d1" in str(store.problems[0])
    assert store.corpus().ids.tolist() == ["d0", "d3"]
    assert (store.report.documents, store.report.computed) == (4, 2)
    assert [p.document for p in FeatureStore(store.path).problems] == ["d1", "d2"]


def test_text_alone_needs_no_recording(run, folder):
    (folder.root / "d0.wav").unlink()
    (folder.root / "d1.wav").write_bytes(b"this is no sound")
    store = run(speech=None)
    assert store.load().ids.tolist() == ["d0", "d1", "d3"]
    assert "2 documents whose recording cannot be read, timed by their last cue" in store.report.notes()


def test_a_count_is_of_its_document_and_not_of_another_with_the_same_words(run, folder):
    (folder.root / "d0.wav").write_bytes(b"this is no sound")
    folder.write(["yes", "no", "yes", "no"], ["twin,,d0.vtt,,no"])  # the words of d0, and no recording to be read
    store = run(speech=None)
    entries = store.index.documents
    assert entries["d0"]["text"]["key"] == entries["twin"]["text"]["key"]
    assert "1 documents whose recording cannot be read, timed by their last cue" in store.report.notes()


def test_nothing_to_encode_is_a_problem_of_the_document(run):
    store = run(speech=None)
    assert [p.document for p in store.problems] == ["d2"]
    assert "text" in store.problems[0].message
    assert store.load().ids.tolist() == ["d0", "d1", "d3"]
    assert store.load().audio.dim == 1


def test_a_transcript_that_was_emptied_leaves_no_old_features(run, folder):
    run()
    (folder.root / "d1.vtt").write_text("")
    store = run()
    assert store.report.missing == {"text": 2, "audio": 1}
    assert store.load().text.lengths.tolist() == [2, 0, 0, 1]


def test_changed_text_encodes_that_document_alone(run, folder):
    before = run().load()
    path = folder.root / "d1.vtt"
    path.write_text(path.read_text().replace("fell", "good"))
    store = run()
    assert (store.report.computed, store.report.reused) == (1, 3)
    after = store.load()
    assert np.array_equal(after.audio.values, before.audio.values)
    assert np.array_equal(after.text.document(0), before.text.document(0))
    assert not np.array_equal(after.text.document(1), before.text.document(1))
    assert [a == b for a, b in zip(after.contents(), before.contents(), strict=True)] == [True, False, True, True]


def test_changed_times_encode_audio_and_text_of_that_document(run, folder):
    before = run().load()
    path = folder.root / "d0.vtt"
    path.write_text(path.read_text().replace("00:00:01.000", "00:00:01.200"))
    store = run()
    assert (store.report.computed, store.report.reused) == (1, 3)
    assert not np.array_equal(store.load().audio.document(0), before.audio.document(0))
    assert not np.array_equal(store.load().text.times[:2], before.text.times[:2])
    assert np.array_equal(store.load().text.values, before.text.values)


def test_same_transcript_of_recordings_of_other_lengths(run, folder):
    """Times are relative to the recording, so the second document must not take those of the first."""
    (folder.root / "d1.vtt").write_text((folder.root / "d0.vtt").read_text())
    bags = run().load()
    assert np.array_equal(bags.text.document(0), bags.text.document(1))
    np.testing.assert_allclose(bags.text.times[:4], [0.25, 0.75, 0.2, 0.6])
    # without audio, a transcript's own end is what there is
    np.testing.assert_allclose(bags.text.times[:4], bags.audio.times[:4])


def test_changed_recording_is_noticed(run, folder):
    run()
    path = folder.root / "d2.wav"
    data = bytearray(path.read_bytes())
    data[2000:2400] = bytes(400)
    path.write_bytes(bytes(data))
    os.utime(path, ns=(1, 1))
    assert run().report.computed == 1


def test_recording_touched_but_equal_is_found_again(run, folder):
    run()
    os.utime(folder.root / "d2.wav", ns=(1, 1))
    assert run().report.computed == 0


def test_document_removed_from_the_manifest_leaves_the_index(run, folder):
    run()
    lines = folder.manifest.read_text().splitlines()
    folder.manifest.write_text("\n".join(line for line in lines if not line.startswith("d1,")) + "\n")
    store = run()
    assert (store.report.computed, store.report.gone) == (0, 1)
    assert run().report.gone == 0
    assert store.load().ids.tolist() == ["d0", "d2", "d3"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"segmentation": Segmentation(window=2.0)}, "segmentation"),
        ({"speech": "prosody:pooling=mean+std"}, "audio"),
        ({"text": None}, "text"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(run, tree, options, named):
    store = run()
    before = tree(store.path)
    with pytest.raises(StoreError, match=rf"made another way.*{named}.*--out"):
        run(**options)
    assert tree(store.path) == before


def test_folder_of_something_else_is_refused(run, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "thesis.docx").write_text("years of work")
    with pytest.raises(StoreError, match="other files"):
        run()
    assert (tmp_path / "features" / "thesis.docx").exists()


def test_no_encoder_is_wrong_usage(run):
    with pytest.raises(UsageError, match="speech, text or both"):
        run(speech=None, text=None)


def test_labels_are_read_from_the_manifest_each_time(run, folder):
    store = run()
    assert store.corpus().column("label").tolist() == ["yes", "no", "yes", "no"]
    folder.write(["no", "no", "no", "yes"])
    assert FeatureStore(store.path).corpus().column("label").tolist() == ["no", "no", "no", "yes"]
    other = folder.root / "labels.csv"
    other.write_text("id,text,label\n" + "".join(f"d{n},x,{n}\n" for n in range(5, -1, -1)))
    assert store.corpus(other).column("label").tolist() == ["0", "1", "2", "3"]
    assert run().report.computed == 0


def test_moved_folders_still_find_each_other(run, folder, tmp_path):
    store = run()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    folder.root.rename(moved / "corpus")
    store.path.rename(moved / "features")
    assert FeatureStore(moved / "features").corpus().ids.tolist() == ["d0", "d1", "d2", "d3"]


def test_missing_object_names_the_document_and_the_way_out(run):
    store = run()
    key = store.index.documents["d1"]["audio"]["key"]
    store.object_path(key).unlink()
    with pytest.raises(StoreError, match=r"document d1.*hilbert extract"):
        store.load()
    again = run()
    assert (again.report.computed, again.report.reused) == (1, 3)
    assert len(again.load()) == 4


def test_damaged_object_names_the_document(run):
    store = run()
    path = store.object_path(store.index.documents["d0"]["text"]["key"])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StoreError, match="document d0"):
        store.load()
    assert run().report.computed == 1


def test_broken_store_files_are_named(run, tmp_path):
    with pytest.raises(StoreError, match=r"found no store\.json"):
        FeatureStore(tmp_path / "nothing")
    store = run()
    for name, content in (("index.json", "{"), ("index.json", "[]"), ("store.json", "[1]")):
        text = (store.path / name).read_text()
        (store.path / name).write_text(content)
        with pytest.raises(StoreError, match=name.replace(".", r"\.")):
            FeatureStore(store.path)
        (store.path / name).write_text(text)
    info = json.loads((store.path / "store.json").read_text())
    (store.path / "store.json").write_text(json.dumps(info | {"format": 99}))
    with pytest.raises(StoreError, match="format 1, found 99"):
        FeatureStore(store.path)


def test_index_of_another_shape_is_named(run):
    store = run()
    (store.path / "index.json").write_text('{"documents": {}, "unheard_of": 1}')
    with pytest.raises(StoreError, match=r"index\.json"):
        FeatureStore(store.path)


def test_a_store_without_documents_says_so(run, folder):
    for name in ("d0.wav", "d1.wav", "d2.wav"):
        (folder.root / name).unlink()
    store = run(text=None)
    assert len(store.problems) == 4
    with pytest.raises(StoreError, match="no document has features"):
        store.load()


def test_transcript_text_is_nowhere_in_the_store(run, tree):
    everything = b"".join(tree(run().path).values())
    for word in (b"guitar", b"market"):
        assert word not in everything


def test_a_document_gone_from_another_manifest_is_named(run, folder):
    store = run()
    other = folder.root / "labels.csv"
    other.write_text("id,text\nd0,x\n")
    with pytest.raises(ManifestError, match="d1"):
        store.corpus(other)
