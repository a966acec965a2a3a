#!/bin/sh
# Every static check. Runs all of them, then fails if one failed.
set -u
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
failed=

check() {
	echo "lint: $*"
	"$@" || failed="$failed $1"
}

check ruff check --quiet .
check ruff format --quiet --check .
check mypy --no-error-summary
check lint-imports --no-logo
check pytest -q --no-header tests/unit/test_core_purity.py tests/unit/test_waivers.py

[ -z "$failed" ] || { echo "lint: failed:$failed" >&2; exit 1; }
