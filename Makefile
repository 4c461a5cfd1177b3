# The workflow, one target a step. `make` alone lists them.
PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check fix prove bench lock

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: .venv/.run  ## make .venv with the pinned, hashed requirements and the command .venv/bin/elchi

demo: .venv/.run  ## the whole bot on this machine: no token, no network (ARGS="--port 8088", ARGS=--once)
	$(BIN)/elchi demo $(ARGS)

test: .venv/.dev  ## every test, on SQLite and on a real PostgreSQL (ARGS="-k feeds" for some)
	$(BIN)/pytest -n $(WORKERS) --databases=both --hypothesis-profile=ci $(ARGS)

check: .venv/.dev  ## what CI runs: format, lint, types, import contracts, tests, a sample of each proof
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(MAKE) --no-print-directory test
	$(BIN)/python -m bench.proofs --sample

fix: .venv/.dev  ## format, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

prove: .venv/.dev  ## the long form of each proof; writes docs/proofs.md
	$(BIN)/python -m bench.proofs --long --write docs/proofs.md

bench: .venv/.dev  ## measure how fast a broadcast reaches everybody, and what reading feeds costs
	$(BIN)/python -m bench.fanout $(ARGS)
	$(BIN)/python -m bench.feeds

lock:  ## pin the requirements anew (needs uv); no address of an index is written
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(call compile,build,requirements.lock)
	$(call compile,dev,requirements-dev.lock)

compile = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate pyproject.toml --group $(1) -o $(2)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("Elchi needs Python 3.11 or newer; for example: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

# Stamps: written after a successful installation, so that the second time is quick.
.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
