#!/bin/sh
# As root on Debian, installs the packages of test-packages.txt whose programs are missing. Otherwise only says so:
# the tests that need them are skipped, each with its reason.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing=
while read -r package programs; do
	case $package in '' | '#'*) continue ;; esac
	for program in $programs; do
		command -v "$program" >/dev/null 2>&1 || [ -f "$program" ] || { missing="$missing $package"; break; }
	done
done <tools/test-packages.txt
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "test: tests that need these Debian packages will be skipped:$missing" >&2
	echo "hint: run 'make test' once as root, or install them yourself" >&2
	exit 0
fi

# Debian starts daemons as it installs them, unless policy-rc.d says no. Ours goes away whatever happens.
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
log=$(mktemp)
ours=
cleanup() {
	[ -z "$ours" ] || rm -f "$policy"
	rm -f "$log"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
	ours=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

echo "test: installing by apt:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the list is meant to be split into words
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "test: apt could not install:$missing; the tests that need them will be skipped" >&2
	echo "hint: is this machine online? See the lines above" >&2
fi
