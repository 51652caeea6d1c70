# make install    set up .venv            make demo    see a generator forget its windows
# make test       the fast tests          make check   all that continuous integration runs
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# make PYTHON=... takes another interpreter; make VENV=... puts the environment elsewhere
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ganlab-installed

.PHONY: help install demo test test-slow lint types docs check clean

help:
	@echo "make install    set up $(VENV) with ganlab and its tests"
	@echo "make demo       ganlab probe windows --drop: see a generator forget how to draw windows"
	@echo "make test       the fast tests; make test-slow: the others"
	@echo "make lint       ruff; make types: mypy; make docs: write docs/commands.md anew"
	@echo "make check      all that continuous integration runs"
	@echo "make clean      remove the environment and caches, keep runs/"

install: $(STAMP)

# pip runs only when what is to be installed has changed: ganlab itself is editable
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "ganlab needs Python 3.11 or newer, and none was found on PATH."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "ganlab needs Python 3.11 or newer, but $(PYTHON) is" `"$(PYTHON)" --version 2>&1`; exit 1; } >&2
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || { \
		echo "The environment could not be made; on Debian and Ubuntu: apt install python3-venv"; \
		rm -rf $(VENV); exit 1; } >&2
	@echo "Installing into $(VENV); the first time takes minutes, torch is large."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install
	$(BIN)/ganlab probe windows --drop

test: install
	$(BIN)/python -m pytest

test-slow: install
	$(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: install
	$(BIN)/mypy

docs: install
	$(BIN)/python docs/generate.py

check:
	./.ci/run

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
