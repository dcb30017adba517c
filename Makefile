# The project's targets; `make` alone lists them. Everything is set up on first use, in .venv/ and .imagej-core/.
.DEFAULT_GOAL := help
.PHONY: help lock venv demo test test-all test-thorough bench faults kills answers aws-smoke laptop-gone lint check image image-core image-push clean

# Where Python may write no bytecode, every command and every worker compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
# What is installed is what the lock files name, byte for byte; `make lock` writes them anew.
UV := $(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes
PIP := $(BIN)/python -m pip install --quiet --require-hashes
LOCK := $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --constraint constraints.txt
ARGS ?=
# More than two cores could compute at once: many tests wait for other processes and for timers.
WORKERS ?= 5
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BENCH ?=
FAULTS ?=
SEED ?= 1

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

venv: .venv/.local ## Set up .venv, which the commands run in.

demo: .venv/.local ## Run the main job on the embedded cloud, from setup to results; BIOFORMATS=1 adds Bio-Formats.
	@test -n "$$FIJI_HOME" || $(BIN)/python -m worker.imagej.install >/dev/null
	@bash files/demo/demo.sh

test: .venv/.dev ## Set up and run the tests, in minutes; ARGS="-k word" selects.
	@$(BIN)/python -m worker.imagej.install >/dev/null
	$(PYTEST) $(ARGS)

test-all: .venv/.dev ## Run the slow tests too, as CI does.
	@$(BIN)/python -m worker.imagej.install >/dev/null
	$(PYTEST) -m "not thorough" $(ARGS)

test-thorough: .venv/.dev ## Run all tests, for hours: every case on every FIJI.
	@$(BIN)/python -m worker.imagej.install >/dev/null
	$(PYTEST) -m "" $(ARGS)

bench: .venv/.dev ## Measure, side by side in one run; BENCH="worker transfers" selects.
	@$(BIN)/python -m worker.imagej.install >/dev/null
	$(BIN)/python -m benchmarks $(BENCH)

faults: .venv/.dev ## Inject faults into real workers (about 25 minutes); FAULTS="R1 R5" SEED=2 select.
	@$(BIN)/python -m worker.imagej.install >/dev/null
	$(BIN)/python -m tests.faults --seed $(SEED) $(FAULTS)

kills: .venv/.dev ## Kill every command after each of its API calls, and run it again; let monitor and janitor meet.
	$(BIN)/python -m tests.monitor.kills $(ARGS)

answers: .venv/.dev ## Meet every call of the commands with errors, stale and half answers; look what is left.
	$(BIN)/python -m tests.monitor.answers $(ARGS)

aws-smoke: .venv/.dev ## Run two jobs on a real account, for some cents, and report what AWS answers (docs/aws.md).
	$(BIN)/python -m tests.smoke $(ARGS)

laptop-gone: .venv/.dev ## Kill the monitor at fifty random moments; the janitor must end every run.
	$(BIN)/python -m tests.monitor.laptop 50

lint: .venv/.dev ## Look for mistakes without running anything.
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

check: lint test ## What must be green before a change lands.

image: .venv/.local ## Build the worker image, its name from DOCKERHUB_TAG.
	$(MAKE) -C worker build $(if $(findstring ://,$(FIJI_ARCHIVE)),,$(if $(FIJI_ARCHIVE),FIJI_ARCHIVE=$(abspath $(FIJI_ARCHIVE))))

image-core: .venv/.local ## Build the worker image with ImageJ core, where no FIJI image can be had.
	$(MAKE) -C worker core

image-push: .venv/.local ## Upload the worker image.
	$(MAKE) -C worker push

lock: .venv/.uv ## Write the lock files anew, after requirements*.txt or constraints.txt have changed.
	$(LOCK) requirements-local.txt -o requirements-local.lock
	$(LOCK) requirements-dev.txt -o requirements-dev.lock
	$(LOCK) requirements-uv.txt -o requirements-uv.lock
	$(LOCK) worker/requirements.txt -o worker/requirements.lock
	$(LOCK) worker/core-requirements.txt -o worker/core-requirements.lock

clean: ## End the embedded cloud and remove what was made here; results in local-cloud/ too.
	@test ! -x $(BIN)/python || $(BIN)/python run.py local reset --yes
	rm -rf .venv .imagej-core .imagej-core-parsed .fiji-runner

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; make PYTHON=python3.12 names another." >&2; exit 1; }
	@echo "Making the virtual environment .venv …" >&2
	@$(PYTHON) -m venv .venv \
	  || { echo "Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# uv installs in seconds what takes pip minutes; where it cannot be had, or cannot reach the index, pip does.
.venv/.uv: .venv/bin/python
	@$(PIP) -r requirements-uv.lock || true
	@touch $@

.venv/.local: requirements-local.lock | .venv/.uv
	@echo "Installing packages …" >&2
	@$(UV) -r requirements-local.lock || $(PIP) -r requirements-local.lock
	@touch $@

# Compiled once: the processes of a first run would compile it all side by side.
.venv/.dev: requirements-dev.lock .venv/.local
	@$(UV) -r requirements-dev.lock || $(PIP) -r requirements-dev.lock
	@$(BIN)/python -m compileall -q run.py distributed_fiji worker tests benchmarks
	@touch $@
