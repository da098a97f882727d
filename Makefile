# The two commands: `make run` and `make test`. Everything they need is set up by `make setup` on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7800
PROJECT ?= examples/todo-wechat

.PHONY: run test check bench bench-setup setup setup-dev node browser clean

run: setup
	$(BIN)/yunbox dev $(PROJECT) --port $(PORT) --create-collections

test: setup-dev
	$(BIN)/python -m pytest

check: setup-dev
	$(BIN)/ruff format --check src tests bench scripts
	$(BIN)/ruff check src tests bench scripts
	$(BIN)/mypy src tests bench scripts

bench: bench-setup
	$(BIN)/python -m bench

# PostgreSQL to compare with; where it cannot be installed, the benchmark says so and goes on.
bench-setup: setup-dev
	$(BIN)/python scripts/postgresql.py

setup: $(VENV)/.runtime node

setup-dev: $(VENV)/.dev node browser tests/compat/node_modules/.installed sdk/js/dist/.built

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "yunbox needs Python >= 3.11; try: make PYTHON=python3.12 / 需要 Python 3.11 以上"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python scripts/install.py runtime
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python scripts/install.py dev
	@touch $@ $(VENV)/.runtime

# Node.js from PATH when it is 18 or newer, else the one that a wheel carries (DESIGN 9.15).
node: | $(VENV)/bin/python
	@$(BIN)/python scripts/ensure_node.py

# Chromium for the tests in a browser; where it cannot be installed they name themselves as not run.
browser: | $(VENV)/bin/python
	@$(BIN)/python scripts/ensure_browser.py

tests/compat/node_modules/.installed: tests/compat/package-lock.json | node
	cd tests/compat && $(CURDIR)/$(BIN)/python ../../scripts/npm.py ci --no-audit --no-fund
	@touch $@

sdk/js/node_modules/.installed: sdk/js/package-lock.json | node
	cd sdk/js && $(CURDIR)/$(BIN)/python ../../scripts/npm.py ci --no-audit --no-fund
	@touch $@

# The client package: what mini programs, browsers and Node.js load.
sdk/js/dist/.built: $(shell find sdk/js/src -name '*.ts') sdk/js/build.mjs sdk/js/tsconfig.json sdk/js/node_modules/.installed
	$(BIN)/python scripts/node.py sdk/js/build.mjs
	@touch $@

clean:
	rm -rf $(VENV) tests/compat/node_modules sdk/js/node_modules sdk/js/dist sdk/js/miniprogram_dist .cache
