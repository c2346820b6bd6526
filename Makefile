# `make` or `make help` lists what can be done.
PYTHON := .venv/bin/python
INSTALL := @sh standalone/install.sh

# What `make up` takes from the command line: make up PORT=8081 DATA=/srv/im GATEWAYS=2 LOGS=1.
# Only from there: a variable PORT in the environment is somebody else's.
given = $(if $(filter command,$(firstword $(origin $(1)))),$($(1)),$(AGILEIM_$(1)))
export AGILEIM_PORT := $(call given,PORT)
export AGILEIM_DATA := $(call given,DATA)
export AGILEIM_GATEWAYS := $(call given,GATEWAYS)
export AGILEIM_LOGS := $(call given,LOGS)

.DEFAULT_GOAL := help
.PHONY: help up demo test web-test test-operators lint faults bench bench-growth docs secrets lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

up: ## Run everything on this machine, until Ctrl-C (PORT=8080 DATA=.data GATEWAYS=1 LOGS=1)
	$(INSTALL) standalone
	$(if $(FALLBACK),$(INSTALL) fallback)
	@sh standalone/build-web.sh
	@exec $(PYTHON) -m standalone --end-with-parent

demo: ## Six people chat through the running server; prints their logins
	$(INSTALL) standalone
	@exec $(PYTHON) -m standalone.demo

test: ## Run the tests (ARGS="-k name" for some of them)
	$(INSTALL) dev
	$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadscope $(ARGS)

web-test: ## Check and test the web client (needs Node, or gets it)
	$(INSTALL) standalone
	@sh standalone/build-web.sh tools
	cd clients/web && PATH="$$PATH:$(CURDIR)/.venv/bin" npm run check && \
		PATH="$$PATH:$(CURDIR)/.venv/bin" npm test

test-operators: ## Tests of the image and the manifests, with the slow ones
	$(INSTALL) dev
	AGILEIM_TEST_OPERATORS=1 $(PYTHON) -m pytest tests/operators $(ARGS)

lint: ## Check style and types
	$(INSTALL) dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

faults: ## Kill, stall and cut off parts under load, and look for lost messages (ARGS=...)
	$(INSTALL) dev
	$(PYTHON) -m tests.faults $(ARGS)

bench: ## Measure throughput and cost (ARGS=...)
	$(INSTALL) dev
	$(PYTHON) -m bench $(ARGS)

bench-growth: ## The same questions to a small history and to 10 million messages (ARGS=...)
	$(INSTALL) dev
	$(PYTHON) -m bench.growth $(ARGS)

docs: ## Write docs/asyncapi.json from the code
	$(INSTALL) standalone
	$(PYTHON) -m shared.asyncapi > docs/asyncapi.json

secrets: ## Make the secrets that Compose mounts, once
	@sh deploy/make-secrets.sh

lock: ## Compile requirements/*.in into the lock files
	@test -x .venv-lock/bin/pip-compile || { python3 -m venv .venv-lock && \
		.venv-lock/bin/pip install --quiet pip-tools==7.6.2; }
	@sh requirements/compile.sh "$(CURDIR)/.venv-lock/bin/pip-compile"

clean: ## Remove the environment and what tools remember; the data folder stays
	rm -rf .venv .venv-lock .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf clients/web/node_modules clients/web/dist
	find . -name __pycache__ -type d -not -path './node_modules/*' -prune -exec rm -rf {} +
