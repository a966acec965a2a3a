"""A zone that is signed again and again, from what it was, is the zone that is signed at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.name
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import REVOKE_FLAG, ZoneKey
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import RRSIG, seconds
from danelaw.core.dnssec.sign import SigningParameters, unsigned_zone
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_times import SigningTimes
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.dnssec.zonemd import zonemd_faults
from danelaw.core.model import RRset
from zones_to_sign import zones

APEX = dns.name.from_text("Example.")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def key(seed: int, flags: int) -> ZoneKey:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes((seed,)) * 32)
    return ZoneKey.of(APEX, flags, Algorithm.ED25519, private)


KSK, KSK_2, ZSK, ZSK_2 = key(1, 257), key(2, 257), key(3, 256), key(4, 256)
REVOKED = key(5, 257 | REVOKE_FLAG)
KEYS = [
    SigningKeys((KSK,)),
    SigningKeys((KSK,), (ZSK,)),
    SigningKeys((KSK,), (ZSK,), (ZSK_2.dnskey,)),
    SigningKeys((KSK,), (ZSK_2,), (ZSK.dnskey,)),
    SigningKeys((KSK, KSK_2), (ZSK, ZSK_2), delegated=(KSK.dnskey, KSK_2.dnskey)),
    SigningKeys((KSK_2,), (ZSK,), revoked=(REVOKED,), delegated=(KSK_2.dnskey,)),
]
CHAINS = [None, NSEC3Chain(), NSEC3Chain(opt_out=True), NSEC3Chain(b"\xaa", 2)]


@st.composite
def versions(draw: st.DrawFn) -> list[RRset]:
    """A zone, of which the TTLs and the serial change too."""
    changed = draw(st.sets(st.integers(0, 12)))
    serial = draw(st.integers(0, 3))
    return [
        with_serial(rrset, serial) if rrset.type == T.SOA else replace(rrset, ttl=rrset.ttl + (place in changed))
        for place, rrset in enumerate(draw(zones(APEX)))
    ]


def with_serial(soa: RRset, serial: int) -> RRset:
    (rdata,) = soa.rdatas
    return replace(soa, rdatas=frozenset({rdata[:-20] + serial.to_bytes(4) + rdata[-16:]}))


steps = st.lists(
    st.tuples(versions(), st.integers(0, 24 * 20), st.sampled_from(KEYS), st.sampled_from(CHAINS), st.booleans()),
    min_size=2,
    max_size=5,
)


def bare(rrsets: Iterable[RRset]) -> set[tuple[Name, int, int, frozenset[bytes]]]:
    """Without what depends on when it was signed."""
    return {(r.owner, r.type, r.ttl, r.rdatas) for r in rrsets if r.type != T.ZONEMD}


@settings(deadline=None, max_examples=40)
@given(steps)
def test_each_version_holds_what_signing_it_at_once_gives_and_is_right(
    versions: list[tuple[list[RRset], int, SigningKeys, NSEC3Chain | None, bool]],
) -> None:
    now, previous = START, dict[tuple[Name, int], RRset]()
    for plain, hours, keys, chain, digest in versions:
        now += hours * HOUR
        span = SigningTimes().span(now, timedelta(0), timedelta(minutes=1))
        zone = unsigned_zone(APEX, plain, keys, SigningParameters(chain, zonemd=digest))
        again, at_once = zone.sign(span, previous), zone.sign(span)
        assert [(r.owner, r.type) for r in again.rrsets] == [(r.owner, r.type) for r in at_once.rrsets]
        assert bare(again.rrsets) == bare(at_once.rrsets)
        assert list(zone_faults(APEX, again.rrsets, now)) == []
        assert list(zone_faults(APEX, again.rrsets, now, proved=previous)) == []
        assert list(zonemd_faults(APEX, again.rrsets)) == []
        assert at_once.anew == {(r.owner, r.type) for r in at_once.rrsets if r.rrsigs}
        for rrset in again.rrsets:
            signatures = list(map(RRSIG.from_rdata, rrset.rrsigs))
            assert len(signatures) == len({made.key_tag for made in signatures})
            assert all(made.expiration > seconds(now + SigningTimes().validity / 3) for made in signatures)
            if rrset.rrsigs and (rrset.owner, rrset.type) not in again.anew:
                assert rrset.rrsigs <= previous[rrset.owner, rrset.type].rrsigs
        previous = {(rrset.owner, rrset.type): rrset for rrset in again.rrsets}
        assert zone.is_in(previous, span)
        repeated = zone.sign(span, previous)
        assert (repeated.rrsets, repeated.anew) == (again.rrsets, frozenset())


@settings(deadline=None)
@given(versions(), st.data())
def test_what_is_the_same_keeps_its_signatures(plain: list[RRset], data: st.DataObject) -> None:
    """One RRset becomes another: it, the SOA if the serial is raised, and nothing else is signed anew."""
    changeable = [rrset for rrset in plain if rrset.type not in (T.SOA, T.DNAME, T.NS)]
    keys, chain = data.draw(st.sampled_from(KEYS)), data.draw(st.sampled_from(CHAINS))
    first = unsigned_zone(APEX, plain, keys, SigningParameters(chain))
    span = SigningTimes().span(START, timedelta(0), timedelta(minutes=1))
    previous = {(rrset.owner, rrset.type): rrset for rrset in first.sign(span).rrsets}
    soa = with_serial(plain[0], 7)
    changed = data.draw(st.sampled_from(changeable)) if changeable else None
    after = [replace(rrset, ttl=9) if rrset is changed else rrset for rrset in plain]
    again = unsigned_zone(APEX, after, keys, SigningParameters(chain)).with_serial_of(soa).sign(span, previous)
    expected = {(APEX, int(T.SOA))}
    if changed is not None and previous[changed.owner, changed.type].rrsigs:
        expected.add((changed.owner, changed.type))
    assert again.anew == expected
