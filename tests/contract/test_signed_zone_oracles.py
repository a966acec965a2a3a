"""Other people's tools on our zones and keys, and ours on theirs."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdatatype import RdataType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import parse_zone, read_zone, zone_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.crypto import PrivateKey
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.nsec3 import NSEC3, hash_name, hash_owner
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import make as rrsig_over
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset
from zone_surroundings import Surroundings
from zones_to_sign import zones

pytestmark = pytest.mark.slow

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
one.only.cuts   NS      ns1
two.only.cuts   NS      ns1
cut.mixed       NS      ns1
txt.mixed       TXT     "beside a cut"
a.secure.one    NS      ns1
                DS      60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
alias           DNAME   Other.Example.
                A       192.0.2.5
srv             SRV     0 1 443 WWW
naptr           NAPTR   1 2 "S" "SIP+D2U" "" _sip._udp.Example.Org.
odd             TYPE65280 \\# 3 abcdef
\\001.octets     A       192.0.2.4
a\\.b\\;\\"c       A       192.0.2.4
1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16 A 192.0.2.6
caf\xe9            TXT     caf\xe9
"""


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


CHAINS: Final = {
    "NSEC": None,
    "NSEC3": NSEC3Chain(),
    "NSEC3 with a salt": NSEC3Chain(bytes.fromhex("aabbccdd"), 12),
    "opt-out": NSEC3Chain(opt_out=True),
    "opt-out with a salt": NSEC3Chain(bytes(255), 1, opt_out=True),
}
CASES: Final = [
    *((Algorithm.ECDSAP256SHA256, chain) for chain in CHAINS),
    *((algorithm, chain) for algorithm in ALGORITHMS[1:] for chain in ("NSEC", "NSEC3")),
]


@cache
def key_pair(algorithm: Algorithm) -> tuple[ZoneKey, ZoneKey]:
    """A KSK and a ZSK, made once for all zones."""
    generate: dict[int, Callable[[], PrivateKey]] = {
        Algorithm.RSASHA256: lambda: rsa.generate_private_key(65537, 2048),
        Algorithm.ECDSAP256SHA256: lambda: ec.generate_private_key(ec.SECP256R1()),
        Algorithm.ECDSAP384SHA384: lambda: ec.generate_private_key(ec.SECP384R1()),
        Algorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
        Algorithm.ED448: ed448.Ed448PrivateKey.generate,
    }
    make = generate[algorithm]
    return ZoneKey.of(ZONE, KSK_FLAGS, algorithm, make()), ZoneKey.of(ZONE, ZSK_FLAGS, algorithm, make())


def plain_zone() -> list[RRset]:
    """With data below a DNAME, which no file that we sign may have."""
    text = f'{SOURCE}below.alias TXT "occluded"\n'
    return list(parse_zone(text, Path("zone"), ZONE).rrsets().values())


def signed_as(how: NSEC3Chain | None, plain: Sequence[RRset], algorithm: Algorithm = ALGORITHMS[0]) -> list[RRset]:
    ksk, zsk = key_pair(algorithm)
    now = datetime.now(UTC)
    return list(sign_zone(ZONE, plain, [ksk], [zsk], now - timedelta(hours=1), now + timedelta(days=1), nsec3=how))


def written(folder: Path, rrsets: Sequence[RRset]) -> Path:
    (folder / "signed").write_text(zone_text(rrsets, "a test's"), encoding="latin-1")
    return folder / "signed"


@pytest.mark.parametrize(("algorithm", "chain"), CASES, ids=lambda part: getattr(part, "name", part))
class TestEveryKindOfChain:
    """Delegations of every kind, glue, occluded names, wildcards, empty non-terminals, aliases, odd and deep names."""

    def test_bind_finds_it_right(
        self, algorithm: Algorithm, chain: str, tmp_path: Path, require_program: Require
    ) -> None:
        verify = require_program("dnssec-verify", package="bind9-utils")
        signed = written(tmp_path, signed_as(CHAINS[chain], plain_zone(), algorithm))
        status, said = run(verify, "-o", "example.net", signed)
        assert status == 0, said

    def test_ldns_finds_it_right(
        self, algorithm: Algorithm, chain: str, tmp_path: Path, require_program: Require
    ) -> None:
        verify = require_program("ldns-verify-zone", package="ldnsutils")
        status, said = run(verify, written(tmp_path, signed_as(CHAINS[chain], plain_zone(), algorithm)))
        assert status == 0, said

    def test_knot_finds_it_right(
        self, algorithm: Algorithm, chain: str, tmp_path: Path, require_program: Require
    ) -> None:
        """Knot takes records below a DNAME for an error of the zone, and so they are left out for it."""
        check = require_program("kzonecheck", package="knot-dnssecutils")
        plain = [rrset for rrset in plain_zone() if not str(rrset.owner).startswith("below.alias.")]
        signed = written(tmp_path, signed_as(CHAINS[chain], plain, algorithm))
        status, said = run(check, "-d", "on", "-o", "example.net", signed)
        assert status == 0, said


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=zones(ZONE), how=st.sampled_from(sorted(CHAINS)))
def test_ldns_finds_whatever_zone_right(plain: list[RRset], how: str, tmp_path: Path, require_program: Require) -> None:
    verify = require_program("ldns-verify-zone", package="ldnsutils")
    status, said = run(verify, written(tmp_path, signed_as(CHAINS[how], plain)))
    assert status == 0, said


