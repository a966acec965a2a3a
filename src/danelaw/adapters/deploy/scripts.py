"""What the shell of a host is told: scripts for any POSIX shell with tar, readlink and an mv that replaces links.

A script ends by saying one of ``Word``; where none is heard, nobody knows what came of it. No secret is part of a
script: files come on standard input.

    DIRECTORY/NAME                       what the server's configuration names: a symbolic link to
    DIRECTORY/.NAME.copies/000012-8f3a   a copy of generation 12, moved here whole, and never written again
    DIRECTORY/.NAME.before               while NAME leads to what has not passed its test: where it led before
"""

from __future__ import annotations

import enum
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Final

from danelaw.adapters.deploy.credentials import DEPLOYED, SECRET
from danelaw.core.model import GenerationId

_MARK: Final = "danelaw: "
_BEGUN: Final = f"\n{_MARK}begin\n"
_NUMBER: Final = re.compile(r"(?:.*/)?([0-9]{6,})(?:-[0-9a-f]+)?/?")


class Word(enum.Enum):
    """How a script ended."""

    DONE = "done"
    TAKEN = "taken"
    """There is something that is no symbolic link where the link is to be. Nothing was changed."""
    FAILED = "failed"
    """Files could not be written. Nothing was changed."""
    UNTESTED = "untested"
    """The configuration did not pass its test. The link is as it was, and nothing was reloaded."""
    STUCK = "stuck"
    """It did not pass, and the link could not be put back."""
    UNLOADED = "unloaded"
    """A server could not be reloaded. A switch leaves the link as it is then, and a retirement puts it back."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose the copies are. ``mode``: of the files with the private key."""

    owner: str | None
    group: str | None
    mode: int

    @property
    def folder_mode(self) -> int:
        return 0o750 if self.group is not None else 0o700


PRIVATE: Final = Owned(None, None, 0o600)
"""Whoever copies keeps it."""


_BEGINNING: Final = """\
set -u
umask 077
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
log=
ended() {
    if [ -n "$log" ] && [ -s "$log" ]; then tail -c 2000 "$log"; fi
    echo  # what was said may not end with a line
    echo "danelaw: $1"
    exit 0
}
renamed() { mv -fT "$1" "$2" 2>/dev/null || mv -fh "$1" "$2"; }
pointed() {
    rm -f "$link.new" && ln -s "$1" "$link.new" && renamed "$link.new" "$link" && sync && return 0
    rm -f "$link.new"
    return 1
}
put_back() {
    if [ -z "$before" ]; then rm -f "$link" && sync && return; fi
    # On a full disk there is no room for another link, and what leads there is at hand.
    pointed "$before" || { [ -L "$mark" ] && renamed "$mark" "$link" && sync; }
}
# One that hangs is ended while somebody is there to put the link back.
within_patience() {
    "$1" >"$log" 2>&1 </dev/null & asked=$!
    (sleep "$patience"; kill "$asked") >/dev/null 2>&1 </dev/null & watch=$!
    wait "$asked"; status=$?
    # One that is just beginning may miss what it could catch, and would end whoever has that number then.
    kill -9 "$watch" 2>/dev/null
    if [ "$status" -eq 143 ]; then echo "it did not end within $patience seconds" >>"$log"; fi
    return "$status"
}
# What the host says of its own accord when somebody comes in is over here.
echo
echo "danelaw: begin"
"""

_LOOK: Final = """\
if [ -L "$link" ]; then
    readlink "$link"
    cat "$link/fullchain.pem" 2>/dev/null
fi
ended done
"""

_STAGE: Final = """\
if [ -e "$link" ] && [ ! -L "$link" ]; then ended taken; fi
before=$(readlink "$mark") || before=$(readlink "$link") || before=.
[ "$before" != . ] || before=
(umask 022 && mkdir -p "$parent" "$copies") || ended failed
rm -rf "$copies"/.new-* "$copies"/.said-*
fresh=$copies/.new-$name
trap 'rm -rf "$fresh" "$log"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$fresh" || ended failed
log=$copies/.said-$name
(cd "$fresh" && tar -xmf -) || ended failed
for file in $files; do [ -e "$fresh/$file" ] || ended failed; done
if [ -n "$owner" ]; then chown "$owner" "$fresh" "$fresh"/* || ended failed; fi
if [ -n "$group" ]; then chgrp "$group" "$fresh" "$fresh"/* || ended failed; fi
chmod 644 "$fresh"/* || ended failed
for file in $secrets; do chmod "$mode" "$fresh/$file" || ended failed; done
chmod "$folder_mode" "$fresh" || ended failed
sync
mv "$fresh" "$copies/$name" && sync || ended failed
marked=
[ -L "$mark" ] || { ln -s "${before:-.}" "$mark" && marked=$mark && sync; } || { rm -rf "$copies/$name"; ended failed; }
pointed "${copies##*/}/$name" || { rm -rf "$copies/$name" "$marked"; ended failed; }
"""

