#!/bin/sh
# try-bare.sh [TARGET...]: what a newcomer meets. Makes a fresh Debian of git, make, ca-certificates and python3, clones
# what is committed here into it, and makes each TARGET (default: demo test), as an unprivileged user and then as root.
#
# Needs root, debootstrap and a network. What it makes is under TMPDIR and goes away at the end.
#   SUITE=bookworm   the Debian to try          MIRROR=URL   where from, if not debootstrap's default
#   BIND='/dir …'    folders of this machine to show inside, read-only: such as wheels that its pip.conf names
set -eu
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "try-bare: needs root, for debootstrap and chroot" >&2; exit 2; }
command -v debootstrap >/dev/null 2>&1 || { echo "try-bare: apt-get install debootstrap" >&2; exit 2; }

# Mounts and processes made from here on vanish with the namespaces.
if [ -z "${TRY_BARE_ROOT:-}" ]; then
	TRY_BARE_ROOT=$(mktemp -d)
	chmod 755 "$TRY_BARE_ROOT"
	export TRY_BARE_ROOT
	trap 'rm -rf --one-file-system "$TRY_BARE_ROOT"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	unshare --mount --pid --fork --kill-child "$0" "$@"
	exit
fi

root=$TRY_BARE_ROOT
[ $# -gt 0 ] || set -- demo test

echo "try-bare: making a Debian ${SUITE:-bookworm} in $root" >&2
debootstrap --variant=minbase --include=git,make,ca-certificates,python3 "${SUITE:-bookworm}" "$root" ${MIRROR:+"$MIRROR"} \
	>"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"

mount --bind "$root" "$root" # for pivot_root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in ${BIND:-}; do
	mkdir -p "$root$folder"
	mount --bind -o ro "$folder" "$root$folder"
done

# The way to the network is this machine's: names, trusted CAs, pip's configuration, proxies.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
	[ ! -e "$file" ] || cp -L "$file" "$root$file"
done
environment=$(env | grep -iE '^(PIP_[A-Z_]+|(https?|no|all)_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE)=[^[:space:]]*$' || true)

inside() { # inside USER HOME COMMAND
	# The root of a namespace and no chroot: in that the kernel allows neither namespaces of users nor mounts of one's own.
	# shellcheck disable=SC2016,SC2086  # expanded inside; one NAME=value per word
	unshare --mount sh -euc 'cd "$0" && pivot_root . mnt && umount -l /mnt && cd / && exec "$@"' "$root" \
		setpriv --reuid="$1" --regid="$1" --clear-groups env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
		LANG=C.UTF-8 HOME="$2" $environment sh -euc "cd '$2/danelaw' && $3"
}

chroot "$root" useradd --create-home tester
failed=
for user in tester root; do
	home=$(chroot "$root" getent passwd "$user" | cut -d: -f6)
	git clone --quiet --no-local . "$root$home/danelaw"
	chroot "$root" chown -R "$user:" "$home/danelaw"
	for target in "$@"; do
		echo "try-bare: make $target, as $user" >&2
		start=$(date +%s)
		if inside "$user" "$home" "make $target"; then result=good; else result=FAILED failed=yes; fi
		echo "try-bare: make $target, as $user: $result, $(($(date +%s) - start)) s" >&2
	done
done
[ -z "$failed" ]
