# `make help` lists the targets. Two commands matter to a newcomer: `make run` and `make test`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps

# make run
PORT ?= 8090
DICOM_PORT ?= 3000
VAR ?= var
HOST ?= 127.0.0.1
NAME ?= user

# make run-distributed
HTTP_PORT ?= 8888
HTTPS_PORT ?= 8889
REPLICAS ?= 1

# make bench
ONLY ?=
STRICT ?=
RELEASE ?=

PYTEST := $(BIN)/python -m pytest
PAGES := $(shell find html -path html/node_modules -prune -o -path html/dist -prune -o -type f -print 2>/dev/null)
# the pages are built again when one of these is newer

.PHONY: help setup run run-distributed password demo-data test lint format bench bare-run prove prove-k8s deb images audit lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | sort | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(STAMPS)/run-system $(STAMPS)/python $(STAMPS)/pages ## install what is missing and build the pages; starts nothing

run: setup ## start the unified server with the evaluation profile [PORT= DICOM_PORT= VAR= HOST=]
	@exec $(BIN)/python -m tools.evaluation run --var "$(VAR)" --host "$(HOST)" --port "$(PORT)" --dicom-port "$(DICOM_PORT)"

run-distributed: setup $(STAMPS)/distributed-system ## start control, storage and render nodes on PostgreSQL behind Nginx [HTTP_PORT= HTTPS_PORT= REPLICAS=]
	@exec $(BIN)/python -m tools.distributed --var "$(VAR)/distributed" --http-port "$(HTTP_PORT)" --https-port "$(HTTPS_PORT)" \
		--dicom-port "$(DICOM_PORT)" --replicas "$(REPLICAS)"

password: setup ## set the password of a user of the evaluation profile [NAME=user VAR=]
	@exec $(BIN)/python -m tools.evaluation password --var "$(VAR)" --name "$(NAME)"

demo-data: setup ## write the demo study as DICOM files into build/demo-study
	@$(BIN)/python -m tools.demo_study write build/demo-study

# --- checks ---------------------------------------------------------------------------------------------------------

# The long ones first: JOBS of them run side by side, because most of their time is waiting for processes to start.
# Each part runs in the bare form, which knows no ../shared; test-shared runs the cases on top, where that folder is.
TEST_PARTS := http e2e render db dimse deploy unit contract
JOBS ?= 2

test: setup $(STAMPS)/test-system lint ## everything that must be green [JOBS=2 parts side by side]
	@$(MAKE) --no-print-directory -k -j $(JOBS) --output-sync=target $(addprefix test-,$(TEST_PARTS)) test-shared test-pages
	@echo "== all parts are green"

.PHONY: $(addprefix test-,$(TEST_PARTS)) test-shared test-pages
$(addprefix test-,$(TEST_PARTS)): test-%: setup $(STAMPS)/test-system
	@echo "== test-$*"
	@SHARED_TEST_DATA= $(PYTEST) tests/$* -m "not prove"

test-shared: setup $(STAMPS)/test-system
	@if $(BIN)/python -m tests.support.shared_data; then \
		echo "== test-shared: the cases of ../shared"; \
		$(PYTEST) tests -m "not prove" --shared-cases; \
	else \
		echo "== test-shared: there is no ../shared/data here, so there are no further cases"; \
	fi

test-pages: setup
	@echo "== test-pages"
	@tools/with_node.sh npm --prefix html test

lint: setup ## ruff, mypy, import contract, ESLint, TypeScript
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@tools/with_node.sh npm --prefix html run --silent lint
	@cd html && ../tools/with_node.sh npx --no-install tsc --noEmit -p tsconfig.json

format: setup ## write the code in the one style
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

bench: setup $(STAMPS)/test-system ## measure against the peers and the last release, write build/bench.json [ONLY=id STRICT=1 RELEASE=version]
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only "$(ONLY)") $(if $(STRICT),--strict) $(if $(RELEASE),--release "$(RELEASE)")

bare-run: ## run `make run` on a bare Debian 12 in a folder, until a thumbnail is drawn (takes root)
	@tools/system_packages.sh bare
	@$(PYTHON) -m tools.bare_machine run

prove: setup $(STAMPS)/test-system $(STAMPS)/prove-system ## the long proofs
	@$(PYTEST) tests -m "prove and not kubernetes" --timeout 3600

prove-k8s: setup $(STAMPS)/test-system $(STAMPS)/prove-system ## install the chart in a real Kubernetes control plane
	@$(PYTEST) tests/deploy -m kubernetes --timeout 3600

deb: $(STAMPS)/deb-system $(STAMPS)/pages ## make the Debian packages of both builds into build/deb [ARCHITECTURE=amd64]
	@$(BIN)/python -m tools.make_deb $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)")

images: $(STAMPS)/images-system $(STAMPS)/python ## build the container images of all roles
	@$(BIN)/python -m tools.images build

audit: $(STAMPS)/node_modules ## ask the advisory databases for the locked libraries; ends with 2 where no database answers
	@$(BIN)/python -m tools.audit

# --- what the targets stand on --------------------------------------------------------------------------------------

# One stamp for each purpose of tools/system_packages.sh, so that a target installs what it needs and nothing else.
SYSTEM_STAMPS := $(patsubst %,$(STAMPS)/%-system,python run distributed test deb images prove)
$(SYSTEM_STAMPS): $(STAMPS)/%-system: tools/system_packages.sh
	@tools/system_packages.sh $* "$(PYTHON)"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: requirements-dev.lock pyproject.toml | $(STAMPS)/python-system
	@echo "== Python packages (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --require-hashes --no-deps -r requirements-dev.lock \
		| { grep --line-buffered -vE '^(Requirement already|Looking in)' || true; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node_modules: html/package-lock.json html/package.json | $(STAMPS)/python
	@echo "== packages of the pages"
	@tools/with_node.sh npm --prefix html ci --no-fund --no-audit
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/pages: $(STAMPS)/node_modules $(PAGES)
	@echo "== pages"
	@tools/with_node.sh npm --prefix html run build
	@mkdir -p $(STAMPS) && touch $@

lock: ## pin the dependencies of pyproject.toml again [UPGRADE=1]
	@export CUSTOM_COMPILE_COMMAND="make lock"; \
	flags="--quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --strip-extras"; \
	$(BIN)/pip-compile $$flags $(if $(UPGRADE),--upgrade) --extra=dev --extra=controller --output-file=requirements-dev.lock pyproject.toml; \
	$(BIN)/pip-compile $$flags -c requirements-dev.lock --output-file=requirements.lock pyproject.toml; \
	$(BIN)/pip-compile $$flags -c requirements-dev.lock --extra=controller --output-file=requirements-controller.lock pyproject.toml

clean: ## remove what was built; data under $(VAR) and .venv stay
	@[ ! -d build/images ] || $(BIN)/python -m tools.images remove
	@rm -rf build html/dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
