"""A corpus of real small files, taken through the commands once a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from hilbert.cli.main import app

DOCUMENTS = 16


@pytest.fixture(scope="session")
def hilbert():
    """Run a command in this process: hilbert("check", path) → result with exit_code and output."""

    def run(*arguments: Any):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return run


def tone(path: Path, pitch: float, seconds: float, seed: int) -> None:
    time = np.arange(int(seconds * 16000)) / 16000
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
    noise = np.random.default_rng(seed).normal(size=len(time))
    soundfile.write(path, 0.1 * wave + 0.01 * noise, 16000)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Path:
    """Low and high voices, two documents a person."""
    return voices(tmp_path_factory.mktemp("corpus"), 0)


@pytest.fixture(scope="session")
def new_features(hilbert, tmp_path_factory) -> Path:
    """Other recordings of the same kind, for a model that was trained on the first ones."""
    out = tmp_path_factory.mktemp("new-store") / "features"
    other = voices(tmp_path_factory.mktemp("new-corpus"), 100)
    result = hilbert("extract", other, "--speech", "prosody", "--window", "1", "--out", out)
    assert result.exit_code == 0, result.output
    return out


def voices(folder: Path, seed: int) -> Path:
    rows = ["id,audio,voice,person,split"]
    for i in range(DOCUMENTS):
        high = i // 2 % 2
        tone(folder / f"{i}.wav", 110 * (1 + high) + 2 * i, 2.5 + 0.25 * (i % 3), seed + i)
        split = "test" if i >= DOCUMENTS - 4 else "train"
        rows.append(f"{i:03d},{i}.wav,{'high' if high else 'low'},p{i // 2},{split}")
    path = folder / "manifest.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def features(hilbert, manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("store") / "features"
    result = hilbert("extract", manifest, "--speech", "prosody", "--window", "1", "--out", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="session")
def model(hilbert, features, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("saved") / "model"
    quick = ("--set", "training.epochs=2", "--set", "training.head_epochs=2")
    result = hilbert("train", features, "--label", "voice", "--group", "person", "--out", out, *quick)
    assert result.exit_code == 0, result.output
    return out