@pytest.mark.parametrize(
    ("salt", "iterations", "options"),
    [("-", 0, []), ("aabbccdd", 12, []), ("-", 0, ["-A"]), ("00", 1, ["-A"])],
    ids=list(CHAINS)[1:],
)
def test_bind_makes_the_same_nsec3_chain(
    salt: str, iterations: int, options: list[str], tmp_path: Path, require_program: Require
) -> None:
    """Every NSEC3 and the NSEC3PARAM, its TTL too; and BIND's signed zone is right in our eyes."""
    signzone = require_program("dnssec-signzone", package="bind9-utils")
    keys = our_keys(tmp_path, Algorithm.ECDSAP256SHA256)
    (tmp_path / "zone").write_text(SOURCE, encoding="latin-1")
    words = ["-S", "-q", "-O", "full", "-3", salt, "-H", str(iterations), *options, "-o", "example.net"]
    status, said = run(signzone, *words, "-K", keys, "-d", tmp_path, "-f", tmp_path / "theirs", tmp_path / "zone")
    assert status == 0, said
    theirs = read_zone(tmp_path / "theirs", ZONE).rrsets().values()
    assert [str(fault) for fault in zone_faults(ZONE, theirs, datetime.now(UTC))] == []
    ours = signed_as(NSEC3Chain(bytes.fromhex(salt.strip("-")), iterations, bool(options)), plain_zone())
    assert nsec3s(ours) == nsec3s(theirs)


def nsec3s(rrsets: Iterable[RRset]) -> set[tuple[str, int, int, frozenset[bytes]]]:
    kinds = (RdataType.NSEC3, RdataType.NSEC3PARAM)
    return {(str(r.owner).lower(), r.type, r.ttl, r.rdatas) for r in rrsets if r.type in kinds}


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


def nsec3_at(zone: Sequence[RRset], text: str) -> RRset:
    owner = hash_owner(hash_name(dns.name.from_text(text, ZONE), b"", 0), ZONE)
    return next(rrset for rrset in zone if (rrset.owner, rrset.type) == (owner, RdataType.NSEC3))


@pytest.mark.parametrize(
    ("how", "at", "change"),
    [
        ("NSEC3", "www", None),
        ("NSEC3", "b.c.ent", None),
        ("NSEC3", "insecure", None),
        ("NSEC3", "www", lambda nsec3: replace(nsec3, types=nsec3.types | {RdataType.SSHFP})),
        ("NSEC3", "www", lambda nsec3: replace(nsec3, types=nsec3.types - {RdataType.AAAA, RdataType.A})),
        ("NSEC3", "insecure", lambda nsec3: replace(nsec3, types=nsec3.types | {RdataType.RRSIG})),
        ("NSEC3", "www", lambda nsec3: replace(nsec3, next=bytes(20))),
        ("NSEC3", "www", lambda nsec3: replace(nsec3, salt=b"\x01")),
        ("opt-out", "www", None),
        ("opt-out", "sub", None),
        ("opt-out", "mixed", None),
    ],
    ids=[
        "no record",
        "none for an ENT",
        "none for a delegation",
        "a type too many",
        "too few",
        "RRSIG at a delegation",
        "wrong next",
        "another salt",
        "opt-out",
        "opt-out at a secure delegation",
        "opt-out at an ENT",
    ],
)
def test_where_an_nsec3_chain_is_wrong_bind_and_we_agree(
    how: str, at: str, change: Callable[[NSEC3], NSEC3] | None, tmp_path: Path, require_program: Require
) -> None:
    """Every signature in it is right."""
    verify = require_program("dnssec-verify", package="bind9-utils")
    zone = signed_as(CHAINS[how], plain_zone())
    right = nsec3_at(zone, at)
    zone.remove(right)
    if change is not None:
        (rdata,) = right.rdatas
        wrong = RRset(right.owner, right.type, right.ttl, frozenset({change(NSEC3.from_rdata(rdata)).to_rdata()}))
        now = datetime.now(UTC)
        rrsig = rrsig_over(wrong, ZONE, key_pair(ALGORITHMS[0])[1], now - timedelta(hours=1), now + timedelta(days=1))
        zone.append(replace(wrong, rrsigs=frozenset({rrsig})))
    status, said = run(verify, "-o", "example.net", written(tmp_path, zone))
    assert status != 0, said
    assert {fault.code for fault in zone_faults(ZONE, zone, datetime.now(UTC))} == {"NSEC3_WRONG"}


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
