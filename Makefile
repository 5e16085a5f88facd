# Every target does its own set-up: a clean clone, Python 3.11+, make and git are enough.
# `make help` lists the targets. Override the interpreter with `make PYTHON=python3.12 demo`.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .clients
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo drill start test test-clients check format bench soak lock clean

help: ## this list
	@echo "make demo    the main job: one report both ways through API Gateway, in virtual time"
	@echo "make test    all tests"
	@echo "make test-clients  the deployment tools people use (SAM, CDK, Serverless, Chalice, AWS CLI) against the emulator"
	@echo "make start   run the emulator on port 4566 (data in .emulator/)"
	@echo "make drill   four attempts to get an immediate answer, and what each really does"
	@echo "make check   ruff, strict type checking, import-linter"
	@echo "make bench   measure this machine"
	@echo "make soak    20,000 events with failures and kill -9, every one accounted for"
	@echo "make format  let ruff rewrite the sources"
	@echo "make lock    resolve the dependencies again into requirements*.lock"
	@echo "make clean   remove .venv, data and caches"

demo: $(VENV)/.run
	@$(BIN)/python -m emulator demo

drill: $(VENV)/.run
	@$(BIN)/python -m emulator drill

start: $(VENV)/.run
	@$(BIN)/python -m emulator start

test: $(VENV)/.test   # with compiled files, whatever the environment says: tests start hundreds of processes
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

test-clients: $(VENV)/.test $(TOOLS)/.python $(TOOLS)/.node
	DEPLOYMENT_TOOLS="$(CURDIR)/$(TOOLS)" $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q tests/clients

check: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.run
	$(BIN)/python benchmarks/bench.py

soak: $(VENV)/.run ## 20,000 events, failures, throttles, kill -9: every event accounted for
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/queue_soak.py

lock: $(VENV)/.lock
	$(BIN)/python .ci/lock.py

clean:
	rm -rf $(VENV) $(TOOLS) .emulator .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist

# ── set-up: one stamp per set of dependencies ──────────────────────────────────────────────────

$(VENV)/.created:
	@sh .ci/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.run: $(VENV)/.created requirements.lock pyproject.toml
	@echo "installing the locked dependencies …"
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.lock
	@echo "installing the locked test dependencies …"
	@$(PIP) install -q --require-hashes -r requirements-test.lock
	@touch $@

$(VENV)/.check: $(VENV)/.test requirements-check.lock
	@echo "installing the locked checkers …"
	@$(PIP) install -q --require-hashes -r requirements-check.lock
	@touch $@

$(VENV)/.lock: $(VENV)/.created
	@$(PIP) install -q uv
	@touch $@

# ── deployment tools, for `make test-clients` only: in an environment of their own, for they pin much ──────────────

$(TOOLS)/.python: tests/clients/requirements.lock
	@echo "installing the locked deployment tools …"
	@sh .ci/make_venv.sh "$(PYTHON)" "$(TOOLS)/venv"
	@$(TOOLS)/venv/bin/python -m pip --disable-pip-version-check install -q --no-deps --require-hashes \
	  -r tests/clients/requirements.lock   # whole, and pip takes extras of a pinned package for unpinned
	@touch $@

$(TOOLS)/.node: tests/clients/package-lock.json tests/clients/package.json
	@mkdir -p $(TOOLS)
	@cp tests/clients/package.json tests/clients/package-lock.json $(TOOLS)/
	@if command -v npm >/dev/null; then \
	  cd $(TOOLS) && npm ci --silent --no-audit --no-fund --ignore-scripts; \
	else echo "no npm: the tests of the CDK and of Serverless are skipped"; fi
	@touch $@
