# The front door for every chore. `make solve` and `make test` work from a bare checkout with Python >= 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH  ?= $(if $(shell command -v nvidia-smi 2>/dev/null),cuda,cpu)
BUDGET ?= 2000
WORKERS ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The locks name every package. Left to resolve, pip asks for the newest release of an extra of a pinned package.
LOCKED := install --require-hashes --no-deps

.PHONY: solve test lint types contracts tests format lock clean fuzz
.PHONY: browser docs screenshots week bench-whatif
.PHONY: bench-model bench-next-basket bench-choice-library bench-size bench-valuation bench-solver bench-assortment bench-loop
.PHONY: bench-decision

solve: $(VENV)/.core
	$(BIN)/bundleopt solve --budget $(BUDGET)

test: lint types contracts tests

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bundleopt needs Python 3.11 or newer; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python requirements/$(TORCH).txt pyproject.toml
	@echo "installing the pinned packages (1.5 GB on disk with the CPU build of torch) ..."
	@$(PIP) $(LOCKED) -r requirements/$(TORCH).txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.core requirements/test.txt
	@echo "installing the pinned test tools ..."
	@$(PIP) $(LOCKED) -r requirements/$(TORCH).txt -r requirements/test.txt
	@$(PIP) check
	@touch $@

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test
	$(BIN)/mypy

contracts: $(VENV)/.test
	$(BIN)/lint-imports

tests: $(VENV)/.test
	$(BIN)/python -m pytest -q -n $(WORKERS)

format: $(VENV)/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Every benchmark prints its tables and writes them between their markers in BENCHMARKS.md.
bench-model: $(VENV)/.test
	$(BIN)/python benchmarks/bench_model.py --write
	$(BIN)/python benchmarks/bench_ablation.py --write
	$(BIN)/python benchmarks/bench_price.py --write BENCHMARKS.md
	$(BIN)/python benchmarks/bench_cold_start.py --write
	$(BIN)/python benchmarks/bench_relations.py --write

bench-next-basket: $(VENV)/.test  # needs TA_FENG=path of ta_feng.csv or its zip
	$(BIN)/python benchmarks/bench_next_basket.py $(TA_FENG) --write

bench-choice-library: $(VENV)/.test  # needs CHOICE_PYTHON=Python of an environment with choice-learn and tensorflow-cpu
	$(BIN)/python benchmarks/bench_choice_library.py --python $(CHOICE_PYTHON) --write

bench-size: $(VENV)/.test
	$(BIN)/python benchmarks/bench_size.py

bench-valuation: $(VENV)/.test
	$(BIN)/python benchmarks/bench_valuation.py

bench-solver: $(VENV)/.test
	$(BIN)/python benchmarks/bench_solver.py
	$(BIN)/python benchmarks/bench_menu.py --five-times 2000 --budget-minutes 90 --write
	$(BIN)/python benchmarks/bench_assignment.py --sizes 10000,100000,1000000 --slots 1,3 --peers none
	$(BIN)/python benchmarks/bench_assignment.py --sizes 1000
	$(BIN)/python benchmarks/bench_crowd.py

bench-loop: $(VENV)/.test
	$(BIN)/python benchmarks/bench_loop.py --kinds equation agent --write

bench-decision: $(VENV)/.test  # DECISION_SEEDS markets of each mechanism; a run that was cut goes on from build/
	$(BIN)/python benchmarks/bench_decision.py --seeds $(or $(DECISION_SEEDS),10) --quality 2 --write

bench-assortment: $(VENV)/.test  # needs MMNL=path of the public set; CHOICE_PYTHON adds choice-learn
	$(BIN)/python benchmarks/bench_assortment.py --instances $(MMNL) $(if $(CHOICE_PYTHON),--choice-learn $(CHOICE_PYTHON)) --write BENCHMARKS.md

docs: $(VENV)/.test  # the site, into site/
	$(BIN)/python docs/make_reference.py
	$(BIN)/zensical build

# Tests of the page drive a browser; they are skipped where there is none, and fail without one where CI=true.
browser:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -y -q --no-install-recommends chromium; \
	else echo "no Chromium: install your system's package, for example: sudo apt-get install chromium"; exit 1; fi

screenshots: $(VENV)/.test  # needs a Chromium; shows the latest run of the sample
	$(BIN)/python docs/make_screenshots.py

week: $(VENV)/.test  # an analyst's week on the sample, Monday to Monday, in WEEK=folder
	$(BIN)/python benchmarks/play_week.py $(or $(WEEK),build/week)

bench-whatif: $(VENV)/.test
	$(BIN)/python benchmarks/bench_whatif.py

fuzz: $(VENV)/.test
	PYTHONPATH=. $(BIN)/python benchmarks/fuzz_engine.py
	PYTHONPATH=. $(BIN)/python benchmarks/fuzz_backends.py --instances 10000

lock:  # needs uv on the path
	$(PYTHON) requirements/lock.py

clean:
	rm -rf $(VENV)
