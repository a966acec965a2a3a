"""Our side of the contests in signing, a program of its own so that its CPU time and its memory can be told apart.

``keys``: makes a KSK and a ZSK, the same each time. ``sign``: a zone's text file is read, signed, and written as text,
without the proof that Danelaw never goes without. ``serve``: what Danelaw does to a zone: as ``sign``, and the serial
is raised, the text read back and every signature verified. ``publish``: one TLSA record is changed in a zone that was
so served.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import dns.name
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.clock import SubprocessCommands, SystemClock
from danelaw.adapters.zone.differences import plain
from danelaw.adapters.zone.disk import write_atomically
from danelaw.adapters.zone.edit import replace_rrset
from danelaw.adapters.zone.entries import ENCODING
from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, read_keys
from danelaw.adapters.zone.master_file import ZoneSource, read_zone, zone_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyTimes, key_file_name, key_file_texts
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.sign import unsigned_zone
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_times import SigningTimes
from danelaw.core.model import RRset

_SECRETS = {KSK_FLAGS: 1001, ZSK_FLAGS: 1002}


R = TypeVar("R")


class Here:
    """``ports.Blocking`` in the one thread that there is, where a profiler sees it."""

    async def call(self, function: Callable[[], R], limit: timedelta) -> R:
        return function()


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("work", choices=("keys", "sign", "serve", "publish"))
    arguments.add_argument("zone", type=dns.name.from_text)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--owner", type=dns.name.from_text, help="publish: of the TLSA record")
    arguments.add_argument("--rdata", type=bytes.fromhex, help="publish: of the TLSA record, in hexadecimal")
    options = arguments.parse_args()
    match options.work:
        case "keys":
            make_keys(options.zone, options.keys)
        case "sign":
            sign(options.zone, options.file, options.keys, options.output)
        case "serve":
            serve(options.zone, ZoneFile(options.file, options.keys, options.output), None)
        case "publish":
            wanted = RRset(options.owner, T.TLSA, 3600, frozenset({options.rdata}))
            serve(options.zone, ZoneFile(options.file, options.keys, options.output), wanted)
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


def serve(zone: Name, files: ZoneFile, wanted: RRset | None) -> None:
    def edit(source: ZoneSource) -> ZoneSource:
        return source if wanted is None else replace_rrset(source, wanted)

    clock = SystemClock()
    zones = FileZones({zone: files}, clock, Here(), SubprocessCommands())
    asyncio.run(zones.serve(zone, clock.now(), edit=edit))


if __name__ == "__main__":
    sys.exit(main())
