"""Rules that every file of the project keeps."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FILES = SOURCES + sorted((ROOT / "tests").rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {file: lines for file, lines in long.items() if lines > 400} == {}


def forbidden(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"{node.lineno}: imports {m}" for m in modules if m.partition(".")[0] in {"pickle", "dill"}]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            weights_only = any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords)
            if called in {"eval", "exec", "warnings.filterwarnings", "joblib.dump", "joblib.load", "torch.save"} or (
                called == "torch.load" and not weights_only
            ):
                found.append(f"{node.lineno}: calls {called}")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"{node.lineno}: catches everything")
    return found


def test_sources_use_nothing_forbidden() -> None:
    found = {name(path): forbidden(ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line", ["import pickle", "eval('1')", "torch.load(path)", "torch.load(p, weights_only=False)", "torch.save(x, p)"]
)
def test_a_forbidden_line_is_found(line: str) -> None:
    assert forbidden(ast.parse(line))


def test_constraints_hold_a_version_of_every_dependency_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    pins = dict(
        re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups()  # type: ignore[union-attr]
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    versions = {canonicalize_name(pin): version for pin, version in pins.items()}
    for requirement in map(Requirement, lines):
        if requirement.name != project["name"]:
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement
