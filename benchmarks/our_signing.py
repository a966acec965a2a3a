"""Our side of the contests in signing, where it is not the command line itself.

``keys ZONE DIRECTORY``: makes a KSK and a ZSK, the same each time. ``sign ZONE FILE KEYS OUTPUT``: a zone's text file
is read, signed, and written as text, without the proof that Danelaw never goes without. ``danelaw WORD...``: the
command line in one thread, so that a profiler sees all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import dns.name
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name

from danelaw.__main__ import collect_rarely
from danelaw.__main__ import main as danelaw_main
from danelaw.adapters.clock import ThreadBlocking
from danelaw.adapters.zone.differences import plain
from danelaw.adapters.zone.disk import write_atomically
from danelaw.adapters.zone.entries import ENCODING
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, read_keys
from danelaw.adapters.zone.master_file import read_zone, zone_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyTimes, key_file_name, key_file_texts
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.sign import unsigned_zone
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_times import SigningTimes

_SECRETS = {KSK_FLAGS: 1001, ZSK_FLAGS: 1002}


R = TypeVar("R")


def main() -> int:
    match sys.argv[1:]:
        case ["keys", zone, directory]:
            make_keys(dns.name.from_text(zone), Path(directory))
        case ["sign", zone, file, keys, output]:
            collect_rarely()
            sign(dns.name.from_text(zone), Path(file), Path(keys), Path(output))
        case ["danelaw", *words]:
            command_line(words)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def make_keys(zone: Name, directory: Path) -> None:
    for flags, secret in _SECRETS.items():
        private = ec.derive_private_key(secret, ec.SECP256R1())
        key = ZoneKey.of(zone, flags, Algorithm.ECDSAP256SHA256, private)
        texts = key_file_texts(key, KeyTimes.at_once(datetime(2026, 1, 1, tzinfo=UTC)))
        for ending, text in zip(("key", "private"), texts, strict=True):
            path = directory / f"{key_file_name(zone, key.dnskey)}.{ending}"
            path.write_text(text, encoding="ascii")
            path.chmod(0o600)


def sign(zone: Name, file: Path, keys: Path, output: Path) -> None:
    now = datetime.now(UTC)
    signing = SigningKeys.at(read_keys(keys, zone), now)
    unsigned = unsigned_zone(zone, plain(read_zone(file, zone)).values(), signing)
    span = SigningTimes().span(now, timedelta(days=7), timedelta(hours=1))
    text = zone_text(unsigned.sign(span).rrsets, "signed")
    write_atomically(output, text.encode(ENCODING), 0o644)


def command_line(words: list[str]) -> None:
    """Raises ``SystemExit``, as the command line does."""

    async def here(_: ThreadBlocking, function: Callable[[], R], limit: timedelta) -> R:
        return function()

    setattr(ThreadBlocking, "call", here)  # noqa: B010  # put in the place of a method, which mypy forbids otherwise
    sys.argv = ["danelaw", *words]
    danelaw_main()


if __name__ == "__main__":
    sys.exit(main())
