"""P7: validated bulk look-ups, against dnspython's parse and validate. Goal: at least 3 times as many per CPU-second.

The work: replies of a forwarder in wire form, each with one signed RRset, are read and validated, the keys of the zone
being known: MX, A, AAAA and TLSA RRsets as mail hosts have them, P-256. Ours is a whole ``Validation`` with its proof
object. dnspython's is ``dns.message.from_wire`` and ``dns.dnssec.validate`` with the zone's keys at hand; it judges
neither denials nor the way down from the trust anchor, so denials and aliases are printed apart and have no ratio.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import pstats
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import dns.dnssec
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.exception import ValidationFailure
from dns.flags import QR, RA, RD
from dns.name import Name
from dns.node import Node
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm
from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.message import read_message
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Message, Question, Record, RRset, Security, Validated
from side_by_side import medians

GOAL = 3.0
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DATES = (NOW - timedelta(days=1), NOW + timedelta(days=13))
ROOT, NET, ZONE = (dns.name.from_text(text) for text in (".", "net.", "example.net."))
RRsets = dict[tuple[Name, int], RRset]
Says = Callable[[Name, int], tuple[list[RRset], list[RRset]]]
"""What is in the answer and in the authority section."""


@dataclass(frozen=True)
class LookUp:
    name: Name
    type: int
    wire: bytes


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--hosts", type=int, default=100, help="mail hosts: four look-ups each")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--profile", action="store_true", help="show where our own time goes, and stop")
    options = arguments.parse_args()
    world = World(options.hosts)
    if options.profile:
        return profile(world)
    print("P7 validated look-ups       ours     dnspython   ratio")
    totals = [0.0, 0.0]
    for kind, look_ups in world.positive().items():
        if ours(world, look_ups) != theirs(world, look_ups):
            print(f"the answers or verdicts on {kind} differ", file=sys.stderr)
            return 1
        taken = medians(
            options.rounds, {"ours": partial(ours, world, look_ups), "theirs": partial(theirs, world, look_ups)}
        )
        each = [taken[name] / len(look_ups) * 1e6 for name in ("ours", "theirs")]
        totals = [total + one for total, one in zip(totals, each, strict=True)]
        print(f"  {kind:22}{each[0]:7.1f} us  {each[1]:7.1f} us  {each[1] / each[0]:5.2f}x")
    ratio = totals[1] / totals[0]
    print(f"  all, in equal parts                              {ratio:5.2f}x   goal {GOAL}x")
    print("  ours alone:")
    for kind, look_ups in world.other().items():
        took = medians(options.rounds, {"ours": partial(ours, world, look_ups)})["ours"] / len(look_ups) * 1e6
        print(f"  {kind:22}{took:7.1f} us")
    return 0


def ours(world: World, look_ups: Iterable[LookUp]) -> list[tuple[bool, frozenset[bytes]]]:
    found = []
    for one in look_ups:
        validation = Validation(one.name, one.type, world.anchors, DEFAULT_POLICY, NOW, world.cache)
        for question in validation.next_queries():
            validation.receive(question, read_message(one.wire))
        result = validation.result
        if result is None:
            raise AssertionError("the zone's keys are not warm: more is asked")
        found.append((result.state is Security.SECURE, rdatas(result)))
    return found


def rdatas(result: Validated) -> frozenset[bytes]:
    return result.rrset.rdatas if result.rrset is not None else frozenset()


def theirs(world: World, look_ups: Iterable[LookUp]) -> list[tuple[bool, frozenset[bytes]]]:
    found = []
    now = NOW.timestamp()
    for one in look_ups:
        message = dns.message.from_wire(one.wire)
        rrset = message.find_rrset(message.answer, one.name, dns.rdataclass.IN, T.make(one.type))
        rrsigs = message.find_rrset(message.answer, one.name, dns.rdataclass.IN, T.RRSIG, T.make(one.type))
        try:
            dns.dnssec.validate(rrset, rrsigs, world.their_keys, now=now)
            good = True
        except ValidationFailure:
            good = False
        found.append((good, frozenset(rdata.to_wire() or b"" for rdata in rrset)))
    return found


class World:
    """Three signed zones, the replies to look-ups in one of them, and keys that are warm."""

    def __init__(self, hosts: int) -> None:
        self._hosts = range(hosts)
        keys = {zone: zone_key(zone, 1001 + index) for index, zone in enumerate((ROOT, NET, ZONE))}
        mail = (
            f"{name} 600 MX 10 mx1.{name}\n{name} 600 MX 20 mx2.{name}\n"
            f"mx1.{name} 600 A 192.0.2.{n % 250}\nmx1.{name} 600 AAAA 2001:db8::{n + 1:x}\n"
            f"_25._tcp.mx1.{name} 600 TLSA 3 1 1 {digest(n)}\n_25._tcp.mx1.{name} 600 TLSA 3 1 1 {digest(-1 - n)}\n"
            f"also.{name} 600 CNAME mx1.{name}\n*.any.{name} 600 TXT any\n"
            for n in self._hosts
            for name in (f"d{n}",)
        )
        rrsets = [
            *signed(keys[ROOT], delegation(keys[NET])),
            *signed(keys[NET], delegation(keys[ZONE])),
            *signed(keys[ZONE], "".join(mail)),
        ]
        self._rrsets: RRsets = {(rrset.owner, rrset.type): rrset for rrset in rrsets}
        self._chain = sorted(owner for owner, type in self._rrsets if type == T.NSEC and owner.is_subdomain(ZONE))
        self.anchors = Anchors((Anchor(ROOT, frozenset({make_ds(ROOT, keys[ROOT].dnskey)})),))
        self.cache = ZoneKeyCache()
        drive(Validation(ZONE, T.DNSKEY, self.anchors, DEFAULT_POLICY, NOW, self.cache), self._as_told)
        self.their_keys: dict[Name, Node | Rdataset] = {ZONE: as_dnspython(self._rrsets[ZONE, T.DNSKEY])}

    def positive(self) -> dict[str, list[LookUp]]:
        return {
            "MX, two records": self._look_ups("d{}", T.MX, self._there),
            "A": self._look_ups("mx1.d{}", T.A, self._there),
            "AAAA": self._look_ups("mx1.d{}", T.AAAA, self._there),
            "TLSA, two records": self._look_ups("_25._tcp.mx1.d{}", T.TLSA, self._there),
        }

    def other(self) -> dict[str, list[LookUp]]:
        return {
            "no such type": self._look_ups("mx1.d{}", T.TXT, self._nodata),
            "no such name": self._look_ups("mx3.d{}", T.A, self._no_name),
            "a CNAME and its target": self._look_ups("also.d{}", T.A, self._alias),
            "a wildcard's answer": self._look_ups("x.any.d{}", T.TXT, self._expansion),
        }

    def _look_ups(self, pattern: str, type: int, says: Says) -> list[LookUp]:
        names = [dns.name.from_text(pattern.format(n), ZONE) for n in self._hosts]
        return [LookUp(name, type, wire(name, type, *says(name, type))) for name in names]

    def _as_told(self, asked: Question) -> Message:
        return message(asked, [self._rrsets[asked.name, asked.type]])

    def _there(self, name: Name, type: int) -> tuple[list[RRset], list[RRset]]:
        return [self._rrsets[name, type]], []

    def _nodata(self, name: Name, type: int) -> tuple[list[RRset], list[RRset]]:
        return [], [self._rrsets[ZONE, T.SOA], self._before(name)]

    def _no_name(self, name: Name, type: int) -> tuple[list[RRset], list[RRset]]:
        wildcard = Name((b"*", *name.parent().labels))
        proofs = dict.fromkeys((self._before(name), self._before(wildcard)))
        return [], [self._rrsets[ZONE, T.SOA], *proofs]

    def _alias(self, name: Name, type: int) -> tuple[list[RRset], list[RRset]]:
        target = Name((b"mx1", *name.parent().labels))
        return [self._rrsets[name, T.CNAME], self._rrsets[target, type]], []

    def _expansion(self, name: Name, type: int) -> tuple[list[RRset], list[RRset]]:
        shown = replace(self._rrsets[Name((b"*", *name.parent().labels)), type], owner=name)
        return [shown], [self._before(name)]

    def _before(self, name: Name) -> RRset:
        return self._rrsets[self._chain[bisect_right(self._chain, name) - 1], T.NSEC]


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def zone_key(zone: Name, secret: int) -> ZoneKey:
    return ZoneKey.of(zone, 257, Algorithm.ECDSAP256SHA256, ec.derive_private_key(secret, ec.SECP256R1()))


def delegation(child: ZoneKey) -> str:
    ds = make_ds(child.zone, child.dnskey)
    return f"{child.zone} 600 NS a\n{child.zone} 600 DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}\n"


def signed(key: ZoneKey, text: str) -> Iterable[RRset]:
    apex = "@ 600 SOA a host 1 1800 900 604800 300\n@ 600 NS a\na 600 A 192.0.2.1\n"
    zone = dns.zone.from_text(apex + text, origin=key.zone, relativize=False, check_origin=False)
    rrsets = [
        RRset(owner, int(rds.rdtype), rds.ttl, frozenset(rdata.to_wire() or b"" for rdata in rds))
        for owner, rds in zone.iterate_rdatasets()
    ]
    return sign_zone(key.zone, rrsets, [key], [], *DATES)


def message(asked: Question, answer: Sequence[RRset]) -> Message:
    records = [
        Record(rrset.owner, type, 1, rrset.ttl, rdata)
        for rrset in answer
        for type, rdatas in ((rrset.type, rrset.rdatas), (int(T.RRSIG), rrset.rrsigs))
        for rdata in rdatas
    ]
    return Message(1, 0x8180, 0, (asked,), tuple(records))


def as_dnspython(rrset: RRset, signatures: bool = False) -> dns.rrset.RRset:
    type, rdatas = (T.RRSIG, rrset.rrsigs) if signatures else (T.make(rrset.type), rrset.rdatas)
    found = [dns.rdata.from_wire(dns.rdataclass.IN, type, rdata, 0, len(rdata)) for rdata in sorted(rdatas)]
    return dns.rrset.from_rdata_list(rrset.owner, rrset.ttl, found)


def wire(name: Name, type: int, answer: Sequence[RRset], authority: Sequence[RRset]) -> bytes:
    """The reply as dnspython writes it: names compressed, with an OPT record."""
    reply = dns.message.make_response(dns.message.make_query(name, T.make(type), want_dnssec=True, id=1))
    reply.flags = QR | RD | RA
    for section, rrsets in ((reply.answer, answer), (reply.authority, authority)):
        for rrset in rrsets:
            section += [as_dnspython(rrset), as_dnspython(rrset, signatures=True)]
    return reply.to_wire()


def profile(world: World) -> int:
    look_ups = [one for kind in world.positive().values() for one in kind]
    profiler = cProfile.Profile()
    profiler.runcall(lambda: [ours(world, look_ups) for _ in range(5)])
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
    return 0


if __name__ == "__main__":
    sys.exit(main())
