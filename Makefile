# Everything starts from a bare Debian 12 with git and make: each target first sees to what it needs.
#   PYTHON=…              an interpreter other than the first python3 >= 3.11 on the path
#   R2S_SKIP_PACKAGES=1   leave the system's packages alone
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
OUTPUT ?= resultat
TESTS ?=
# Two more than there are processors: the tests of the reference building wait for it more than they work.
WORKERS ?= $(shell expr $$(nproc) + 2)
ACCURACY ?=

.PHONY: help demo test accuracy lint bench messages lock setup packages peers instruments venv clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: setup ## build the reference building, audit it, take it down; says where the result is
	@packaging/as-root.sh $(BIN)/r2s-audit demo --output $(OUTPUT)

test: setup instruments ## the whole suite, on the reference building too (TESTS=tests/scoring for a part)
	@packaging/as-root.sh $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder --durations=10 $(TESTS)

accuracy: setup ## every fault live, then pairs of faults (ACCURACY='--fault NAME --pairs N --seed S --json FILE --record DIR')
	@packaging/as-root.sh $(BIN)/python -m benchmarks.accuracy $(ACCURACY)

lint: venv ## ruff, mypy --strict, import-linter: all four are run, whichever fails
	@failed=0; \
	for check in 'ruff check' 'ruff format --check' mypy 'lint-imports --no-logo'; do \
	    $(BIN)/$$check || failed=1; \
	done; \
	exit $$failed

bench: setup peers ## one line per comparison: bench NAME ours=S peer=S ratio=R goal=G
	@packaging/as-root.sh $(BIN)/python benchmarks/run.py

messages: venv ## bring the catalogues up to date with the sentences of the code
	@$(BIN)/python packaging/messages.py

lock: ## resolve requirements/ again from pyproject.toml
	@packaging/lock.sh

setup: packages venv

packages:
	@packaging/install-debian.sh packaging/debian-building.txt

peers:
	@packaging/install-debian.sh packaging/debian-bench.txt

instruments:
	@packaging/install-debian.sh packaging/debian-tests.txt

venv: packaging/venv.sh
	@packaging/venv.sh

clean: ## remove what the targets made: .venv, caches, results
	rm -rf .venv .make .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
