"""Files are written whole or not at all, and are no more public than the user wants."""

from __future__ import annotations

import os
import stat

import pytest

from hilbert.errors import UsageError
from hilbert.files import own_folder, replace_file, write_json, write_text


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_the_mask_of_the_user_is_kept(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "private.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private.txt").stat().st_mode) == mode


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"a": float("nan")})
    with pytest.raises(IsADirectoryError), replace_file(path) as part:
        part.parent.write_text("the writer fails half-way")
    assert path.read_text(encoding="utf-8") == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="choose another"):
        own_folder(tmp_path, "weights.safetensors", "model")
    (tmp_path / "weights.safetensors").touch()
    assert own_folder(tmp_path, "weights.safetensors", "model") == tmp_path
    assert own_folder(tmp_path / "new", "x", "model").is_dir()
