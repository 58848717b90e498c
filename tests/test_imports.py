"""Imports point one way: a module imports only what stands before it in ORDER."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hilbert"
ORDER = (
    "_version",
    "errors",
    "files",
    "presets",
    "config",
    "splits",
    "metrics",
    "corpus",
    "segments",
    "encoders",
    "features",
    "datasets",
    "nn",
    "losses",
    "training",
    "estimators",
    "inference",
    "baselines",
    "monitors",
    "evaluation",
    "report",
    "demo",
    "synthetic",
    "benchmark",
    "studies",
    "cli",
)
OPTIONAL = ("transformers", "tokenizers", "matplotlib", "jinja2", "hibari", "onnxruntime")


def parts(source: Path) -> dict[str, list[Path]]:
    """Python files by the part of the package they belong to; the package's own face is no part."""
    found: dict[str, list[Path]] = {}
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).parts[0].removesuffix(".py")
        if name != "__init__":
            found.setdefault(name, []).append(path)
    return found


def imported(path: Path, source: Path) -> Iterator[tuple[int, str]]:
    """Line and part of every import from the package, wherever in the file; "" is the package's own face."""
    names = {item.name.removesuffix(".py") for item in source.iterdir()}
    package = ["hilbert", *path.relative_to(source).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = [f"{module}.{alias.name}" if module == "hilbert" else module for alias in node.names]
        for module in modules:
            head, _, rest = module.partition(".")
            if head == "hilbert":
                name = rest.partition(".")[0]
                yield node.lineno, name if name in names else ""


def violations(source: Path) -> list[str]:
    found = []
    for part, paths in parts(source).items():
        if part not in ORDER:
            found.append(f"{part}: not in ORDER; give it its place")
            continue
        for path in paths:
            for line, name in imported(path, source):
                where = f"{path.relative_to(source)}:{line}"
                if not name and part != "cli":
                    found.append(f"{where}: imports the package's own face; import the module that defines it")
                elif name and (name not in ORDER or ORDER.index(name) > ORDER.index(part)):
                    found.append(f"{where}: {part} imports {name}, which does not stand before it")
    return sorted(set(found))


def test_imports_point_one_way() -> None:
    assert violations(SOURCE) == []


@pytest.mark.parametrize(
    "line",
    [
        "from hilbert.corpus.document import Cue",
        "import hilbert.corpus",
        "from hilbert import corpus",
        "from .corpus import document",
        "def f():\n    from hilbert.corpus import Cue",
        "from hilbert import extract",
        "import hilbert",
    ],
)
def test_an_import_the_other_way_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "__init__.py").write_text("from hilbert.errors import HilbertError\n")
    (tmp_path / "errors.py").write_text(f"{line}\n")
    assert len(violations(tmp_path)) == 1


def test_importing_the_package_loads_nothing_optional() -> None:
    code = f"import sys, hilbert; print(*[name for name in {OPTIONAL} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
