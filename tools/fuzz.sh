#!/bin/sh
# Fuzzes the validator and the readers for FUZZ_SECONDS of CPU time, 600 unless told. FUZZ_SEED: another seed than the day.
set -eu
cd "$(dirname "$0")/.."
PYTHONPATH=$PWD/tests exec .venv/bin/python -m fuzz --seconds "${FUZZ_SECONDS:-600}" --seed "${FUZZ_SEED:-$(date +%F)}"
