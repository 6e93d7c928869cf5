# Two commands to remember: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The demo needs half of the packages that the tests need. Both sets share one environment: the locks have the same
# versions, and the tests' set includes the demo's, so they can be installed in any order.
STAMP := $(VENV)/.locked
DEMO_STAMP := $(if $(wildcard $(STAMP)),$(STAMP),$(VENV)/.locked-demo)

.DEFAULT_GOAL := help
PORTAL ?=
.PHONY: help demo unit test test-long coverage check bench screens film format lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 11

$(STAMP): requirements-dev.txt
	@$(PYTHON) -m tools.install $(VENV) $< "2 minutes"
	@touch $@

$(VENV)/.locked-demo: requirements-demo.txt
	@$(PYTHON) -m tools.install $(VENV) $< "1 minute"
	@touch $@

demo: $(DEMO_STAMP) ## set up and run the demo: portal, sandbox, workers, broker
	@exec $(BIN)/python manage.py demo

unit: $(STAMP) ## run the quick unit tests, four of five; `make test` runs all
	$(BIN)/python -m tools.run_tests quick

test: $(STAMP) ## set up and run all tests that a change needs
	$(BIN)/python -m tools.run_tests

test-long: $(STAMP) ## run the long tests: all browser states, migrations, runs of thousands, kills, faults
	$(BIN)/python -m tools.run_tests unit-long machine-long migrations-postgres browser-long journeys-long kills kills-postgres faults faults-postgres deployment

coverage: $(STAMP) ## run the unit tests and fail if too little code is covered
	$(BIN)/python -m tools.run_tests unit -- --cov --cov-report=term

check: $(STAMP) ## check formatting, style, types, imports, migrations and deployment settings
	@$(MAKE) --no-print-directory --output-sync -j2 check-types check-the-rest

.PHONY: check-types check-the-rest
check-types:
	$(BIN)/mypy
check-the-rest:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djangofmt --check --quiet .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tools.deploy_check

bench: $(STAMP) ## measure the figures of docs/performance.md
	$(BIN)/python -m benches

screens: $(STAMP) ## take the screenshots in docs/screens/ from a running demo (PORTAL=address)
	$(BIN)/python -m tools.screens $(or $(PORTAL),http://127.0.0.1:8000) docs/screens

film: $(STAMP) ## take screenshots of a review in film/, and report layout shifts (PORTAL=address)
	$(BIN)/python -m tests.support.film $(or $(PORTAL),http://127.0.0.1:8000) film

format: $(STAMP) ## format code and templates, sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djangofmt --quiet .

lock: ## resolve the dependencies again (needs uv); the lock files name no host
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra demo --extra sandbox pyproject.toml -o requirements-demo.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra demo --extra dev --extra sandbox pyproject.toml -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links tests/interop/requirements.in -o tests/interop/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links tests/interop/requirements-node.in -o tests/interop/requirements-node.txt
	cd tests/interop && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
