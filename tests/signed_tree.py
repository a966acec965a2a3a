"""A small tree of zones, signed by dnspython: an independent signer for what our validator judges.

``.`` and ``net.`` and ``example.net.`` are signed, ``plain.net.`` is an unsigned delegation. ``Tree.answer`` answers as
an authority for the question would, ``Tree.recursive`` as a recursive server: the whole CNAME chain in one reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name
from dns.rdatatype import RdataType as T
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.anchors import Anchors, read_anchors
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.rrsig import make
from danelaw.core.model import Message, Question, Record, RRset

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MALFORMED_TLSA = bytes.fromhex("0301019999")
INCEPTION, EXPIRATION = NOW - timedelta(days=1), NOW + timedelta(days=13)

ROOT = """
@ 900 SOA a.root. host.root. 1 1800 900 604800 300
@ 900 NS a.root.
net 900 NS a.net.
"""
NET = """
@ 900 SOA a.net. host.net. 1 1800 900 604800 300
@ 900 NS a.net.
a 900 A 192.0.2.2
example 900 NS ns.example.net.
plain 900 NS ns.plain.net.
hollow 900 NS ns.hollow.net.
"""
EXAMPLE = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
@ 600 MX 10 mail
ns 600 A 192.0.2.11
www 600 A 192.0.2.80
www 600 AAAA 2001:db8::80
_443._tcp.www 600 TLSA 3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
_25._tcp.mail 600 TLSA 3 1 1 9f00f0af8ef0a7f8adb5813dcfbcf286d8d02536c887482bc34ff54e41d2ba65
alias 600 CNAME www
far 600 CNAME alias
out 600 CNAME www.plain.net.
dangling 600 CNAME nothing
loop 600 CNAME pool
pool 600 CNAME loop
*.wild 600 TXT "from the wildcard"
there.wild 600 A 192.0.2.4
*.links 600 CNAME www
old 600 DNAME new
host.new 600 TXT "moved"
sub 600 NS ns.sub
"""
PLAIN = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
www 600 A 192.0.2.90
"""

Key = tuple[ec.EllipticCurvePrivateKey, DNSKEY]
Node = tuple[int, tuple[bytes, ...], tuple[bytes, ...]]
"""TTL, rdatas, rdatas of the RRSIGs."""


def name(text: str) -> Name:
    """An absolute name; relative ones are below example.net."""
    return dns.name.from_text(text, dns.name.from_text("example.net."))


def question(text: str, type: str) -> Question:
    return Question(name(text), dns.rdatatype.from_text(type))


def make_key(secret: int, flags: int = 257) -> Key:
    private = ec.derive_private_key(secret, ec.SECP256R1())
    return private, dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.ECDSAP256SHA256, flags)


@dataclass
class Zone:
    """A zone's RRsets, delegations among them."""

    apex: Name
    nodes: dict[tuple[Name, int], Node] = field(default_factory=dict)

    @classmethod
    def read(cls, apex: Name, text: str, key: Key | None, inception: datetime, expiration: datetime) -> Zone:
        zone = dns.zone.from_text(text, origin=apex, relativize=False, check_origin=False)
        if key is not None:
            dns.dnssec.sign_zone(zone, keys=[key], inception=inception, expiration=expiration, dnskey_ttl=600)
        signatures: dict[tuple[Name, int], list[bytes]] = {}
        for owner, _, rdata in zone.iterate_rdatas():
            if rdata.rdtype == T.RRSIG:
                signatures.setdefault((owner, rdata.covers()), []).append(rdata.to_wire() or b"")
        nodes = {
            (owner, int(rds.rdtype)): (
                rds.ttl,
                tuple(r.to_wire() or b"" for r in rds),
                tuple(signatures.get((owner, rds.rdtype), ())),
            )
            for owner, rds in zone.iterate_rdatasets()
            if rds.rdtype != T.RRSIG
        }
        return cls(apex, nodes)

    def records(self, owner: Name, type: int, at: Name | None = None) -> list[Record]:
        """The RRset with its RRSIGs, at another name if it is expanded from a wildcard; none if there is none."""
        ttl, rdatas, rrsigs = self.nodes.get((owner, type), (0, (), ()))
        found = [Record(at or owner, type, 1, ttl, rdata) for rdata in rdatas]
        return found + [Record(at or owner, int(T.RRSIG), 1, ttl, rdata) for rdata in rrsigs]

    def owners(self) -> set[Name]:
        return {owner for owner, _ in self.nodes}

    def exists(self, owner: Name) -> bool:
        return any(other.is_subdomain(owner) for other in self.owners())

    def covering(self, owner: Name) -> list[Record]:
        """The NSEC at the name or before it."""
        before = [other for other, type in self.nodes if type == T.NSEC and other <= owner]
        return self.records(max(before), int(T.NSEC)) if before else []


