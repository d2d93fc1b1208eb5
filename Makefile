# Everything a newcomer needs: `make demo` and `make test` set themselves up.
PYTHON ?= python3
RERUNS ?= 1
TESTED ?= not nightly
# Files in the order of their names: by number of tests, the long ones would come last and one process would wait.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder
# Only the files that have such tests: to look through all of them takes half a minute.
ALONE  := $(shell grep -rl --include='test_*.py' 'mark\.alone' tests)
VENV   ?= .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all test-fast test-long wheel image check format advisories bench docs faults fuzz mutate clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed; this is {v.major}.{v.minor}. Name another: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

install: $(VENV)/.installed  ## create the environment in .venv from requirements.lock

demo: install  ## run the main job on the embedded, simulated data; ends with the leaderboard and the report's path
	$(BIN)/python -m va_experiments model=interva,insilico site=all -m

test-fast: install  ## run what stays in its process: before each commit
	$(BIN)/python -m pytest $(PARALLEL) -q -m "not alone and not install and not slow and not browser and not nightly"

# A test that fails is run a second time, because workers and servers on a busy machine can be late; a test that passes
# only then is listed as RERUN, and is a fault to be fixed: `make test RERUNS=0` shows it.
test: install  ## run the test suite: most of it in two processes, then what needs the machine to itself
	$(BIN)/python -m pytest -rfEsR --reruns $(RERUNS) $(PARALLEL) -m "not alone and not install and ($(TESTED))"
	$(BIN)/python -m pytest -rfEsR --reruns $(RERUNS) -m "alone and ($(TESTED))" $(ALONE)

test-long: install  ## run what `make test` leaves to the night, as far as it can share the machine
	$(BIN)/python -m pytest -rfEsR --reruns $(RERUNS) $(PARALLEL) -m "nightly and not alone and not install"

test-all:  ## run the test suite with what is left to the night: further faults, clusters and simulations
	$(MAKE) test TESTED="nightly or not nightly"

wheel: install  ## build the wheel, install it into an empty environment from the network, and try it there
	$(BIN)/python -m pytest -m install tests/packaging

image: install  ## build the container image without a daemon, run the main job in it, compare bits (root, Debian)
	PYTHON=$(BIN)/python bash container/image.sh

check: install  ## lint, format, types, docstrings of public names, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/interrogate va_experiments docs/generate.py
	$(BIN)/lint-imports

format: install  ## put the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

advisories: install  ## compare the list of known advisories with the locked versions
	$(BIN)/python docs/advisories.py --check

bench: install  ## run the benchmarks and print their tables
	$(BIN)/python -m benchmarks

faults: install  ## inject every fault, print the table, write it into docs/ (most of an hour)
	$(BIN)/python -m tests.faults

fuzz: install  ## try readers, configurations and commands with mangled input for ten minutes
	$(BIN)/python -m tests.fuzz

mutate: install  ## change the core in small ways and list what no test notices in docs/reference/mutants.md (an hour)
	$(BIN)/python -m tests.mutation

docs: install  ## write the reference pages and build the documentation into site/
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and build products; outputs/ is kept
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache
