# Each target makes what it needs; `make report` and `make test` work on a fresh machine with Python and make.
PYTHON ?= python3
BIN = .venv/bin
DATA ?= sample
OUTPUT ?= reports
# Two at a time: many tests use every core by themselves, others wait for one.
WORKERS = --numprocesses 2 --dist worksteal

.PHONY: report setup test test-slow test-all check coverage-table lab bench sample notebooks conventions clean

report: setup
	$(BIN)/mmresearch report --data $(DATA) --output $(OUTPUT)

setup: .venv/done

.venv/done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "mmresearch needs Python 3.11 to 3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

test: setup
	$(BIN)/pytest -m 'not slow' $(WORKERS)

test-slow: setup
	$(BIN)/pytest -m slow $(WORKERS)

test-all: test test-slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/notebooks/test_rules.py

coverage-table: setup
	$(BIN)/python -m tests.truth.coverage

lab: setup
	$(BIN)/jupyter lab notebooks

bench: setup
	$(BIN)/python -m tests.benchmarks

sample: setup
	$(BIN)/python -m data.make_sample

notebooks: setup
	$(BIN)/python notebooks/first_figure.py
	$(BIN)/python -m mmresearch.show.execute notebooks/*.ipynb

conventions: setup
	$(BIN)/mmresearch conventions > CONVENTIONS.md

clean:
	rm -rf .venv reports