class Tree:
    """All zones, and what their servers say."""

    def __init__(self, *, inception: datetime = INCEPTION, expiration: datetime = EXPIRATION) -> None:
        dates = (inception, expiration)
        self.keys = {name("."): make_key(1001), name("net."): make_key(1002), name("example.net."): make_key(1003)}
        ds = {zone: dns.dnssec.make_ds(zone, key[1], "SHA256") for zone, key in self.keys.items()}
        self.zones = {
            apex: Zone.read(apex, text, self.keys.get(apex), *dates)
            for apex, text in (
                (name("."), f"{ROOT}\nnet 900 DS {ds[name('net.')]}"),
                (name("net."), f"{NET}\nexample 900 DS {ds[name('example.net.')]}"),
                (name("example.net."), EXAMPLE),
                (name("plain.net."), PLAIN),
            )
        }
        self.anchors: Anchors = read_anchors(f". DS {ds[name('.')]}")
        self.asked: list[Question] = []
        self._add_malformed_tlsa(*dates)

    def _add_malformed_tlsa(self, inception: datetime, expiration: datetime) -> None:
        """A TLSA RRset with one record too short for its matching type: dnspython makes none such, so we sign it."""
        apex, owner = name("example.net."), name("_25._tcp.mail")
        zone, key = self.zones[apex], ZoneKey.of(apex, 257, Algorithm.ECDSAP256SHA256, self.keys[apex][0])
        ttl, rdatas, _ = zone.nodes[owner, int(T.TLSA)]
        rrset = RRset(owner, int(T.TLSA), ttl, frozenset((*rdatas, MALFORMED_TLSA)))
        zone.nodes[owner, int(T.TLSA)] = (ttl, tuple(rrset.rdatas), (make(rrset, apex, key, inception, expiration),))

    def zone_for(self, asked: Question) -> Zone:
        within = asked.name.parent() if asked.type == T.DS and len(asked.name) > 1 else asked.name
        return max((zone for apex, zone in self.zones.items() if within.is_subdomain(apex)), key=lambda z: len(z.apex))

    def answer(self, asked: Question) -> Message:
        """The reply of an authority of the zone that the question belongs to."""
        self.asked.append(asked)
        return _reply(asked, *_lookup(self.zone_for(asked), asked))

    def recursive(self, asked: Question) -> Message:
        """The replies along a CNAME chain, in one."""
        reply = self.answer(asked)
        answer, authority, onward = list(reply.answer), list(reply.authority), reply
        while (target := _target(onward, asked.type)) is not None and len(answer) < 20:
            onward = self.answer(Question(target, asked.type))
            answer += onward.answer
            authority += onward.authority
        return replace(reply, rcode=onward.rcode, answer=tuple(answer), authority=tuple(authority))


def _target(reply: Message, type: int) -> Name | None:
    last = [record for record in reply.answer if record.type != T.RRSIG][-1:]
    if last and last[0].type == T.CNAME != type:
        return dns.name.from_wire(last[0].rdata, 0)[0]
    return None


def _reply(asked: Question, rcode: int, answer: Iterable[Record], authority: Iterable[Record]) -> Message:
    return Message(1, 0x8480, rcode, (asked,), tuple(answer), tuple(dict.fromkeys(authority)))


def _lookup(zone: Zone, asked: Question) -> tuple[int, list[Record], list[Record]]:
    for ancestor in _ancestors(asked.name, zone.apex):
        if (ancestor, int(T.DNAME)) in zone.nodes and ancestor != asked.name:
            (target,) = zone.nodes[ancestor, int(T.DNAME)][1]
            onward = asked.name.relativize(ancestor).concatenate(dns.name.from_wire(target, 0)[0])
            cname = Record(asked.name, int(T.CNAME), 1, 600, onward.to_wire() or b"")
            return 0, [*zone.records(ancestor, int(T.DNAME)), cname], []
    for type in (asked.type, int(T.CNAME)):
        if found := zone.records(asked.name, type):
            return 0, found, []
    soa = zone.records(zone.apex, int(T.SOA))
    denial = zone.covering(asked.name)
    if zone.exists(asked.name):
        return 0, [], [*soa, *denial]
    encloser = next(ancestor for ancestor in _ancestors(asked.name, zone.apex) if zone.exists(ancestor))
    wildcard = Name((b"*", *encloser.labels))
    for type in (asked.type, int(T.CNAME)):
        if found := zone.records(wildcard, type, asked.name):
            return 0, found, denial
    return 0 if zone.exists(wildcard) else 3, [], [*soa, *denial, *zone.covering(wildcard)]


def _ancestors(owner: Name, apex: Name) -> Iterator[Name]:
    for length in range(len(owner), len(apex) - 1, -1):
        yield Name(owner.labels[-length:])
