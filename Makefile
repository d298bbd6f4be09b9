# `make` says what there is. The virtual environment is made from the lock when it is missing or out of date.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-from-lock
NODE := $(addsuffix /node_modules/.package-lock.json,tests/audit tests/openid client-examples)
CLIENTS := client-examples/node_modules/.package-lock.json
SITES := client-examples/sites-built
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run sites test soak programs lint lock schema seed pictures clean

# What some tests need and no package of Python brings along: a program, and the package of Debian that has it. `make test`
# installs what is missing where it can.
PROGRAMS := clamd=clamav-daemon chromium=chromium
LOOK_IN := PATH="$$PATH:/usr/sbin:/usr/local/sbin"

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

# Without Node there are no sites: the API does without.
HAS_NODE := $(shell node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2> /dev/null && echo yes)

# No shell around it: what is killed with make must be the program itself.
run: $(STAMP) $(if $(HAS_NODE),$(SITES)) ## start everything for development: servers, API, worker, inbox, demo municipality
	@$(BIN)/python -m espace dev

sites: $(SITES) ## build the citizen's site, the mairie's and the widget (needs Node 20)

# They start hundreds of processes: none is to compile everything anew, whatever is set where they run.
test soak: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMP) $(NODE) $(SITES) ## run the tests (TESTS="tests/core -k text" for some of them)
	@$(MAKE) --silent programs || echo "Tests that need them are skipped." >&2
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 $(TESTS)

soak: $(STAMP) $(NODE) ## run the long tests: faults, again and again
	$(BIN)/python -m pytest -m soak --timeout 3600 $(TESTS)

programs: ## install clamd and Chromium where they are missing: on Debian, as root; without them some tests are skipped
	@missing=; for pair in $(PROGRAMS); do \
	  $(LOOK_IN) command -v "$${pair%=*}" > /dev/null || missing="$$missing $${pair#*=}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then \
	  echo "Not on this machine, install them as root:$$missing" >&2; exit 1; \
	fi; \
	echo "Installing$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get -q -o DPkg::Lock::Timeout=300 update > /dev/null && \
	apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $$missing > /dev/null

lint: $(STAMP) $(CLIENTS) ## check style, types and the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent --prefix client-examples generate
	npm run --silent --prefix client-examples check

lock: $(STAMP) ## resolve the dependencies of pyproject.toml again (UPGRADE=1: take newer ones)
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	$(COMPILE) $(if $(UPGRADE),--upgrade) --group dev --constraints requirements.lock --output-file requirements-dev.lock

schema: $(STAMP) ## write schema/schema.graphql
	@$(BIN)/python -m espace schema

seed: $(STAMP) ## add the demo users, requests and slots
	@$(BIN)/python -m espace seed

pictures: $(STAMP) $(SITES) ## take the pictures of docs/ anew, with Chromium
	$(BIN)/python -m tests.browser.pictures

clean: ## remove what machines made: environment, caches, development data
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache tests/*/node_modules
	rm -rf client-examples/node_modules client-examples/*/dist client-examples/sites-built
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements-dev.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements-dev.lock names into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

# The sites, and the clients, the audit and the OpenID provider that the server is tested with, as Node runs them.
$(NODE): %/node_modules/.package-lock.json: %/package-lock.json
	@npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

$(SITES): $(CLIENTS) schema/schema.graphql $(shell find client-examples -name node_modules -prune -o -name dist -prune -o -name operations.ts -prune -o -type f ! -name sites-built -print)
	@echo "Building the sites"
	@npm run --silent --prefix client-examples generate > /dev/null
	@npm run --silent --prefix client-examples build > /dev/null
	@touch $@
