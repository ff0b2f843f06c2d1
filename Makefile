# make demo     a model from a real table, in .venv, ending with the report's path
# make test     everything in tests/ and every docstring example
# make clients the SDKs that the journeys run, in .clients
# make peers    what benchmarks/algorithms.py compares with, in .clients/peers
# make docs     docs/aws.md and docs/algorithms.md anew
# make check    format, lint, types, import order, tests: before you ask for review
# make install  .venv with every extra the tests use

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CLIENTS := .clients
JOBS   ?= 2
# loadscope keeps a module or class on one worker: what its tests share is made once
# pip keeps one core busy: what can be installed side by side is
MAKEFLAGS += --jobs=$(JOBS)
export PYTHON
# what tests compare with, where the journeys' environments have it
export TARRAGON_SDK_V2 = $(CURDIR)/$(CLIENTS)/v2/bin/python
export TARRAGON_TEST_AWS = $(CURDIR)/$(CLIENTS)/v2/bin/aws
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: install demo test check format docs clients peers clean

install: $(VENV)/.test $(VENV)/.system

demo: $(VENV)/.base
	@$(BIN)/tarragon develop examples/churn.csv --target Churn --sensitive gender --time 60s --name churn; \
	code=$$?; case $$code in 0|3|4) exit 0;; *) exit $$code;; esac   # ship, review and stop are all answers

test: $(VENV)/.test clients $(VENV)/.system
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

check: $(VENV)/.test clients $(VENV)/.system
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

format: $(VENV)/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# docs/aws.md says which operations are answered, and which test proves it; docs/algorithms.md what there is to fit
docs: $(VENV)/.test
	$(BIN)/python docs/aws_operations.py
	$(BIN)/python docs/algorithm_cards.py

# the SDKs whose unmodified code the journeys run, each in its own environment
clients: $(CLIENTS)/v2/.done $(CLIENTS)/v3/.done

# what the algorithms are measured against, beside Tarragon itself
peers: benchmarks/requirements-peers.txt pyproject.toml
	$(PYTHON) -m venv $(CLIENTS)/peers
	$(CLIENTS)/peers/bin/python -m pip install --quiet --editable '.[test]' --requirement $<

clean:
	rm -rf $(VENV) $(CLIENTS) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# A stamp is the record of a finished installation, redone when pyproject.toml changes.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	{ echo 'Python 3.11 to 3.13 is needed; name one with: make PYTHON=python3.12 …' >&2; exit 1; }
	@.ci/system base
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $(VENV)/.base $@

$(VENV)/.system: | $(BIN)/python
	@.ci/system test
	@touch $@

$(CLIENTS)/%/.done: tests/journeys/requirements-%.txt | $(BIN)/python
	$(PYTHON) -m venv $(CLIENTS)/$*
	$(CLIENTS)/$*/bin/python -m pip install --quiet --requirement $<
	@touch $@
