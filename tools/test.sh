#!/bin/sh
# All tests, in two halves at once: the worlds in real time mostly wait, the others mostly compute.
# Arguments are pytest's. The half that ends later is heard of last; a half in which nothing was chosen is no failure.
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
worlds=
trap 'rm -f "$log"' EXIT
trap '[ -z "$worlds" ] || kill "$worlds"; exit 130' INT TERM HUP

.venv/bin/pytest -m 'real or lab' "$@" >"$log" 2>&1 &
worlds=$!
.venv/bin/pytest -m 'not (real or lab)' "$@"
others=$?
[ "$others" != 2 ] || kill "$worlds" 2>/dev/null # interrupted
wait "$worlds"
ended=$?
worlds=
echo "test: the worlds in real time"
cat "$log"
[ "$others" = 5 ] && others=$ended
[ "$ended" = 5 ] && ended=$others
[ "$others" = 0 ] && [ "$ended" = 0 ]
