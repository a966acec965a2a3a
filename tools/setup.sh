#!/bin/sh
# setup.sh runtime|dev: makes .venv or brings it up to date; does nothing when nothing changed.
#
# Works where only git, make, ca-certificates and a python3 without pip and ensurepip are installed. The stamp is
# written last: a .venv without one is the remains of a failure and is made anew. PIP_* and pip.conf are honoured.
set -eu
cd "$(dirname "$0")/.."

kind=${1:?usage: setup.sh runtime|dev}
case $kind in
runtime) locks=requirements.lock ;;
dev) locks=requirements-dev.lock ;; # holds everything of requirements.lock, at the same versions
*) echo "usage: setup.sh runtime|dev" >&2; exit 2 ;;
esac
python=${PYTHON:-python3}

say() { echo "setup: $*" >&2; }
fail() { # fail WHAT HINT
	say "$1"
	echo "hint: $2" >&2
	exit 1
}

# One at a time in this checkout; where there is no flock (macOS), the user sees to that.
if command -v flock >/dev/null 2>&1; then
	exec 9>.venv.lock
	flock 9
fi

# What the stamp records: a change in any of these brings .venv up to date. A .venv cannot be moved.
wanted() {
	pwd -P
	cksum pyproject.toml "$@" tools/setup.sh
}
current() { # current KIND LOCK: is .venv up to date for that?
	[ -f ".venv/stamp-$1" ] && [ "$(wanted "$2")" = "$(cat ".venv/stamp-$1")" ] && .venv/bin/python -c '' 2>/dev/null
}
if current "$kind" "$locks"; then exit 0; fi
if [ "$kind" = runtime ] && current dev requirements-dev.lock; then exit 0; fi

command -v "$python" >/dev/null 2>&1 || fail "there is no $python" "install Python 3.11 or later, or: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
	fail "$("$python" --version 2>&1) is too old" "Danelaw needs Python 3.11 or later; try: make PYTHON=python3.12"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian's python3 comes without ensurepip. Its pip can be had as a package, unpacked without being installed.
fetch_pip() {
	mkdir -p "$scratch/state/lists/partial" "$scratch/cache/archives/partial"
	(
		cd "$scratch"
		set -- -q -o Dir::State="$scratch/state" -o Dir::State::status=/var/lib/dpkg/status \
			-o Dir::Cache="$scratch/cache" -o Debug::NoLocking=1
		apt-get "$@" update >&2 && apt-get "$@" download python3-pip-whl >&2 && dpkg-deb -x python3-pip-whl_*.deb .
	) || return 1
	wheel=$(find "$scratch/usr" -name 'pip-*.whl')
	[ -n "$wheel" ]
}

new_venv() {
	rm -rf .venv
	if "$python" -m venv .venv >"$scratch/venv.log" 2>&1; then return; fi
	rm -rf .venv
	command -v apt-get >/dev/null 2>&1 || {
		cat "$scratch/venv.log" >&2
		fail "$python cannot make a virtual environment" "install Python's venv and ensurepip modules"
	}
	if [ "$(id -u)" = 0 ]; then
		say "installing python3-venv by apt"
		export DEBIAN_FRONTEND=noninteractive
		{ apt-get -q update && apt-get -q install -y --no-install-recommends python3-venv; } >"$scratch/apt.log" 2>&1 &&
			"$python" -m venv .venv && return
		rm -rf .venv
		tail -n 20 "$scratch/apt.log" >&2
		say "python3-venv did not help; trying Debian's pip without installing it"
	else
		say "no ensurepip here and not root: fetching Debian's pip without installing it"
	fi
	fetch_pip || fail "pip could not be had from Debian" "is this machine online? As root: apt-get install python3-venv"
	"$python" -m venv --without-pip .venv
	.venv/bin/python "$wheel/pip" install --quiet --disable-pip-version-check --no-index --no-deps "$wheel"
}

install() { # install PIP-ARGUMENTS
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" ||
		fail "pip could not install: $*" \
			"is this machine online? A mirror or a folder of wheels can be named in pip.conf or PIP_INDEX_URL, PIP_FIND_LINKS"
}

if [ "$(head -n 1 .venv/stamp-runtime 2>/dev/null)" != "$(pwd -P)" ] ||
	! .venv/bin/python -m pip --version >/dev/null 2>&1; then
	say "making .venv ($("$python" --version 2>&1))"
	new_venv
else
	say "bringing .venv up to date"
fi
rm -f .venv/stamp-*

# Two steps: pip refuses an editable project under --require-hashes. The build back end is in the lock.
install --require-hashes --requirement "$locks"
install --no-deps --no-build-isolation --editable .

wanted requirements.lock >.venv/stamp-runtime
[ "$kind" = runtime ] || wanted "$locks" >".venv/stamp-$kind"
