# What a newcomer types: `make run`, `make test`. Needs Python >= 3.11 and nothing else; makes .venv by itself, and a second call is quick.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=
WORKERS ?= 2
# A file of tests stays in one process: it shares its servers. One test that is looked at alone: make test WORKERS=0 ARGS="path -x"
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.PHONY: help setup setup-dev browser run test test-slow check format lint types dockerfile bench flywheel model doctor tree lock audit sbom clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo; echo '  ARGS="..." is handed on: make run ARGS="--port 8000 --no-browser", make test ARGS="tests/core -k box"'

setup: $(VENV)/ready  ## the environment, and nothing else

run: setup  ## start inspector, dashboard and API, and open the browser
	@exec $(BIN)/python launch.py run $(ARGS)

doctor: setup  ## what works on this machine, and what to do about what does not
	@$(BIN)/python launch.py doctor $(ARGS)

test: setup-dev browser  ## every test but the slow ones, Chromium included
	$(PYTEST) $(ARGS)

test-slow: setup-dev browser  ## every test, trainers of other houses in environments of their own among them (hours, some 6 GB)
	$(BIN)/python -m supply.trainers all
	$(BIN)/python -m pytest -m "slow or not slow" $(ARGS)

check: setup-dev browser lint types dockerfile  ## ruff format, ruff, mypy strict, Dockerfile, pytest
	$(PYTEST) $(ARGS)

format: setup-dev  ## write the code as ruff wants it
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev
	$(BIN)/mypy

dockerfile: setup-dev
	$(BIN)/hadolint Dockerfile

bench: setup-dev  ## what is fast and what is not, each beside a peer or a floor
	$(BIN)/python -m bench.run $(ARGS)

flywheel: setup  ## play the whole circle on a bench the model has never seen: pick, correct, teach, compare, promote (half an hour)
	$(BIN)/python -m bench.flywheel $(ARGS)

model: setup  ## train the compact model (hours on a CPU; goes on where it stopped)
	$(BIN)/python -m core.compact $(ARGS)

tree: setup  ## write the tree of files in the README
	@$(BIN)/python -m tests.tree

lock: setup-dev  ## write the lock files (every version and hash) from requirements.txt
	$(BIN)/python -m supply.lock

audit: setup-dev  ## hold what is locked against the known flaws; red where it could not ask
	$(BIN)/python -m supply.audit $(ARGS)

sbom: setup-dev  ## write the bill of materials into dist/
	$(BIN)/python -m supply.sbom $(ARGS)

clean:  ## remove the environment and every cache; never your data
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment. Stamp files say what is installed: a second call only compares dates.
$(VENV)/made:
	@test -n "$(PYTHON)" || { echo "GembaLens needs Python 3.11 or newer, and none was found. Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "GembaLens needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing. On Debian or Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/ready: requirements.txt | $(VENV)/made
	@echo "Installing what GembaLens needs (once, some minutes; longer where the package index has no CPU build of torch) ..."
	@$(PIP) install "$$(grep -E '^torch==' requirements.txt)"
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/ready-dev: requirements-dev.txt $(VENV)/ready
	@echo "Installing the test tools ..."
	@$(PIP) install -r requirements-dev.txt
	@touch $@

setup-dev: $(VENV)/ready-dev

# Chromium: whatever is there, else Debian's (as root), else Playwright's own. None of them is a failure.
browser: $(VENV)/ready-dev
	@$(BIN)/python tests/browser/install.py
