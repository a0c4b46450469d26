# Every verb is one line here and, when it is more than a command, one script in scripts/.

SHELL := /bin/sh
BIN := .venv/bin
PYTHON_SOURCES := src tests tools bench scripts images

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test lint check lock schema picture mutants bench clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: .venv/dev.stamp ## make .venv with the locked dependencies, fetch Helm and kubectl, and see to a container engine
	@$(BIN)/python scripts/clients.py || echo "Helm could not be fetched: its tests are skipped."
	@# without root, tests that need containers are skipped, saying so
	@scripts/install-engine.sh && scripts/install-packages.sh iproute2 procps || [ "$$(id -u)" -ne 0 ]

demo: .venv/run.stamp ## run examples/web.yaml: nginx, three replicas, in real containers
	@scripts/demo.sh

demo-down: .venv/run.stamp ## end the demo and leave nothing behind
	@scripts/demo-down.sh

test: setup ## set up, then run all tests
	$(BIN)/pytest

lint: .venv/dev.stamp ## formatting, style, layers, types
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/lint-imports
	$(BIN)/mypy

check: lint test ## everything that has to pass before a commit

lock: ## write requirements/*.txt anew
	scripts/lock.sh

schema: .venv/schema.stamp ## check that the files generated from the official schema are up to date
	$(BIN)/python tools/generate_types.py --check

picture: .venv/run.stamp ## draw the pictures of the README from a run of the demo
	$(BIN)/python scripts/picture.py

mutants: .venv/dev.stamp ## mutation testing of the StatefulSet's decision; takes ten minutes
	nice -n 15 $(BIN)/python -m tools.mutants

bench: .venv/run.stamp ## measure the demo: start, readiness, memory, idle CPU
	$(BIN)/python bench/demo.py

clean: ## remove .venv and everything that was built or cached
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

.venv/run.stamp: requirements/run.txt pyproject.toml
	@scripts/setup.sh run

.venv/dev.stamp: requirements/dev.txt pyproject.toml
	@scripts/setup.sh dev

.venv/schema.stamp: requirements/schema.txt .venv/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/schema.txt
	@touch $@
