"""Other people's tools on our zones and keys, and ours on theirs."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import dns.name
import pytest

from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import read_zone
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import make_ds
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.ports import CommandResult

pytestmark = pytest.mark.slow

R = TypeVar("R")
Require = Callable[..., str]
ZONE = dns.name.from_text("example.net.")
ALGORITHMS = [
    Algorithm.ECDSAP256SHA256,
    Algorithm.ECDSAP384SHA384,
    Algorithm.ED25519,
    Algorithm.ED448,
    Algorithm.RSASHA256,
]

SOURCE = """\
$TTL 300
@               SOA     ns1 Host.Master 1 3600 900 1209600 60
                NS      NS1
                NS      ns.sub
                MX      10 Mail.Example.NET.
                CAA     0 issue "ca.example"
NS1             A       192.0.2.1
                AAAA    2001:db8::1
www             A       192.0.2.80
                A       192.0.2.81
                HTTPS   1 . alpn=h2
_443._tcp.www   30 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_25._tcp.www    TLSA    3 1 1 abcd
a.b.c.ent       TXT     "an empty non-terminal above" "and; a \\"string\\""
*.wild          CNAME   WWW
*               TXT     "at the top"
sub             NS      ns.sub
                NS      NS.Other.Example.
                DS      60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.sub          A       192.0.2.2
x.sub           TXT     "occluded"
cut.x.sub       NS      ns1
insecure        NS      ns.insecure
ns.insecure     A       192.0.2.3
alias           DNAME   Other.Example.
srv             SRV     0 1 443 WWW
naptr           NAPTR   1 2 "S" "SIP+D2U" "" _sip._udp.Example.Org.
odd             TYPE65280 \\# 3 abcdef
\\001.octets     A       192.0.2.4
caf\xe9            TXT     caf\xe9
"""


class Surroundings:
    """A clock that is right, work done inline, and no name server."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("zones wait for nothing")

    async def call(self, fn: Callable[[], R], limit: timedelta) -> R:
        return fn()

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        raise AssertionError("there is no server to reload")


def run(*argv: str | Path) -> tuple[int, str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own words
    return done.returncode, done.stdout + done.stderr


def sign(folder: Path) -> Path:
    (folder / "zone").write_text(SOURCE, encoding="latin-1")
    files = ZoneFile(folder / "zone", folder / "keys", folder / "signed")
    world = Surroundings()
    keys = frozenset(key.dnskey.to_rdata() for key, _ in read_keys(files.keys, ZONE))
    asyncio.run(FileZones({ZONE: files}, world, world, world).sign(ZONE, keys, world.now()))
    return files.served


def our_keys(folder: Path, algorithm: Algorithm) -> Path:
    for flags in (KSK_FLAGS, ZSK_FLAGS):
        make_key(folder / "keys", ZONE, flags, datetime.now(UTC) - timedelta(minutes=1), algorithm)
    return folder / "keys"


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.name)
class TestZonesThatWeSigned:
    def test_bind_finds_them_complete(self, algorithm: Algorithm, tmp_path: Path, require_program: Require) -> None:
        verify = require_program("dnssec-verify", package="bind9-utils")
        our_keys(tmp_path, algorithm)
        status, said = run(verify, "-o", "example.net", sign(tmp_path))
        assert status == 0, said
        assert "KSKs: 1 active, 0 stand-by" in said
        assert "ZSKs: 1 active, 0 stand-by" in said

    def test_ldns_finds_them_complete(self, algorithm: Algorithm, tmp_path: Path, require_program: Require) -> None:
        verify = require_program("ldns-verify-zone", package="ldnsutils")
        our_keys(tmp_path, algorithm)
        status, said = run(verify, sign(tmp_path))
        assert status == 0, said

    def test_with_binds_keys_too(self, algorithm: Algorithm, tmp_path: Path, require_program: Require) -> None:
        keygen = require_program("dnssec-keygen", package="bind9-utils")
        verify = require_program("dnssec-verify", package="bind9-utils")
        (tmp_path / "keys").mkdir()
        for more in ([], ["-f", "KSK"]):
            status, said = run(keygen, "-q", "-a", algorithm.name, "-K", tmp_path / "keys", *more, "example.net")
            assert status == 0, said
        status, said = run(verify, "-o", "example.net", sign(tmp_path))
        assert status == 0, said


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a.name)
def test_bind_signs_with_our_keys_and_we_find_its_zone_right(
    algorithm: Algorithm, tmp_path: Path, require_program: Require
) -> None:
    signzone = require_program("dnssec-signzone", package="bind9-utils")
    keys = our_keys(tmp_path, algorithm)
    zone = tmp_path / "zone"
    zone.write_text(SOURCE, encoding="latin-1")
    signed = tmp_path / "signed"
    status, said = run(
        signzone, "-S", "-q", "-O", "full", "-K", keys, "-d", tmp_path, "-o", "example.net", "-f", signed, zone
    )
    assert status == 0, said
    rrsets = read_zone(signed, ZONE).rrsets()
    assert [str(fault) for fault in zone_faults(ZONE, rrsets.values(), datetime.now(UTC))] == []
    dsset = (tmp_path / "dsset-example.net.").read_text().split()
    ksk = next(key for key, _ in read_keys(keys, ZONE) if key.dnskey.is_sep)
    ds = make_ds(ZONE, ksk.dnskey)
    assert str(ds.tag) in dsset
    assert ds.digest.hex().upper() in "".join(dsset)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("www.example.net. 300 IN A 192.0.2.80", "SIGNATURE_INVALID"),
        ("a.b.c.ent.example.net. 60 IN NSEC", "NSEC_WRONG"),
        ("srv.example.net. 300 IN RRSIG SRV", "SIGNATURE_MISSING"),
    ],
)
def test_where_a_zone_is_damaged_bind_and_we_agree(
    line: str, fault: str, tmp_path: Path, require_program: Require
) -> None:
    verify = require_program("dnssec-verify", package="bind9-utils")
    our_keys(tmp_path, Algorithm.ECDSAP256SHA256)
    signed = sign(tmp_path)
    kept = [text for text in signed.read_text().splitlines(keepends=True) if not text.startswith(line)]
    assert len(kept) == len(signed.read_text().splitlines()) - 1
    if fault == "NSEC_WRONG":  # without its signature, else the text would have an orphan
        kept = [text for text in kept if not text.startswith("a.b.c.ent.example.net. 60 IN RRSIG NSEC")]
    signed.write_text("".join(kept))
    assert run(verify, "-o", "example.net", signed)[0] != 0
    faults = zone_faults(ZONE, read_zone(signed, ZONE).rrsets().values(), datetime.now(UTC))
    assert fault in {found.code for found in faults}


def test_key_files_of_unusual_zones_have_binds_names(tmp_path: Path, require_program: Require) -> None:
    keygen = require_program("dnssec-keygen", package="bind9-utils")
    for text in (".", "0/25.2.0.192.in-addr.arpa.", "Example.NET."):
        run(keygen, "-q", "-a", "13", "-K", tmp_path, text)
        zone = dns.name.from_text(text)
        assert len(read_keys(tmp_path, zone)) == 1
        make_key(tmp_path, zone, KSK_FLAGS, datetime.now(UTC))
        assert len(read_keys(tmp_path, zone)) == 2
    stems = {path.name.split("+")[0] for path in tmp_path.iterdir()}
    assert stems == {"K.", "K0%2F25.2.0.192.in-addr.arpa.", "Kexample.net."}
