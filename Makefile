# The only front door. What each target does is in tools/; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test quick lint prove fuzz bench lock setup setup-dev clean

# The interpreter that .venv is made with: 3.11 or later.
export PYTHON ?= python3
# More arguments for pytest, such as PYTEST_ARGS='-k zone -x'.
PYTEST_ARGS ?=
# Arguments for make prove.
PROVE_ARGS ?=

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: setup ## The whole life cycle in a private world on loopback, watched by DANE clients
	@.venv/bin/danelaw lab

test: setup-dev ## Everything: install what the tests need (as root), lint, all tests
	@tools/test-packages.sh
	@$(MAKE) --no-print-directory lint
	@tools/test.sh $(PYTEST_ARGS)

quick: setup-dev ## The fast tests, in less than two minutes
	.venv/bin/pytest -m 'not slow and not lab' $(PYTEST_ARGS)

lint: setup-dev ## Style, types, import contracts, purity of the core
	@tools/lint.sh

prove: setup-dev ## Whether a test notices each rule that is taken out (PROVE_ARGS='--only WORDS'); then every course of small worlds; then 100,000 rollovers
	@tools/prove.sh $(PROVE_ARGS)

fuzz: setup-dev ## Lies and noise for the validator and the readers (FUZZ_SECONDS=600 of CPU time, FUZZ_SEED)
	@tools/fuzz.sh

bench: setup-dev ## How fast it is, beside its peers: benchmarks/README.md says how to read it
	@tools/bench.sh

lock: setup-dev ## Remake the lock files from pyproject.toml (UPGRADE=1: newest versions)
	@tools/lock.sh

setup: ## .venv with what Danelaw runs on
	@tools/setup.sh runtime

setup-dev: ## .venv with the development tools too
	@tools/setup.sh dev

clean: ## Remove everything that was made here
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
