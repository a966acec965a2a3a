#!/bin/sh
# Takes rules out of the sources and asks which test notices, and which the explorer misses at once; then explores every course of
# small worlds, the deep ones too; then asks an independent oracle about some thousand drawn worlds, and about every other moment that the
# explorer meets with one fault. With arguments, which are for the first, the others are left out: PROVE_ONLY=explorer leaves the
# first out. EXPLORER_SECONDS: of CPU time, the most for each world.
set -eu
cd "$(dirname "$0")/.."
status=0
if [ "${PROVE_ONLY:-}" != explorer ]; then
    PYTHONPATH=$PWD/tests .venv/bin/python -m mutation "$@" || status=$?
fi
if [ $# -eq 0 ]; then
    .venv/bin/python -m danelaw.worlds.sim.explorer --seconds "${EXPLORER_SECONDS:-240}" || status=$?
    ORACLE_EXAMPLES=1500 ORACLE_EVERY=2 .venv/bin/pytest -q -rP -p no:cacheprovider \
        tests/property/test_gate_agrees_with_oracle.py tests/property/test_explored_states_agree_with_oracle.py || status=$?
fi
exit "$status"
