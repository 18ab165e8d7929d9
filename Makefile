# make report   a report of a bundled sample, from nothing but python3 and make
# make test     all tests, with what they need
# Both make their own .venv; what is there already is not made again.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := samples/first-visit.pcapng
WEB    := $(VENV)/web
TOOLS  := $(WEB)/node_modules/.bin
CHECKS := scripts/npm.sh $(WEB)
STYLED := analyzer/report/assets tests/web
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: help report test browser-test lint types format messages docs pictures clean

help:
	@echo "make report   analyze a bundled capture and write its report into reports/"
	@echo "make test     install what the tests need, and run them all"
	@echo "make browser-test  the report in Chromium: layout, keys, accessibility, hostile captures"
	@echo "make lint     rules and format of Python (ruff), script and style (eslint, tsc, prettier)"
	@echo "make types    mypy, strict"
	@echo "make format   let ruff and prettier rewrite the code"
	@echo "make messages bring the message catalogues up to date, compile them, and say what is missing"
	@echo "make docs     write the pages that the program makes itself (docs/findings.md, docs/explain.md)"
	@echo "make pictures draw the pictures of docs/report.md from the samples"
	@echo "make clean    remove .venv, caches and build results"

report: $(VENV)/.package
	$(BIN)/analyze $(SAMPLE)
	@echo
	@echo "The report: $(CURDIR)/reports/$(notdir $(SAMPLE)).html"

test: $(VENV)/.test
	@scripts/need.sh tshark chromium
	@scripts/har_schema.sh $(VENV)/har-schema
	@$(CHECKS) || echo "Tests of the page with axe-core are skipped." >&2
	$(BIN)/python -m pytest $(PYTEST_ARGS)

browser-test: $(VENV)/.test
	@scripts/need.sh chromium
	@$(CHECKS)
	$(BIN)/python -m pytest tests/browser $(wildcard tests/hostile) $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(CHECKS)
	$(TOOLS)/eslint --config tests/web/eslint.config.mjs analyzer/report/assets/js
	$(TOOLS)/tsc --project tests/web
	$(TOOLS)/prettier --config tests/web/prettier.json --check --log-level warn $(STYLED)

types: $(VENV)/.dev
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@$(CHECKS)
	$(TOOLS)/prettier --config tests/web/prettier.json --write --log-level warn $(STYLED)

messages: $(VENV)/.test
	$(BIN)/python -m scripts.messages

docs: $(VENV)/.package
	$(BIN)/python scripts/docs.py

pictures: $(VENV)/.test
	@scripts/need.sh chromium
	$(PIP) pillow
	$(BIN)/python -m scripts.pictures

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The package is installed in place: a changed module needs no new installation, a changed dependency does.
$(VENV)/.package: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.package

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.test $(VENV)/.package

$(BIN)/python:
	@PYTHON='$(PYTHON)' scripts/need.sh python venv
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
