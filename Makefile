# Everything runs from .venv, which the first target that needs it makes.
PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow test-data check

help:
	@echo "make install     make .venv and install the package with its development tools"
	@echo "make demo        the whole way on a small corpus of synthetic speech (5 to 7 minutes on 2 cores)"
	@echo "make test        the tests that need nothing but the package"
	@echo "make test-slow   the tests that take longer, and those that use installed weight packs"
	@echo "make test-data   the tests on the public corpora in HILBERT_DATA"
	@echo "make check       lint, format, types and import layering"
	@echo
	@echo "PYTHON=python3.12             another interpreter for .venv (3.11 or newer)"
	@echo "PIP_ARGS='--extra-index-url https://download.pytorch.org/whl/cpu'"
	@echo "                              more arguments for pip, here for a PyTorch without CUDA on Linux"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make install PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) \
	  || { rm -rf $(VENV); echo "$(PYTHON) could not make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/hilbert demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m '(slow or packs) and not data and not gpu'

test-data: $(STAMP)
	@test -n "$$HILBERT_DATA" || { echo "HILBERT_DATA names no folder; set it to the one that holds the public corpora" >&2; exit 1; }
	$(BIN)/python -m pytest -m 'data and not gpu'

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py tests/test_files.py
