# One entry for everything; each target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never

BIN := .venv/bin
UV := .cache/uv/bin/uv
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard services/*/pyproject.toml) operator/pyproject.toml)
STAMP := .venv/.installed

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: prerequisites
prerequisites:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed and '$(PYTHON)' is not on the PATH: install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed and '$(PYTHON)' is $$($(PYTHON) -V 2>&1): say where 3.11 is: make PYTHON=/path/to/python3.11" >&2; exit 1; }

.PHONY: java
java:
	@command -v "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" >/dev/null || { echo "Java 17 is needed and 'java' is not on the PATH: install it (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME" >&2; exit 1; }
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 | grep -q 'version "17\.' || { echo "Java 17 is needed and this is $$("$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 | head -1): set JAVA_HOME to a Java 17" >&2; exit 1; }

$(UV): | prerequisites
	@echo "fetching uv $(UV_VERSION)"
	@$(PYTHON) -m venv .cache/uv
	@.cache/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The lock pins every file by hash and names no index, so it installs from a mirror as well (see CONTRIBUTING.md).
$(STAMP): requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS)) | $(UV)
	@echo "installing the locked environment into .venv"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps $(addprefix -e ,$(MEMBERS))
	@touch $@

.PHONY: setup
setup: prerequisites java $(STAMP) ## Make the environment (.venv); the other targets do it for you

.PHONY: lock
lock: $(UV) ## Resolve the dependencies anew into requirements.lock
	$(UV) lock
	$(UV) export --quiet --frozen --all-packages --all-groups --no-emit-workspace --no-header --format requirements.txt -o requirements.lock >/dev/null
	@$(PYTHON) images/build --lock

.PHONY: demo
demo: setup ## Run the whole data path for a minute and show what came out of it
	@$(BIN)/healthctl demo -f k8s/examples/quickstart.yaml --output build/demo

.PHONY: lint
lint: setup ## Style, types, import rules
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy services operator k8s/local/node k8s/aws images/imagebuild images/composefile images/supply images/dev-aws/dev_aws.py images/spark/run.py charts/sync.py charts/vendor.py
	@MYPYPATH=. $(BIN)/mypy tests/bench tests/e2e tests/e2e_faults
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup ## Put the code into the house style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: unit
unit: setup ## Tests without a broker or Spark
	@$(BIN)/pytest tests/unit

.PHONY: test
test: lint ## Lint, types, unit and integration tests
	@$(BIN)/pytest

.PHONY: bench
bench: setup ## Measure side by side, into build/bench
	@$(BIN)/python -m tests.bench --output build/bench

.PHONY: crds
crds: setup ## Write k8s/crds anew from the spec model
	@$(BIN)/python k8s/crds/generate.py

.PHONY: clean
clean: ## Remove what was built (not the caches of downloads)
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

include k8s/local/cluster.mk
include charts/charts.mk
include charts/monitoring.mk
include images/images.mk
include images/supply.mk
include tests/console/console.mk
include k8s/aws/aws.mk
include tests/etl/etl.mk
