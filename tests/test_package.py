"""What importing and starting the package loads."""

from __future__ import annotations

import subprocess
import sys

import hilbert

EXTRAS = ("transformers", "tokenizers", "matplotlib", "jinja2", "hibari_tts")


def loaded(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_no_extra_and_not_even_torch():
    assert not loaded("import hilbert") & {*EXTRAS, "torch", "sklearn", "pyarrow"}


def test_the_estimators_load_no_extra():
    assert not loaded("import hilbert; hilbert.HilbertClassifier; hilbert.evaluate") & set(EXTRAS)


def test_synthetic_corpora_are_drawn_without_models():
    assert not loaded("import hilbert; hilbert.synthetic.generate") & {*EXTRAS, "torch", "sklearn", "pyarrow"}


def test_the_command_line_starts_without_heavy_libraries():
    assert not loaded("import hilbert.cli.main") & {*EXTRAS, "torch", "sklearn", "numpy", "pyarrow"}


def test_every_public_name_is_there():
    for name in hilbert.__all__:
        assert getattr(hilbert, name) is not None
