"""Every command on real small files, through the same entry point that the shell uses."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import soundfile

from hilbert import Corpus, FeatureStore, Result
from hilbert.cli.common import read_decide, take_debug
from hilbert.errors import UsageError
from hilbert.estimators import HilbertClassifier

QUICK = ("--set", "training.epochs=2", "--set", "training.head_epochs=2", "--jobs", "1")


def test_check_sums_up_and_estimates(hilbert, manifest):
    result = hilbert("check", manifest, "--label", "voice", "--group", "person")
    assert result.exit_code == 0
    assert "16 documents, 16 usable; 0 errors" in result.output
    assert "voice: high 8, low 8" in result.output
    assert "prosody" in result.output


def test_check_lists_everything_at_once(hilbert, manifest, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    shutil.copy(manifest.parent / "0.wav", tmp_path / "0.wav")
    broken = tmp_path / "manifest.csv"
    broken.write_text("id,audio\na,0.wav\nb,gone.wav\nc,empty.wav\n", encoding="utf-8")
    result = hilbert("check", broken)
    assert result.exit_code == 2
    assert "document b" in result.output
    assert "document c" in result.output
    assert "3 documents, 1 usable" in result.output


def test_encoders_lists_packs_and_refuses_nonsense(hilbert):
    listed = hilbert("encoders")
    assert listed.exit_code == 0
    assert "whisper-tiny.en" in listed.output
    assert hilbert("encoders", "install").exit_code == 2
    assert hilbert("encoders", "list", "minilm-l6").exit_code == 2


def test_a_second_extraction_does_nothing_and_says_so(hilbert, manifest, features):
    result = hilbert("extract", manifest, "--speech", "prosody", "--window", "1", "--out", features)
    assert result.exit_code == 0
    assert "Nothing to do" in result.output


def test_other_settings_in_the_same_folder_are_refused(hilbert, manifest, features):
    result = hilbert("extract", manifest, "--speech", "prosody", "--window", "2", "--out", features)
    assert result.exit_code == 2
    assert "choose another --out" in result.output


def test_one_broken_document_does_not_stop_the_others(hilbert, manifest, tmp_path):
    shutil.copy(manifest.parent / "0.wav", tmp_path / "0.wav")
    (tmp_path / "noise.wav").write_bytes(b"no sound at all")
    mixed = tmp_path / "manifest.csv"
    mixed.write_text("id,audio\ngood,0.wav\nbad,noise.wav\n", encoding="utf-8")
    result = hilbert("extract", mixed, "--speech", "prosody", "--out", tmp_path / "f")
    assert result.exit_code == 3
    assert "document bad" in result.output
    assert "1 of 2 documents of the manifest have no features (1 failed)" in FeatureStore(tmp_path / "f").load().notes
    index = json.loads((tmp_path / "f" / "index.json").read_text(encoding="utf-8"))
    assert list(index["documents"]) == ["good"]


def test_documents_that_left_the_manifest_are_counted(hilbert, manifest, tmp_path):
    lines = manifest.read_text(encoding="utf-8").splitlines()
    fewer = manifest.parent / "fewer.csv"
    fewer.write_text("\n".join(lines[:4]) + "\n", encoding="utf-8")
    arguments = ("--speech", "prosody", "--window", "1", "--out", tmp_path / "store")
    assert "left out" not in hilbert("extract", fewer, *arguments).output
    fewer.write_text("\n".join(lines[:2]) + "\n", encoding="utf-8")
    assert "2 documents of an earlier run are not in this manifest" in hilbert("extract", fewer, *arguments).output


def test_debug_shows_the_traceback_and_keeps_the_exit_code(hilbert, tmp_path):
    arguments = ["check", str(tmp_path / "none.csv")]
    plain = hilbert(*arguments)
    try:
        shown = hilbert(*take_debug(["--debug", *arguments]))
    finally:
        take_debug([])
    assert "Traceback" in shown.output
    assert "Traceback" not in plain.output
    assert shown.exit_code == plain.exit_code == 2
    assert plain.output in shown.output


def test_extract_without_an_encoder_says_how(hilbert, manifest, tmp_path):
    result = hilbert("extract", manifest, "--out", tmp_path / "f")
    assert result.exit_code == 2
    assert "hilbert encoders" in result.output


@pytest.fixture(scope="module")
def results(hilbert, features, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "r"
    result = hilbert(
        "evaluate", features, "--label", "voice", "--group", "person", "--folds", 2, "--repeats", 1,
        "--models", "prior,length,audio-lr,concat-lr,late-stack,hilbert,hilbert-paper", "--out", out, *QUICK,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out, result.output


def test_evaluate_prints_and_saves(results):
    out, printed = results
    assert "scored in 4 groups only" in " ".join(printed.split())  # so nothing is claimed
    assert "Keep" not in printed
    assert "Note: hilbert: its members' shares are" in printed
    assert "macro AUC" in printed
    assert "Information flow on test documents" in printed
    saved = Result.load(out)
    assert saved.metrics["models"]["prior"]["auc"]["value"] == pytest.approx(0.5)
    assert all(row["shapley_audio"] > 0.3 for row in saved.flow["audio-lr"])
    # pitch gives these voices away, so a pipeline that loses or shuffles anything shows here
    assert saved.metrics["models"]["audio-lr"]["auc"]["value"] > 0.95


def test_report_is_one_page_without_network(hilbert, results, tmp_path):
    page = tmp_path / "report.html"
    assert hilbert("report", results[0], "--out", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "<img" in text or "<svg" in text
    assert 'src="http' not in text
    assert "<script" not in text


def test_evaluate_by_a_split_column_and_a_saved_model(hilbert, features, new_features, model, tmp_path):
    common = ("--label", "voice", "--group", "person", "--out")
    quick = (*QUICK[4:], "--no-monitors")
    split = hilbert("evaluate", features, "--split", "split", "--models", "audio-lr", *common, tmp_path / "s", *quick)
    assert split.exit_code == 0, split.output
    assert "Information flow" not in split.output
    tested = pq.read_table(tmp_path / "s" / "predictions.parquet")["document"].to_pylist()
    assert sorted(tested) == ["012", "013", "014", "015"]
    saved = hilbert("evaluate", new_features, "--model", model, *common, tmp_path / "m")
    assert saved.exit_code == 0, saved.output
    seen = hilbert("evaluate", features, "--model", model, *common, tmp_path / "y")
    assert seen.exit_code == 2
    assert "trained on 16 of these 16 documents" in seen.output
    assert hilbert("evaluate", features, "--model", model, "--split", "split", *common, tmp_path / "x").exit_code == 2


def test_train_says_what_predicts_and_how_it_decides(hilbert, features, model, tmp_path):
    arguments = ("train", features, "--label", "voice", "--group", "person", "--out")
    trained = hilbert(*arguments, tmp_path / "a", "--set", "stack.least=1", "--decide", "low=5,high=1", *QUICK[:4])
    assert trained.exit_code == 0, trained.output
    shares = "".join(rf"{name} \d+%, " for name in ("voice", "words", "both", "steady", "changing"))
    said = " ".join(trained.output.split())  # however wide the terminal is
    assert re.search(rf"what predicts, by its share in the logits: {shares}network \d+%", said)
    assert "epochs: joint " in trained.output
    assert "How it decides" in (tmp_path / "a" / "README.md").read_text(encoding="utf-8")
    assert HilbertClassifier.load(tmp_path / "a").decide == {"low": 5.0, "high": 1.0}
    few = hilbert(*arguments, tmp_path / "b", *QUICK[:4])
    assert "epochs: none, the network is not trained with fewer than 200 labels" in few.output
    alone = hilbert(*arguments, tmp_path / "c", "--set", "stack.members=[voice]")
    assert "epochs: none, the network is not trained without a member that needs it" in alone.output
    assert "share in the logits: voice 100%" in alone.output
    assert HilbertClassifier.load(model).decide == "balanced"


def test_decisions_of_a_saved_model_are_those_it_was_trained_with_unless_said(
    hilbert, features, new_features, model, tmp_path
):
    saved = tmp_path / "m"
    shutil.copytree(model, saved)
    header = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    (saved / "model.json").write_text(json.dumps(header | {"decide": {"low": 1e90, "high": 1}}), encoding="utf-8")
    assert hilbert("predict", saved, features, "--out", tmp_path / "p.csv").exit_code == 0
    table = pa_csv.read_csv(tmp_path / "p.csv")
    assert set(table["predicted"].to_pylist()) == {"low"}
    assert min(table["p_low"].to_numpy()) < 0.5
    common = ("evaluate", new_features, "--model", saved, "--label", "voice", "--out", tmp_path / "r", "--no-monitors")
    for options, everything_is_low in (((), True), (("--decide", "balanced"), False)):
        result = hilbert(*common, *options)
        assert result.exit_code == 0, result.output
        said = set(pq.read_table(tmp_path / "r" / "predictions.parquet")["decided"].to_pylist())
        assert (said == {"low"}) == everything_is_low


def test_decide_reaches_every_model_that_has_it(hilbert, features, tmp_path):
    result = hilbert(
        "evaluate", features, "--label", "voice", "--folds", 2, "--repeats", 1,
        "--models", "prior,audio-lr,late-stack", "--decide", "high=1e90,low=1", "--jobs", "1", "--no-monitors",
        "--out", tmp_path / "r",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    models = Result.load(tmp_path / "r").config["models"]
    assert models["audio-lr"]["decide"] == models["late-stack"]["decide"] == {"high": 1e90, "low": 1.0}
    predictions = Result.load(tmp_path / "r").predictions
    assert all((predictions.decisions(name) == 0).all() for name in ("audio-lr", "late-stack"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("balanced", "balanced"),
        ("probable", "probable"),
        ("low=5,rest=1", {"low": 5.0, "rest": 1.0}),
        ("a=b=2, c d=.5", {"a=b": 2.0, "c d": 0.5}),
    ],
)
def test_costs_are_read(text, expected):
    assert read_decide(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("balancd", "expected balanced, probable or costs"),
        ("low=five", "expected a number after 'low', found 'five'"),
        ("low=5,rest", "expected a number after ''"),
        ("low=5,low=1", "'low' is there twice"),
    ],
)
def test_costs_that_cannot_be_read(text, said):
    with pytest.raises(UsageError, match=said):
        read_decide(text)


def test_predict_agrees_over_store_manifest_and_recording(hilbert, manifest, features, model, tmp_path):
    outs = {}
    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    lines = manifest.with_name("lines.ndjson")  # beside the files that it names
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = {"store": features, "manifest": manifest, "lines": lines, "recording": manifest.parent / "3.wav"}
    for name, source in sources.items():
        out = tmp_path / f"{name}.csv"
        result = hilbert("predict", model, source, "--out", out)
        assert result.exit_code == 0, result.output
        outs[name] = pa_csv.read_csv(out)
    assert outs["store"].num_rows == 16
    probabilities = {name: table["p_low"].to_numpy() for name, table in outs.items()}
    np.testing.assert_allclose(probabilities["manifest"], probabilities["store"], rtol=1e-5)
    assert np.array_equal(probabilities["lines"], probabilities["manifest"])
    np.testing.assert_allclose(probabilities["recording"], probabilities["store"][3:4], rtol=1e-4)


def test_embed_writes_three_embeddings(hilbert, features, model, tmp_path):
    out = tmp_path / "z.parquet"
    assert hilbert("embed", model, features, "--out", out).exit_code == 0
    table = pq.read_table(out)
    assert table.num_rows == 16
    assert {"id", "audio_0", "text_0", "joint_0"} <= set(table.column_names)
    assert np.isfinite(table["joint_0"].to_numpy()).all()


def test_predict_warns_of_a_recording_unlike_all_others(hilbert, manifest, model, tmp_path):
    time = np.arange(2 * 16000) / 16000
    soundfile.write(tmp_path / "strange.wav", np.sign(np.sin(2 * np.pi * 3000 * time)), 16000)
    out = tmp_path / "p.csv"
    usual = hilbert("predict", model, manifest.parent / "3.wav", "--out", out)
    assert "Unlike" not in usual.output
    strange = hilbert("predict", model, tmp_path / "strange.wav", "--out", out)
    assert strange.exit_code == 0, strange.output
    assert "Unlike what the model was trained on: 1 of 1 documents" in strange.output
    assert "document strange: its audio lies" in strange.output


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("extract", (), "What was finished is kept"),
        ("evaluate", (), "Nothing is finished.\n"),
        ("train", (), "Nothing is finished. With --checkpoint it would be kept."),
        ("train", ("--checkpoint", "c"), "What was finished is kept"),
    ],
)
def test_an_interrupted_command_says_what_is_left(
    hilbert, features, manifest, tmp_path, monkeypatch, name, options, said
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Corpus, "from_manifest", interrupt)
    source = (manifest, "--speech", "prosody") if name == "extract" else (features, "--label", "voice")
    result = hilbert(name, *source, "--out", tmp_path / "out", *options)
    assert result.exit_code == 130
    assert f"Interrupted. {said}" in result.output


def test_messages_name_what_was_wrong(hilbert, manifest, features, model, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(features, broken)
    next((broken / "objects").rglob("*.safetensors")).unlink()
    cases = [
        (("evaluate", manifest, "--label", "voice", "--out", tmp_path / "r"), "run `hilbert extract` first"),
        (("evaluate", broken, "--label", "voice", "--out", tmp_path / "r"), "are missing"),
        (("evaluate", features, "--label", "id", "--out", tmp_path / "r"), "another value for each of 16"),
        (("evaluate", features, "--label", "voice", "--group", "voice", "--out", tmp_path / "r"), "the same column"),
        (("evaluate", features, "--label", "voice", "--device", "gpu", "--out", tmp_path / "r"), "cpu, cuda or mps"),
        (("evaluate", features, "--label", "voice", "--jobs", "0", "--out", tmp_path / "r"), "jobs"),
        (
            (
                "evaluate",
                features,
                "--label",
                "voice",
                "--models",
                "prior",
                "--set",
                "cka.wait=1",
                "--out",
                tmp_path / "r",
            ),
            "weight",
        ),
        (
            (
                "evaluate",
                features,
                "--label",
                "voice",
                "--models",
                "prior",
                "--set",
                "cka.weight=1",
                "--out",
                tmp_path / "r",
            ),
            "add hilbert to --models",
        ),
        (("extract", manifest, "--speech", "prosodie", "--out", tmp_path / "f"), "did you mean prosody?"),
        (("extract", manifest, "--speech", "prosody", "--out", manifest), "found a file; choose another --out"),
        (("extract", manifest, "--speech", "prosody", "--window", "0", "--out", tmp_path / "f"), "--window: expected"),
        (("predict", model, features, "--transcript", "t.vtt", "--out", tmp_path / "p.csv"), "belongs to a recording"),
        (("report", features, "--out", tmp_path), "a file ending in .html"),
        (("train", features, "--label", "nope", "--out", tmp_path / "m"), "voice"),
        (("train", tmp_path, "--label", "voice", "--out", tmp_path / "m"), "feature store"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--set", "cka.wait=1"), "weight"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--set", "preset=paper"), "robust"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--device", "cuda:7"), "cuda"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--seed", "-1"), "seed"),
        (("train", features, "--label", "voice", "--out", features), "choose another"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--decide", "best"), "--decide: expected"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--decide", "low=2"), "high, low"),
        (("evaluate", features, "--label", "voice", "--out", tmp_path / "r", "--decide", "best"), "--decide: expected"),
        (("train", features, "--label", "voice", "--out", tmp_path / "m", "--set", "cka.weight"), "name=value"),
        (("evaluate", features, "--label", "voice", "--models", "magic", "--out", tmp_path / "r"), "concat-lr"),
        (("predict", tmp_path, features, "--out", tmp_path / "p.csv"), "saved model"),
        (("predict", model, features, "--out", tmp_path / "p.txt"), ".parquet"),
        (("report", tmp_path, "--out", tmp_path / "r.html"), str(tmp_path)),
        (("recipe", "nothing", tmp_path, "--out", tmp_path / "q"), "speechocean762"),
    ]
    for arguments, expected in cases:
        result = hilbert(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert expected in result.output, (arguments, result.output)
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "name", ["check", "encoders", "extract", "train", "evaluate", "embed", "predict", "report", "recipe", "demo"]
)
def test_help_has_an_example(hilbert, name):
    result = hilbert(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"hilbert {name}" in " ".join(result.output.split())
