"""The whole tree: zones planted in signed beds, then damaged, and what a forwarder says of them.

::

    .                     NSEC, one key for all                    (or another origin: everything lies below it)
    ├─ net.               NSEC, or what the layout says
    │  ├─ example.net.    NSEC, or what the layout says; KSK and ZSK, algorithm 13 or what the layout says
    │  │  ├─ child        signed
    │  │  └─ sub          not signed
    │  └─ plain.net.      not signed
    │     └─ island       signed, without a DS above it; it has a trust anchor of its own
    └─ org.               NSEC3, opt-out
       └─ safe.org.       NSEC3, Ed25519

A planting is a pure function of layout, origin and instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, lru_cache

import dns.name
import dns.rdata
import dns.rdatatype
import dns.zonefile
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.model import Message, Question, RRset, Silence
from fault_garden.beds import Bed
from fault_garden.keys import KSK, ZSK, zone_key

Reply = Message | Silence
Change = Callable[[Message], Reply]
"""What a liar makes of an honest reply."""

ROOT = """
@ 900 SOA a.root host.root 1 1800 900 604800 300
@ 900 NS a.root
a.root 900 A 192.0.2.1
"""
NET = """
@ 900 SOA a host 1 1800 900 604800 300
@ 900 NS a
a 900 A 192.0.2.2
m 900 TXT "beside the delegations"
plain 900 NS ns.plain
plain.deep 900 NS ns.plain
"""
EXAMPLE = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
@ 600 MX 10 mail
ns 600 A 192.0.2.11
mail 600 A 192.0.2.25
www 600 A 192.0.2.80
www 600 AAAA 2001:db8::80
_443._tcp.www 600 TLSA 3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
many 600 A 192.0.2.81
many 600 A 192.0.2.82
many 600 A 192.0.2.83
alias 600 CNAME www
far 600 CNAME alias
dangling 600 CNAME nothing
out 600 CNAME www.plain.net.
away 600 CNAME www.safe.org.
loop 600 CNAME pool
pool 600 CNAME loop
*.wild 600 TXT "from the wildcard"
there.wild 600 A 192.0.2.4
a.there.wild 600 A 192.0.2.5
*.links 600 CNAME www
old 600 DNAME new
host.new 600 TXT "moved"
gone 600 DNAME moved.safe.org.
lost 600 DNAME plain.net.
a.b.ent 600 TXT "below two empty names"
sub 600 NS ns.sub
"""
CHILD = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
www 600 A 192.0.2.83
"""
PLAIN = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
www 600 A 192.0.2.90
alias 600 CNAME www.example.net.
island 600 NS ns.island
"""
ORG = """
@ 900 SOA a host 1 1800 900 604800 300
@ 900 NS a
a 900 A 192.0.2.3
plain 900 NS ns.plain
"""
SAFE = """
@ 600 SOA ns host 7 1800 900 604800 60
@ 600 NS ns
www 600 A 192.0.2.100
back 600 CNAME www.example.net.
host.moved 600 TXT "moved far"
"""


@dataclass(frozen=True)
class Layout:
    """How the zones that most damages are done to are signed. ``more``: further records of example.net.

    ``split``: whether example.net. has a ZSK beside its KSK. ``island``: whether the island's own key is an
    anchor.
    """

    net: NSEC3Chain | None = None
    example: NSEC3Chain | None = None
    algorithm: Algorithm = Algorithm.ECDSAP256SHA256
    split: bool = True
    more: str = ""
    island: bool = False


@dataclass
class Garden:
    """All zones; ``changes`` are what the forwarder makes of replies to one question, or to all (None)."""

    origin: Name
    now: datetime
    beds: dict[Name, Bed]
    anchors: Anchors
    changes: list[tuple[Question | None, Change]] = field(default_factory=list)

    def name(self, text: str) -> Name:
        """A name relative to example.net., or, with a dot at the end, to the origin."""
        if text.endswith("."):
            return dns.name.from_text(text[:-1] or "@", self.origin)
        return dns.name.from_text(text, dns.name.from_text("example.net", self.origin))

    def question(self, text: str) -> Question:
        """``owner TYPE``."""
        owner, type = text.split()
        return Question(self.name(owner), int(dns.rdatatype.from_text(type)))

    def bed(self, zone: str) -> Bed:
        return self.beds[self.name(zone)]

    def bed_of(self, asked: Question) -> Bed:
        """The zone that holds the answer: of a DS the parent (RFC 4035 §3.1.4.1)."""
        above = asked.type == T.DS and len(asked.name) > len(self.origin)
        within = asked.name.parent() if above else asked.name
        return max((bed for apex, bed in self.beds.items() if within.is_subdomain(apex)), key=lambda bed: len(bed.apex))

    def place(self, text: str) -> tuple[Bed, Question]:
        """``owner TYPE``, or ``owner TYPE zone`` for a side of a cut that would not be asked."""
        owner, type, *zone = text.split()
        asked = self.question(f"{owner} {type}")
        return self.bed(zone[0]) if zone else self.bed_of(asked), asked

    def rrset(self, text: str) -> RRset:
        bed, asked = self.place(text)
        return bed.rrsets[asked.name, asked.type]

    def put(self, text: str, rdatas: Iterable[bytes], *keys: ZoneKey, **fields: object) -> None:
        """An RRset in its place, signed (see ``Bed.put``)."""
        bed, asked = self.place(text)
        bed.put(asked.name, asked.type, rdatas, *keys, **fields)  # type: ignore[arg-type]  # ttl or fields of an RRSIG, each of its own type

    def honest(self, asked: Question) -> Message:
        """What the zone itself says of one link."""
        rcode, answer, authority = self.bed_of(asked).answer(asked.name, asked.type)
        return Message(1, 0x8180, rcode, (asked,), tuple(answer), tuple(dict.fromkeys(authority)))

    def link(self, asked: Question) -> Reply:
        """The reply for one link, as the liar leaves it."""
        reply: Reply = self.honest(asked)
        for question, change in self.changes:
            if isinstance(reply, Message) and question in (None, asked):
                reply = change(reply)
        return reply

    def answer(self, asked: Question) -> Reply:
        """The reply of a recursive server: links are followed, and stand in one message."""
        reply = self.link(asked)
        if not isinstance(reply, Message):
            return reply
        answer, authority, last, links = list(reply.answer), list(reply.authority), reply, 1
        while (target := _target(last, asked.type)) is not None and links < 16:
            onward = self.link(Question(target, asked.type))
            if not isinstance(onward, Message) or (onward.answer and onward.answer[0] in answer):
                break
            answer += onward.answer
            authority += onward.authority
            last, links = onward, links + 1
        shown = tuple(dict.fromkeys(authority)) if last is not reply else reply.authority
        return replace(reply, rcode=last.rcode, answer=tuple(answer), authority=shown)


