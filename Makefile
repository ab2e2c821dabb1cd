# Two commands set everything up: `make run` and `make test`. They need Python 3.11 or newer and network access.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The first interpreter that is new enough; `make PYTHON=/path/to/python run` overrides it.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,$(shell $(p) -c \
	'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
PYTEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help run test lint nightly bench experiments docs clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 18

run: $(VENV)/.installed ## install, run a day of a hybrid centre (the quickstart) and show its answer
	@$(BIN)/qhpcsim run quickstart

test: $(VENV)/.dev ## install with the test tools, then lint, types and tests
	@status=0; $(MAKE) --no-print-directory lint || status=1; \
		$(BIN)/python -m pytest $(PYTEST_ARGS) || status=1; exit $$status

lint: $(VENV)/.dev ## ruff, import rules, types
	@status=0; for tool in "ruff check" "lint-imports --no-cache" mypy; do \
		echo "== $$tool"; $(BIN)/$$tool || status=1; done; exit $$status

nightly: $(VENV)/.dev ## whole real logs, long statistics, the wheel
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m slow

bench: $(VENV)/.bench ## timed comparisons
	$(BIN)/python -m pytest -m bench tests/benchmarks

experiments: $(VENV)/.installed ## run every study anew and compare with its expected.json (STUDIES="04 07": those)
	@$(BIN)/python experiments/reproduce.py $(STUDIES)

docs: $(VENV)/.docs ## run the notebooks and build the documentation into build/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

clean: ## remove what runs, tests and builds leave behind
	rm -rf build dist runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find qhpcsim tests experiments -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and remove the virtual environment
	rm -rf $(VENV)

# Stamps: each is older than pyproject.toml if the requirements changed since.
$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "qhpcsim needs Python 3.11 or newer; $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1)." \
		"Install one, or name it: make PYTHON=/path/to/python run" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) could not make a virtual environment;" \
		"on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.pip: $(BIN)/python
	@$(PIP) install --upgrade "pip>=25.1"  # the first pip that reads dependency groups
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.pip
	@echo "installing qhpcsim into $(VENV) (once; about a minute)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.dev $(VENV)/.bench $(VENV)/.docs: $(VENV)/.%: $(VENV)/.installed
	@echo "installing the $* tools into $(VENV)"
	@$(PIP) install --group $*
	@touch $@
