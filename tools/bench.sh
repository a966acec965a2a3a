#!/bin/sh
# Runs every benchmark in benchmarks/, one after the other; fails if one failed.
set -u
cd "$(dirname "$0")/.."
failed=

for script in benchmarks/p[0-9]*.py; do
	.venv/bin/python "$script" || failed="$failed $script"
done

[ -z "$failed" ] || { echo "bench: failed:$failed" >&2; exit 1; }