_TESTED: Final = """\
if ! within_patience tested; then
    put_back || ended stuck
    rm -rf "$mark" "$copies/$name"
    ended untested
fi
rm -f "$mark"
: >"$log"
if ! within_patience reloaded; then ended unloaded; fi
: >"$log"
for old in "$copies"/[0-9]*; do [ "$old" = "$copies/$name" ] || rm -rf "$old"; done
ended done
"""

_RETIRE: Final = """\
if [ ! -L "$link" ]; then ended done; fi
before=$(readlink "$link") || ended failed
(umask 022 && mkdir -p "$copies") || ended failed
log=$copies/.said-$name
trap 'rm -rf "$log"' EXIT
rm -f "$link" && sync || ended failed
if ! within_patience tested; then
    put_back || ended stuck
    ended untested
fi
if ! within_patience reloaded; then
    put_back || ended stuck
    ended unloaded
fi
: >"$log"
rm -rf "$mark" "$copies"
log=
ended done
"""


def look(directory: PurePath) -> str:
    """Says where the link leads to, and the chain that lies there; nothing where there is none."""
    return _BEGINNING + _names(directory) + _LOOK


def switch(
    directory: PurePath,
    name: str,
    owned: Owned,
    tests: Iterable[Sequence[str]],
    reloads: Iterable[Sequence[str]],
    patience: timedelta,
) -> str:
    """Reads a tar file of ``DEPLOYED``, copies it to ``name``, points the link to it, tests and reloads.
    ``patience``: for all tests, and for all reloads."""
    settings = {
        "patience": _seconds(patience),
        "name": name,
        "owner": owned.owner or "",
        "group": owned.group or "",
        "mode": f"{owned.mode:o}",
        "folder_mode": f"{owned.folder_mode:o}",
        "files": " ".join(DEPLOYED),
        "secrets": " ".join(SECRET),
    }
    return _BEGINNING + _names(directory, **settings) + _told(tests, reloads) + _STAGE + _TESTED


def retire(
    directory: PurePath,
    name: str,
    tests: Iterable[Sequence[str]],
    reloads: Iterable[Sequence[str]],
    patience: timedelta,
) -> str:
    """Takes the link away, tests and reloads, and deletes every copy."""
    settings = {"name": name, "patience": _seconds(patience)}
    return _BEGINNING + _names(directory, **settings) + _told(tests, reloads) + _RETIRE


def copies(directory: PurePath) -> PurePath:
    """Where the copies lie that a live directory is one of."""
    return directory.with_name(f".{directory.name}.copies")


def led_before(directory: PurePath) -> PurePath:
    """A symbolic link: where the live directory led before it led to what has not passed its test yet."""
    return directory.with_name(f".{directory.name}.before")


def heard(output: str) -> tuple[Word | None, str]:
    """How a script ended, and what was said before. None: it did not come to its end."""
    _, begun, said = f"\n{output}".partition(_BEGUN)
    text = (said if begun else output).rstrip("\n")
    before, _, last = text.rpartition("\n")
    if begun and last.startswith(_MARK):
        for word in Word:
            if last == f"{_MARK}{word.value}":
                return word, before.rstrip("\n")
    return None, text


def generation(target: str) -> GenerationId | None:
    """Which one a link says that it leads to; None: it is no generation's name."""
    found = _NUMBER.fullmatch(target)
    return GenerationId(int(found.group(1))) if found is not None else None


def _names(directory: PurePath, **settings: str) -> str:
    places = {
        "link": str(directory),
        "parent": str(directory.parent),
        "copies": str(copies(directory)),
        "mark": str(led_before(directory)),
    }
    return "".join(f"{key}={shlex.quote(value)}\n" for key, value in (places | settings).items())


def _seconds(patience: timedelta) -> str:
    """As every ``sleep`` takes it."""
    return str(max(1, round(patience.total_seconds())))


def _told(tests: Iterable[Sequence[str]], reloads: Iterable[Sequence[str]]) -> str:
    """All tests must pass; each server is reloaded, whatever came of the others."""
    tested = " && ".join(map(shlex.join, tests)) or ":"
    reloaded = "\n".join(f"    {shlex.join(argv)} || failed=1" for argv in reloads)
    return f"tested() {{ {tested}; }}\nreloaded() {{\n    failed=0\n{reloaded}\n    return $failed\n}}\n"