def _target(reply: Message, type: int) -> Name | None:
    """Where the last record of an answer leads, if it is a CNAME that was not asked for itself."""
    last = [record for record in reply.answer if record.type != T.RRSIG][-1:]
    if reply.rcode == 0 and last and last[0].type == T.CNAME != type and last[0].rdata:
        return dns.name.from_wire(last[0].rdata, 0)[0]
    return None


def plant(layout: Layout, origin: Name, now: datetime) -> Garden:
    """A garden without faults: signatures hold from a day before ``now`` to 13 days after."""
    beds, anchors = _planted(layout, origin, now)
    return Garden(origin, now, {bed.apex: replace(bed, rrsets=dict(bed.rrsets)) for bed in beds}, anchors)


@lru_cache(maxsize=64)
def _planted(layout: Layout, origin: Name, now: datetime) -> tuple[tuple[Bed, ...], Anchors]:
    dates = (now - timedelta(days=1), now + timedelta(days=13))
    p256 = Algorithm.ECDSAP256SHA256

    def bed(
        apex: str, first: int, algorithm: Algorithm = p256, chain: NSEC3Chain | None = None, split: bool = False
    ) -> Bed:
        zone = dns.name.from_text(apex, origin)
        ksk = zone_key(zone, first, KSK, algorithm)
        return Bed(zone, dates, ksk, zone_key(zone, first + 1, ZSK, algorithm) if split else ksk, chain)

    root, net = bed("@", 1001), bed("net", 1101, chain=layout.net)
    org = bed("org", 1201, chain=NSEC3Chain(opt_out=True))
    example = bed("example.net", 1301, layout.algorithm, layout.example, layout.split)
    child, island = bed("child.example.net", 1401), bed("island.plain.net", 1501)
    safe = bed("safe.org", 1601, Algorithm.ED25519, NSEC3Chain(salt=b"\xab\xcd"))
    _sow(root, origin, ROOT, net, org)
    _sow(net, origin, NET, example)
    _sow(org, origin, ORG, safe)
    _sow(example, origin, EXAMPLE + layout.more, child)
    for one, text in ((child, CHILD), (island, CHILD), (safe, SAFE)):
        _sow(one, origin, text)
    unsigned = ("plain.net", "plain.deep.net", "plain.org", "sub.example.net")
    bare = [Bed(dns.name.from_text(apex, origin), dates) for apex in unsigned]
    for one in bare:
        _sow(one, origin, PLAIN)
    anchored = [root, island] if layout.island else [root]
    anchors = Anchors(tuple(Anchor(one.apex, frozenset({make_ds(one.apex, one.keys[0].dnskey)})) for one in anchored))
    return (root, net, org, example, child, island, safe, *bare), anchors


def _sow(bed: Bed, origin: Name, text: str, *children: Bed) -> None:
    """The zone's text and its signed children's delegations, signed unless the bed has no keys."""
    rrsets = [
        RRset(owner.derelativize(origin), type, ttl, frozenset(rdata.to_wire(origin=origin) or b"" for rdata in rdatas))
        for owner, type, ttl, rdatas in _read(bed.apex.relativize(origin), text)
    ]
    for child in children:
        ds = make_ds(child.apex, child.keys[0].dnskey)
        server = plain_wire(Name((b"ns", *child.apex.labels)))
        rrsets.append(RRset(child.apex, int(T.NS), 900, frozenset({server})))
        rrsets.append(RRset(child.apex, int(T.DS), 900, frozenset({ds.to_rdata()})))
    if bed.ksk is not None:
        zsks = [bed.keys[1]] if bed.zsk != bed.ksk else []
        rrsets = list(sign_zone(bed.apex, rrsets, [bed.ksk], zsks, *bed.dates, nsec3=bed.chain))
    bed.rrsets = {(rrset.owner, rrset.type): rrset for rrset in rrsets}


@cache
def _read(apex: Name, text: str) -> list[tuple[Name, int, int, list[Rdata]]]:
    """A zone's records with all names relative to the origin, wherever that will be: reading takes longest."""
    found = dns.zonefile.read_rrsets(text, origin=apex.derelativize(dns.name.root))

    def relative(rdata: Rdata) -> Rdata:
        return dns.rdata.from_text(rdata.rdclass, rdata.rdtype, rdata.to_text(), dns.name.root, relativize=True)

    return [
        (rrset.name.relativize(dns.name.root), int(rrset.rdtype), rrset.ttl, [relative(one) for one in rrset])
        for rrset in found
    ]
