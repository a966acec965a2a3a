#!/bin/sh
# Takes rules out of the sources and asks which test notices, and which the explorer misses at once; then explores every course of
# small worlds, the deep ones too; then asks an independent oracle about some thousand drawn worlds, and about every other moment that the
# explorer meets with one fault; then plays rollovers by the engine: 100,000 with stores in memory, 2,000 on SQLite files, and one of each
# strategy with a runner that dies after every call; then kills a runner on real servers at each durable step, and an adoption at each change.
# With arguments, which are for the first, the others are left out. PROVE_ONLY=explorer, rollovers or killed: nothing else. EXPLORER_SECONDS:
# of CPU time, the most for each world. PROVE_ROLLOVERS, PROVE_ON_FILES: how many. PROVE_FOLDER: what was played stands there, and is not
# played again.
set -eu
cd "$(dirname "$0")/.."
status=0
only=${PROVE_ONLY:-mutation explorer rollovers killed}
[ $# -eq 0 ] || only=mutation
case $only in *mutation*)
    PYTHONPATH=$PWD/tests .venv/bin/python -m mutation "$@" || status=$?
    ;;
esac
case $only in *explorer*)
    .venv/bin/python -m danelaw.worlds.sim.explorer --seconds "${EXPLORER_SECONDS:-240}" || status=$?
    ORACLE_EXAMPLES=1500 ORACLE_EVERY=2 .venv/bin/pytest -q -rP -p no:cacheprovider \
        tests/property/test_gate_agrees_with_oracle.py tests/property/test_explored_states_agree_with_oracle.py || status=$?
    ;;
esac
case $only in *rollovers*)
    set -- --rollovers "${PROVE_ROLLOVERS:-100000}" --on-files "${PROVE_ON_FILES:-2000}"
    PYTHONPATH=$PWD/tests .venv/bin/python -m proving "$@" ${PROVE_FOLDER:+--folder "$PROVE_FOLDER"} || status=$?
    ;;
esac
case $only in *killed*)
    KILLED_SHARE=1 .venv/bin/pytest -q -rP -p no:cacheprovider tests/real/test_real_killed.py tests/contract/test_adopt_pairs.py || status=$?
    ;;
esac
exit "$status"
