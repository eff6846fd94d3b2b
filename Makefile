# `make` sets up .venv, builds every kit and zip, grades the reference and the untouched starter, and says where things are.
# `make test` sets up .venv and runs the checks and the tests.
PYTHON ?= python3.11
VENV   ?= .venv
TORCH  ?= torch==2.13.0
JOBS   ?= 2
PY     := $(VENV)/bin/python
export OMP_NUM_THREADS ?= 1

.PHONY: all setup lint test release check bench clean

all: release

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check $(TORCH)   # first and pinned: a plain `torch` brings gigabytes of CUDA
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

release: setup
	$(PY) build.py release

check: setup
	$(PY) build.py check

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check --diff . >/dev/null || { echo 'run: $(PY) -m ruff format .'; exit 1; }
	$(PY) -m mypy

test: lint
	$(PY) -m pytest -n $(JOBS) --dist loadfile

bench: setup
	$(PY) benchmarks/run.py

clean:
	rm -rf dist $(VENV) .pytest_cache .mypy_cache .ruff_cache
