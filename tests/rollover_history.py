"""Hand-made histories for the rollover tests: two authorities, two web servers, instants as seconds from ``NOW``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rdatatype

from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Chain,
    CredentialFacts,
    Endpoint,
    GenerationId,
    Hello,
    HostName,
    KeyAlgorithm,
    Limits,
    Lineage,
    RRset,
    Security,
    SubjectName,
)
from danelaw.core.rollover.actions import Action, Outcome
from danelaw.core.rollover.facts import Done, Fact, Got, Holding, Intended, Judged, Presented, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import Combination, Reference, TLSARecord
from danelaw.core.tlsa.associate import associate
from tlsa_chains import INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued

ZONE: Final = dns.name.from_text("example.net.")
HOST: Final = dns.name.from_text("www.example.net.")
OWNER: Final = dns.name.from_text("_443._tcp.www.example.net.")
TLSA: Final = int(dns.rdatatype.TLSA)
A: Final = int(dns.rdatatype.A)
AAAA: Final = int(dns.rdatatype.AAAA)
SOA: Final = int(dns.rdatatype.SOA)
NS1, NS2, NS3 = (ip_address(f"192.0.2.{n}") for n in (1, 2, 3))
WEB1, WEB2 = (ip_address(f"198.51.100.{n}") for n in (1, 2))
SERVICE: Final = SubjectName("www.example.net:443/tcp")
LINEAGE: Final = Lineage(SERVICE)
LOCAL: Final = HostName("local")
ENDPOINT: Final = Endpoint(HOST, 443)
PLAIN: Final = Hello(HOST)
ECDSA: Final = Hello(HOST, None, KeyAlgorithm.ECDSA)
RSA: Final = Hello(HOST, None, KeyAlgorithm.RSA)

LIMITS: Final = Limits(
    pass_interval=timedelta(seconds=10),
    hold_floor=timedelta(seconds=20),
    lookup_delay=timedelta(seconds=5),
    assumed_past_ttl=timedelta(seconds=100),
    retention=timedelta(seconds=1000),
    in_flight=timedelta(seconds=15),
    linger=timedelta(seconds=50),
    clock_skew=timedelta(seconds=10),
)
"""A sight vouches for 30 s; an answer of TTL 30 is held for 65 s, an unknown past for 205 s."""


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def chain_of(issued: Issued, by: Issued = INTERMEDIATE) -> Chain:
    return Chain((issued.der, by.der))


OLD: Final = chain_of(LEAF)
NEW: Final = chain_of(RENEWED)


def record(chain: Chain, combination: str = "3 1 1") -> TLSARecord:
    return associate(Combination.from_text(combination), chain)


def rrset(*records: TLSARecord | bytes, ttl: int = 30) -> RRset:
    """A TLSA RRset; octets are rdata as they stand."""
    return RRset(OWNER, TLSA, ttl, frozenset(r if isinstance(r, bytes) else r.to_rdata() for r in records))


def absent(owner: dns.name.Name = OWNER, type: int = TLSA, ttl: int = 30) -> Absence:
    return Absence(owner, type, ttl)


def addresses(*ips: IP, ttl: int = 30) -> RRset:
    return RRset(HOST, A, ttl, frozenset(ip.packed for ip in ips))


def credential(number: int, issued: Issued, chain: Chain | None) -> CredentialFacts:
    return CredentialFacts(GenerationId(number), LINEAGE, issued.spki, chain, at(number - 1000))


FIRST: Final = credential(1, LEAF, OLD)
SECOND: Final = credential(2, RENEWED, NEW)


def reach(
    roots: tuple[bytes, ...] = (ROOT.der,), opportunistic: bool = False, lineages: tuple[Lineage, ...] = (LINEAGE,)
) -> Reach:
    reference = Reference((HOST,), roots, opportunistic)
    return Reach((Reached(SERVICE, lineages, (LOCAL,), ENDPOINT, ZONE, (HOST,), reference),))


@dataclass
class History:
    """A fact log in the making. ``start`` and ``end`` are seconds; between them there is a sight every ten."""

    limits: Limits = LIMITS
    log: list[Fact] = field(default_factory=list)

    def facts(self) -> Facts:
        return Facts(self.limits.max_gap).add(*sorted(self.log, key=lambda fact: fact.at))

    def roster(self, second: float, *servers: IP, primary: IP | None = None) -> History:
        self.log.append(Roster(at(second), ZONE, frozenset(servers), primary))
        return self

    def _look_who_is_there(self, second: float) -> None:
        """Each sweep lists the authorities anew: as the last roster said."""
        listed = [fact for fact in self.log if isinstance(fact, Roster) and fact.at <= at(second)]
        if listed:
            self.log.append(replace(max(listed, key=lambda roster: roster.at), at=at(second)))

    def sees(
        self, start: float, end: float, serial: int | None, *answers: Answer, by: Iterable[IP] = (NS1, NS2)
    ) -> History:
        for second in _every(start, end):
            self._look_who_is_there(second)
            for server in by:
                self.log += [
                    Sight(at(second), ZONE, server, serial, answer.owner, answer.type, answer) for answer in answers
                ]
        return self

    def presents(
        self,
        start: float,
        end: float,
        got: Got,
        by: Iterable[IP] = (WEB1, WEB2),
        hellos: Iterable[Hello] = (PLAIN,),
    ) -> History:
        for second in _every(start, end):
            self.log += [Presented(at(second), ENDPOINT, ip, hello, got) for ip in by for hello in hellos]
        return self

    def holds(self, second: float, *generations: CredentialFacts, live: int | None = None) -> History:
        number = None if live is None else GenerationId(live)
        self.log.append(Holding(at(second), LINEAGE, generations, number))
        return self

    def judged(self, second: float, state: Security = Security.SECURE) -> History:
        self.log.append(Judged(at(second), ZONE, SOA, state))
        return self

    def intends(self, second: float, action: Action) -> History:
        self.log.append(Intended(at(second), action))
        return self

    def does(self, second: float, action: Action, outcome: Outcome) -> History:
        """Intended, and done within the same tenth of a second."""
        self.log += [Intended(at(second), action), Done(at(second + 0.1), action, outcome)]
        return self


def _every(start: float, end: float) -> list[float]:
    seconds, second = [], start
    while second < end:
        seconds.append(second)
        second += 10
    return [*seconds, end]


def served(answer: Answer, *, since: float = -400, until: float = 0, serial: int = 1) -> History:
    """All is known: two authorities have said the same for long, and both web servers present the old chain."""
    history = History().roster(since, NS1, NS2, primary=NS1)
    history.sees(since, until, serial, answer, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.presents(since, until, OLD).holds(until, FIRST, SECOND, live=1).judged(until)
