from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilbert.encoders import EncoderSpec, load_speech, load_text
from hilbert.errors import ConfigError, EncoderError, MissingDependencyError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HILBERT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["whisper-tiny.en", "whisper-base", "resemblyzer"])
def test_a_missing_speech_pack_names_the_command(name: str) -> None:
    with pytest.raises(EncoderError, match=f"hilbert encoders install {name}"):
        load_speech(name)


@pytest.mark.parametrize("name", ["minilm-l6", "mpnet-base", "wordllama"])
def test_a_missing_text_pack_names_the_command(name: str) -> None:
    with pytest.raises(EncoderError, match=f"hilbert encoders install {name}"):
        load_text(name)


def test_a_hub_id_that_is_not_here_names_the_pack_of_the_same_weights() -> None:
    with pytest.raises(EncoderError, match=r"'openai/whisper-base'.*hilbert encoders install whisper-base"):
        load_speech("openai/whisper-base", offline=True)
    with pytest.raises(EncoderError, match="hilbert encoders install minilm-l6"):
        load_text("sentence-transformers/all-MiniLM-L6-v2", offline=True)
    with pytest.raises(EncoderError, match=r"'owner/model'.*not on this machine and offline is set"):
        load_speech("owner/model", offline=True)
    with pytest.raises(EncoderError, match=r"one of whisper-tiny\.en"):
        load_speech("./no/such/folder", offline=True)


def test_speech_and_text_are_not_mixed_up(whisper_folder: Path, bert_folder: Path) -> None:
    with pytest.raises(EncoderError, match="is a text encoder"):
        load_speech("minilm-l6")
    with pytest.raises(EncoderError, match="is a speech encoder"):
        load_text("whisper-base")
    with pytest.raises(EncoderError, match="is a speech encoder"):
        load_text("prosody")
    with pytest.raises(EncoderError, match="is a speech encoder"):
        load_text(str(whisper_folder))
    with pytest.raises(EncoderError, match="of type 'bert'; speech encoders are whisper"):
        load_speech(str(bert_folder))


def test_packs_and_folders_have_no_revision(whisper_folder: Path) -> None:
    for name in ("whisper-base", str(whisper_folder)):
        with pytest.raises(ConfigError, match="no revision"):
            load_speech(EncoderSpec(name=name, revision="abc"))


def test_a_device_that_is_not_here(whisper_folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(EncoderError, match="no CUDA; use cpu"):
        load_speech(EncoderSpec(name=str(whisper_folder), device="cuda"))


def test_without_transformers_the_extra_is_named(whisper_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hilbert-speech\[encoders\]'"):
        load_speech(str(whisper_folder))


def test_a_model_that_brings_code_is_not_run(tmp_path: Path) -> None:
    config = {"model_type": "own", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('this code must not run')")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_speech(str(tmp_path))


def test_importing_the_encoders_is_light() -> None:
    code = "import sys, hilbert.encoders; print('transformers' in sys.modules, 'tokenizers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def hub_cache(home: Path, name: str, folder: Path, commit: str) -> None:
    """Lay a model folder out as the hub's cache does; with a .bin file, as older models have."""
    import torch
    from safetensors.torch import load_file

    snapshot = home / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        if file.suffix == ".safetensors":
            torch.save(load_file(file), snapshot / "pytorch_model.bin")
        else:
            (snapshot / file.name).write_bytes(file.read_bytes())
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)


@pytest.mark.slow
def test_offline_opens_no_connection(whisper_folder: Path, bert_folder: Path, wave_folder: Any, tmp_path: Path) -> None:
    """With every socket forbidden, models in the hub's cache load, and identity tells their commit."""
    home, commit = tmp_path / "home", "c0ffee" + "0" * 34
    hub_cache(home, "owner/whisper", whisper_folder, commit)
    hub_cache(home, "owner/bert", bert_folder, commit)
    hub_cache(home, "owner/wave", wave_folder("hubert"), commit)
    code = """
        import socket, sys, threading
        import numpy as np

        def refuse(*args, **kwargs):
            print("CONNECTION", args)
            raise OSError("no network in this test")

        socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
        from hilbert.encoders import load_speech, load_text

        wave = np.full(16000, 0.1, np.float32)
        for name in ("owner/whisper", "owner/wave"):
            encoder = load_speech(name, offline=True)
            print(encoder.identity["encoder"], encoder.identity["revision"], encoder.frames(wave).shape[1])
        encoder = load_text("owner/bert", offline=True)
        print(encoder.identity["encoder"], encoder.identity["revision"], encoder.encode(["good"]).values.shape[1])
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                print("THREAD", thread.name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={"HF_HOME": str(home), "PATH": "", "HOME": str(home), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"owner/{name} {commit} 16" for name in ("whisper", "wave", "bert")]
    assert done.stderr == ""


def test_safetensors_and_bin_give_the_same_frames(whisper_folder: Path, tmp_path: Path) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file

    other = shutil.copytree(whisper_folder, tmp_path / "bin")
    torch.save(load_file(other / "model.safetensors"), other / "pytorch_model.bin")
    (other / "model.safetensors").unlink()
    wave = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    frames = [load_speech(str(folder)).frames(wave) for folder in (whisper_folder, other)]
    np.testing.assert_array_equal(frames[0], frames[1])
