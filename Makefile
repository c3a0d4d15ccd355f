# Everything runs in a virtual environment of its own; it is made when it is missing.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed

define NEW_ENOUGH
import sys
if sys.version_info < (3, 10):
    sys.exit("llmspell needs Python 3.10 or newer, and this is %d.%d; name another one: make PYTHON=python3.12 ..." % sys.version_info[:2])
endef
export NEW_ENOUGH

.PHONY: help run test soak lint check format bench test-libraries library-tests test-npm check-extension vsix test-editors clean

help: ## Show this
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): pyproject.toml setup.py llmspell_kernel/lua/_hook.c
	@test -x $(BIN)/pip || { $(PYTHON) -c "$$NEW_ENOUGH" && echo "Making $(VENV) …" && $(PYTHON) -m venv $(VENV); }
	@echo "Installing llmspell and what it needs …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@

run: $(STAMP) ## Open the terminal debugger on examples/ledger (without a terminal: a short tour)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/llmspell debug examples/ledger/main.lua; \
	else $(BIN)/llmspell debug examples/ledger/main.lua < examples/ledger/tour.txt; fi

test: $(STAMP) ## Run the tests
	@$(BIN)/python -m pytest -q -n logical

soak: $(STAMP) ## A minute of garbage on every socket of a kernel, 10,000 executions and tool calls in another
	@$(BIN)/python -m pytest -q -n 2 --soak 60 tests/soak

lint: $(STAMP) ## Check format, style, types and import contracts
	$(BIN)/ruff format --check llmspell_kernel llmspell_dap tests benchmarks
	$(BIN)/ruff check llmspell_kernel llmspell_dap tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## All that is asked of a change: lint, then the tests

format: $(STAMP) ## Format the code
	$(BIN)/ruff format llmspell_kernel llmspell_dap tests benchmarks
	$(BIN)/ruff check --fix llmspell_kernel llmspell_dap tests benchmarks

$(BENCH_STAMP): $(STAMP) pyproject.toml
	@echo "Installing what is measured beside llmspell …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[bench]'
	@touch $@

bench: $(BENCH_STAMP) ## Measure every promise of speed (BENCH="kernel tools --slack 3": some, and with patience)
	@$(BIN)/python -m benchmarks $(BENCH)

test-libraries: $(STAMP) ## Debug programs over Debian's Lua libraries; they behave as undebugged
	@$(BIN)/python -m pytest -q -rs tests/libraries

library-tests: ## Get the libraries' own tests, where the package archive has them, for test-libraries
	@tests/libraries/fetch_tests.sh

test-npm: $(STAMP) ## Drive the adapter with @vscode/debugadapter-testsupport
	@cd tests/npm && npm install --silent --no-audit --no-fund && PYTHON=$(abspath $(BIN))/python npm test --silent

vscode-extension/node_modules/.installed: vscode-extension/package-lock.json
	@cd vscode-extension && npm ci --ignore-scripts --silent --no-audit --no-fund && touch node_modules/.installed

check-extension: $(STAMP) vscode-extension/node_modules/.installed ## Check the VS Code extension: types, lint, format, unit tests
	@cd vscode-extension && PYTHON=$(abspath $(BIN))/python npm run --silent check

VSIX := build/llmspell.vsix

$(VSIX): vscode-extension/node_modules/.installed $(wildcard vscode-extension/*.* vscode-extension/src/*.ts vscode-extension/src/plain/*.ts)
	@mkdir -p build
	@cd vscode-extension && npm run --silent package -- -o $(abspath $@)

vsix: $(VSIX) ## Build the VS Code extension: build/llmspell.vsix

test-editors: $(STAMP) $(VSIX) ## Use it in a real VS Code, JupyterLab, Emacs and Neovim (installs what it can; skips what is missing)
	@PYTHON=$(abspath $(BIN))/python VSIX=$(abspath $(VSIX)) tests/editors/run.sh

clean: ## Remove what can be made again
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .library-tests tests/npm/node_modules vscode-extension/node_modules vscode-extension/dist vscode-extension/build
