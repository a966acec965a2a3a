#!/bin/sh
# Remakes the lock files: exact versions with hashes, for every supported Python and platform, no index address.
#   requirements.lock      what Danelaw runs on, and the back end that installs it
#   requirements-dev.lock  that and the development tools
set -eu
cd "$(dirname "$0")/.."

lock() { # lock OUTPUT [MORE ARGUMENTS]
	output=$1
	shift
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes ${UPGRADE:+--upgrade} \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' \
		--group build "$@" --output-file "$output" pyproject.toml
	if grep -nE '://|^ *-(-index-url|-extra-index-url|-find-links|i|f)|@ ' "$output"; then
		echo "lock: $output names a place to download from; see the lines above" >&2
		exit 1
	fi
}

lock requirements.lock
lock requirements-dev.lock --group dev --constraint requirements.lock
