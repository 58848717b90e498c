"""The commands and the code of README and docs, run as written, at a small size."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from hilbert.cli.main import app
from hilbert.encoders import install, installed
from hilbert.errors import EncoderError

ROOT = Path(__file__).parents[1]
SMALL = {
    "evaluate": "--folds 2 --repeats 1 --jobs 1 --set training.epochs=2 --set training.head_epochs=2",
    "train": "--set training.epochs=2 --set training.head_epochs=2",
}


def blocks(file: str, language: str = "") -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [body for name, body in found if name == language]


def commands(file: str) -> list[list[str]]:
    lines = [line.strip() for block in blocks(file) for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hilbert ")]


def run(arguments: list[str]):
    return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """`hilbert demo --documents 6`, with the real voice and the real encoders."""
    for pack in ("whisper-tiny.en", "minilm-l6"):
        if installed(pack) is None:
            try:
                install(pack)
            except EncoderError as error:
                pytest.skip(f"the weight pack {pack} cannot be had here: {error}")
    out = tmp_path_factory.mktemp("demo") / "hilbert-demo"
    first = run(["demo", "--documents", "6", "--out", str(out)])
    return out, first


def test_the_demo_goes_the_whole_way_and_repeats_nothing(demo):
    out, first = demo
    assert first.exit_code == 0, first.output
    assert "synthetic" in first.output
    assert "concat-lr" in first.output
    assert "Synthetic speech" in (out / "report.html").read_text(encoding="utf-8")
    again = run(["demo", "--documents", "6", "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert again.output.count("Nothing to do") == 2


@pytest.fixture(scope="module")
def own_recordings(demo, tmp_path_factory) -> Path:
    """The demo's speech as a user's corpus, under the names that README uses."""
    folder = tmp_path_factory.mktemp("own")
    corpus = demo[0] / "corpus"
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("recordings", "transcripts"):
        (folder / name).symlink_to(corpus / name)
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "transcript", "diagnosis", "patient"])
        for row in rows:
            writer.writerow([row["id"], row["audio"], row["transcript"], row["state"] == "calm", row["id"]])
    samples, rate = soundfile.read(corpus / rows[0]["audio"])
    soundfile.write(folder / "new-call.wav", samples, rate)
    (folder / "new-call.vtt").write_bytes((corpus / rows[0]["transcript"]).read_bytes())
    return folder


def backwards(corpus: Path, folder: Path) -> None:
    """New recordings that no model has seen: the same speech, from its end to its beginning."""
    folder.mkdir()
    (folder / "transcripts").symlink_to(corpus / "transcripts")
    (folder / "recordings").mkdir()
    shutil.copy(corpus / "manifest.csv", folder)
    for path in (corpus / "recordings").iterdir():
        samples, rate = soundfile.read(path)
        soundfile.write(folder / "recordings" / path.name, samples[::-1], rate)


@pytest.mark.parametrize("file", ["README.md", "docs/getting-started.md"])
def test_the_commands_work_as_written(file, own_recordings, monkeypatch, tmp_path):
    for path in own_recordings.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    listed = [c for c in commands(file) if c[0] not in ("demo", "...")]
    assert {"check", "extract", "evaluate", "report", "train", "predict"} <= {c[0] for c in listed}
    if any("new-features/" in arguments for arguments in listed):
        backwards(own_recordings, tmp_path / "new")
        made = ["--speech", "whisper-tiny.en", "--text", "minilm-l6", "--allow-outside", "--out", "new-features"]
        assert run(["extract", "new/manifest.csv", *made]).exit_code == 0
    for arguments in listed:
        small = [] if "--model" in arguments else shlex.split(SMALL.get(arguments[0], ""))
        outside = ["--allow-outside"] if arguments[0] in ("check", "extract") else []
        result = run([*arguments, *small, *outside])
        assert result.exit_code == 0, (arguments, result.output)
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "prediction.csv").exists()


def test_the_code_works_as_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code = blocks("README.md", "python")[0]
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["model"].predict_proba(names["bags"]).shape == (125, 6)
    assert names["result"].metrics["models"]["concat-lr"]["auc"]["value"] > 0.8
    exec(compile(blocks("docs/getting-started.md", "python")[0], "getting-started.md", "exec"), names)
    assert names["result"].metrics["models"]["prior"]["auc"]["value"] == pytest.approx(0.5)


def test_every_link_between_the_documents_leads_somewhere():
    for file in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (file.parent / target).exists(), f"{file.name}: {target}"
