"""The chain of a signed zone against what the RFCs say of single names, whatever the zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.name
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset
from zones_to_sign import NEGATIVE_TTL, zones

APEX = dns.name.from_text("Example.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ZoneKey.of(APEX, 257, Algorithm.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))

chains = st.builds(NSEC3Chain, st.binary(max_size=8), st.integers(0, 3), st.booleans())


def signed(plain: list[RRset], how: NSEC3Chain | None) -> list[RRset]:
    return list(sign_zone(APEX, plain, [KEY], [], NOW - timedelta(hours=1), NOW + timedelta(days=1), nsec3=how))


class Model:
    """The plain zone, asked one name at a time, with dnspython's own idea of names and hashes."""

    def __init__(self, plain: list[RRset]) -> None:
        self.types: dict[Name, set[int]] = {}
        for rrset in plain:
            self.types.setdefault(rrset.owner, set()).add(rrset.type)
        self.types[APEX].add(T.DNSKEY)

    def is_cut(self, name: Name) -> bool:
        return name != APEX and T.NS in self.types[name]

    def is_insecure(self, name: Name) -> bool:
        return self.is_cut(name) and T.DS not in self.types[name]

    def is_ours(self, name: Name) -> bool:
        """Neither glue nor occluded (RFC 4035 §2.2, RFC 6672 §2.4)."""
        return not any(
            name != other and name.is_subdomain(other) and (self.is_cut(other) or T.DNAME in types)
            for other, types in self.types.items()
        )

    def listed(self, name: Name) -> set[int]:
        return self.types[name] & {T.NS, T.DS} if self.is_cut(name) else self.types[name]

    def nsec(self) -> dict[Name, set[int]]:
        """RFC 4035 §2.3."""
        return {name: {*self.listed(name), T.RRSIG, T.NSEC} for name in self.types if self.is_ours(name)}

    def nsec3(self, how: NSEC3Chain) -> dict[str, set[int]]:
        """By hash (RFC 5155 §7.1)."""
        chained = [name for name in self.types if self.is_ours(name)]
        chained = [name for name in chained if not (how.opt_out and self.is_insecure(name))]
        wanted: dict[Name, set[int]] = {}
        for name in chained:
            for depth in range(len(APEX), len(name)):
                wanted.setdefault(name.split(depth)[1], set())
            wanted[name] = {*self.listed(name), *([] if self.is_insecure(name) else [T.RRSIG])}
        wanted[APEX].add(T.NSEC3PARAM)
        salt = how.salt or None  # dnspython takes text for hexadecimal digits, and bytes as they are
        return {dns.dnssec.nsec3_hash(name, salt, how.iterations, 1): types for name, types in wanted.items()}


def rdata_of(rrset: RRset) -> bytes:
    (rdata,) = rrset.rdatas
    return rdata


@given(zones(APEX))
def test_an_nsec_chain_has_each_name_with_its_types_in_order(plain: list[RRset]) -> None:
    chain = [rrset for rrset in signed(plain, None) if rrset.type == T.NSEC]
    nsecs = {rrset.owner: NSEC.from_rdata(rdata_of(rrset)) for rrset in chain}
    assert {owner: set(nsec.types) for owner, nsec in nsecs.items()} == Model(plain).nsec()
    ordered = sorted(nsecs)
    assert [nsecs[owner].next for owner in ordered] == [*ordered[1:], ordered[0]]
    assert {rrset.ttl for rrset in chain} == {NEGATIVE_TTL}


@given(zones(APEX), chains)
def test_an_nsec3_chain_has_each_hash_with_its_types_in_order(plain: list[RRset], how: NSEC3Chain) -> None:
    chain = [rrset for rrset in signed(plain, how) if rrset.type == T.NSEC3]
    assert all(rrset.owner.parent() == APEX and rrset.ttl == NEGATIVE_TTL for rrset in chain)
    nsec3s = {rrset.owner.labels[0].decode().upper(): NSEC3.from_rdata(rdata_of(rrset)) for rrset in chain}
    assert {owner: set(nsec3.types) for owner, nsec3 in nsec3s.items()} == Model(plain).nsec3(how)
    ordered = sorted(nsec3s)
    following = [label_of(nsec3s[owner].next) for owner in ordered]
    assert following == [*ordered[1:], ordered[0]]
    assert {(n.hash_algorithm, n.flags, n.iterations, n.salt) for n in nsec3s.values()} == {
        (1, int(how.opt_out), how.iterations, how.salt)
    }


def label_of(digest: bytes) -> str:
    """The five-bit digits of RFC 4648 §7, without its library."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
    number = int.from_bytes(digest)
    return "".join(digits[number >> shift & 31] for shift in range(155, -1, -5))


@given(zones(APEX), st.none() | chains)
def test_what_is_signed_is_right_and_signed_alike_each_time(plain: list[RRset], how: NSEC3Chain | None) -> None:
    zone = signed(plain, how)
    assert list(zone_faults(APEX, zone, NOW)) == []
    assert signed(plain[::-1], how) == zone


@given(zones(APEX), st.none() | chains, st.data())
def test_no_record_can_go_unnoticed(plain: list[RRset], how: NSEC3Chain | None, data: st.DataObject) -> None:
    """But for what nobody vouches for: glue, occluded data, and delegations that are opted out."""
    zone = signed(plain, how)
    signed_ones = [rrset for rrset in zone if rrset.rrsigs and rrset.type != T.DNSKEY]
    gone = data.draw(st.sampled_from(signed_ones))
    assert list(zone_faults(APEX, [rrset for rrset in zone if rrset != gone], NOW))
