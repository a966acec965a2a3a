#!/bin/sh
# Takes rules out of the sources and asks which test notices; then explores every course of small worlds, the deep ones too; then
# asks an independent oracle about some thousand drawn worlds. With arguments, which are for the first, the others are left
# out: PROVE_ONLY=explorer leaves the first out.
set -eu
cd "$(dirname "$0")/.."
status=0
if [ "${PROVE_ONLY:-}" != explorer ]; then
    PYTHONPATH=$PWD/tests .venv/bin/python -m mutation "$@" || status=$?
fi
if [ $# -eq 0 ]; then
    .venv/bin/python -m danelaw.worlds.sim.explorer || status=$?
    ORACLE_EXAMPLES=3000 .venv/bin/pytest -q -rP tests/property/test_gate_agrees_with_oracle.py || status=$?
fi
exit "$status"
