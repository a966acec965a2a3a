"""A delegation on loopback: a resolver, two servers of net., two of example.net., whose answers a test sets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rcode
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.keys import REVOKE_FLAG, ZoneKey
from danelaw.core.model import IP, Message, Question, Record, RRset
from danelaw.ports import SocketAddress
from name_servers import Places, answering

ZONE: Final = dns.name.from_text("example.net.")
NET: Final = dns.name.from_text("net.")
RESOLVER, ROOT = ip_address("192.0.2.53"), ip_address("192.0.2.100")
PARENTS: Final = {dns.name.from_text(f"{x}.net."): ip_address(f"192.0.2.{n}") for x, n in (("a", 1), ("b", 2))}
OWN: Final = {dns.name.from_text(f"ns{n}.example.net."): ip_address(f"192.0.2.1{n}") for n in (1, 2)}
A_NET, B_NET = PARENTS.values()
NS1, NS2 = OWN.values()

_AUTHORITATIVE: Final = 0x0400
_TTL: Final = 300
_SERVERS: Final = {dns.name.root: {dns.name.from_text("a.root."): ROOT}, NET: PARENTS, ZONE: OWN}


def dnskeys(signing: Iterable[ZoneKey], idle: Iterable[ZoneKey] = (), *, now: datetime | None = None) -> RRset:
    """A DNSKEY RRset of these keys, signed now, for an hour before and after, by the ``signing``."""
    signing, now = tuple(signing), now or datetime.now(UTC)
    rdatas = frozenset(key.dnskey.to_rdata() for key in (*signing, *idle))
    rrset, hour = RRset(ZONE, T.DNSKEY, _TTL, rdatas), timedelta(hours=1)
    return replace(rrset, rrsigs=frozenset(rrsig.make(rrset, ZONE, key, now - hour, now + hour) for key in signing))


def revoked(key: ZoneKey) -> ZoneKey:
    dnskey = replace(key.dnskey, flags=key.dnskey.flags | REVOKE_FLAG)
    return ZoneKey(key.zone, dnskey, key.private)


@dataclass
class World:
    """``ds`` and ``dnskey``: what each server answers; None: it refuses. ``asked`` is called for every DS query."""

    ds: dict[IP, frozenset[bytes] | None] = field(default_factory=dict)
    dnskey: dict[IP, RRset | None] = field(default_factory=dict)
    asked: Callable[[IP], None] = lambda ip: None
    places: dict[IP, SocketAddress] = field(default_factory=dict)

    @property
    def dialer(self) -> Places:
        return Places(dict(self.places))

    def answer(self, ip: IP, question: Question) -> Message | None:
        if ip in PARENTS.values() and (question.name, question.type) == (ZONE, T.DS):
            self.asked(ip)
            rdatas = self.ds.get(ip, frozenset())
            return _refused(question) if rdatas is None else _said(question, _records(ZONE, T.DS, rdatas))
        if ip in OWN.values() and (question.name, question.type) == (ZONE, T.DNSKEY):
            rrset = self.dnskey.get(ip, RRset(ZONE, T.DNSKEY, _TTL, frozenset()))
            if rrset is None:
                return _refused(question)
            signatures = _records(ZONE, T.RRSIG, rrset.rrsigs)
            return _said(question, (*_records(ZONE, T.DNSKEY, rrset.rdatas), *signatures))
        return _said(question, _common(question))


def _common(question: Question) -> tuple[Record, ...]:
    if question.type == T.NS and question.name in _SERVERS:
        return _records(question.name, T.NS, map(plain_wire, _SERVERS[question.name]))
    if question.type == T.SOA and question.name in _SERVERS:
        return _records(question.name, T.SOA, [_soa(question.name)])
    for servers in _SERVERS.values():
        if question.type == T.A and question.name in servers:
            return _records(question.name, T.A, [servers[question.name].packed])
    return ()


def _said(question: Question, answer: tuple[Record, ...]) -> Message:
    """A denial has the SOA of the zone that the name is in; of its parent, for a DS."""
    apex = NET if question.type == T.DS or not question.name.is_subdomain(ZONE) else ZONE
    authority = (
        () if answer else _records(apex if question.name.is_subdomain(NET) else dns.name.root, T.SOA, [_soa(apex)])
    )
    return Message(0, _AUTHORITATIVE, 0, (question,), answer, authority)


def _refused(question: Question) -> Message:
    return Message(0, 0, dns.rcode.REFUSED, (question,))


def _records(owner: Name, type: int, rdatas: Iterable[bytes]) -> tuple[Record, ...]:
    return tuple(Record(owner, type, 1, _TTL, rdata) for rdata in sorted(rdatas))


def _soa(apex: Name) -> bytes:
    return plain_wire(apex) + plain_wire(apex) + b"".join(n.to_bytes(4) for n in (1, 3600, 600, 86400, 60))


class standing:  # noqa: N801  # reads as what it does in a with statement
    """Runs the world's servers in a thread until the block ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        async with AsyncExitStack() as servers:
            for ip in (RESOLVER, ROOT, *PARENTS.values(), *OWN.values()):
                server = await servers.enter_async_context(answering(self._replies(ip)))
                self._world.places[ip] = server.address
            self._up.set()
            await self._stop.wait()

    def _replies(self, ip: IP) -> Callable[[Question], Message | None]:
        return lambda question: self._world.answer(ip, question)

    def __enter__(self) -> World:
        self._thread.start()
        assert self._up.wait(30)
        return self._world

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()
