# The front door for every chore. `make solve` and `make test` work from a bare checkout with Python >= 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH  ?= $(if $(shell command -v nvidia-smi 2>/dev/null),cuda,cpu)
BUDGET ?= 2000
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: solve test lint types contracts tests format lock clean bench-model bench-valuation bench-solver fuzz

solve: $(VENV)/.core
	$(BIN)/bundleopt solve --budget $(BUDGET)

test: lint types contracts tests

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bundleopt needs Python 3.11 or newer; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python requirements/$(TORCH).txt pyproject.toml
	@echo "installing the pinned packages (1.5 GB on disk with the CPU build of torch) ..."
	@$(PIP) install --require-hashes -r requirements/$(TORCH).txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.core requirements/test.txt
	@echo "installing the pinned test tools ..."
	@$(PIP) install --require-hashes -r requirements/$(TORCH).txt -r requirements/test.txt
	@touch $@

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test
	$(BIN)/mypy

contracts: $(VENV)/.test
	$(BIN)/lint-imports

tests: $(VENV)/.test
	$(BIN)/python -m pytest -q

format: $(VENV)/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench-model: $(VENV)/.test
	$(BIN)/bundleopt evaluate

bench-valuation: $(VENV)/.test
	$(BIN)/python benchmarks/bench_valuation.py

bench-solver: $(VENV)/.test
	$(BIN)/python benchmarks/bench_solver.py

fuzz: $(VENV)/.test
	PYTHONPATH=. $(BIN)/python benchmarks/fuzz_engine.py

lock:  # needs uv on the path
	$(PYTHON) requirements/lock.py

clean:
	rm -rf $(VENV)
