"""The lab's forwarder: recursive resolution from the root for whoever asks. It validates nothing and caches nothing.

The last reply of a resolution is passed on octet for octet: a malformed record reaches the one who must judge it.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.model import IP, DanelawError
from danelaw.ports import Dialer, SocketAddress
from danelaw.worlds.lab.dns_exchange import exchange
from danelaw.worlds.lab.dns_server import read_query, refusal, reply_size, to_wire
from danelaw.worlds.lab.dns_sockets import dns_listener
from danelaw.worlds.lab.zone_answers import PAYLOAD

PATIENCE: Final = (0.4, 1.2)
"""How long each server is waited for, in seconds: each once shortly, then each once more."""
REFERRALS: Final = 16
ALIASES: Final = 8
NESTED: Final = 4
"""How deep the search for the address of a server without glue may go."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of the client's query goes to each authority."""

    edns: bool
    dnssec_ok: bool
    checking_disabled: bool


@dataclass(frozen=True, slots=True)
class _Got:
    wire: bytes
    message: dns.message.Message


class Forwarder:
    """Resolves from ``roots`` through the world's dialer; picks among the servers of a zone at random."""

    def __init__(self, roots: Sequence[IP], dialer: Dialer, seed: int) -> None:
        self.silent = False
        self._roots = tuple(roots)
        self._dialer = dialer
        self._random = random.Random(seed)  # noqa: S311  # which server is asked, and ids on loopback: no secret

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[SocketAddress]:
        async with dns_listener(self._handle) as listener:
            yield listener.address

    async def _handle(self, wire: bytes, tcp: bool) -> bytes | None:
        query = read_query(wire)
        if self.silent or query is None:
            return None
        if isinstance(query, int):
            return to_wire(refusal(query, dns.rcode.FORMERR), 512)
        response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
        if query.edns >= 0:
            response.use_edns(0, query.ednsflags & dns.flags.DO, PAYLOAD)
        response.flags |= query.flags & dns.flags.CD
        if query.opcode() != 0 or len(query.question) != 1 or query.question[0].rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.NOTIMP)
            return to_wire(response, 512)
        asked = _Asked(query.edns >= 0, bool(query.ednsflags & dns.flags.DO), bool(query.flags & dns.flags.CD))
        question = query.question[0]
        steps = await self._resolve(question.name, question.rdtype, asked)
        if steps is None:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif len(steps) == 1 and len(steps[0].wire) <= reply_size(query, tcp):
            return _relay(steps[0].wire, query)
        else:
            response.set_rcode(steps[-1].message.rcode())
            response.answer = [rrset for step in steps for rrset in step.message.answer]
            response.authority = list(steps[-1].message.authority)
            for step in steps[:-1]:
                response.authority += [rrset for rrset in step.message.authority if _proves(rrset)]
        return to_wire(response, reply_size(query, tcp))

    async def _resolve(self, name: Name, type: RdataType, asked: _Asked, depth: int = 0) -> list[_Got] | None:
        """The replies that make up the answer: one, or one for each zone that an alias leads through."""
        steps: list[_Got] = []
        for _ in range(ALIASES):
            got = await self._iterate(name, type, asked, depth)
            if got is None:
                return None
            steps.append(got)
            target = _loose_end(got.message, name, type)
            if target is None:
                return steps
            name = target
        return None

    async def _iterate(self, name: Name, type: RdataType, asked: _Asked, depth: int) -> _Got | None:
        """Follow the referrals from the root until somebody answers."""
        zone, servers = dns.name.root, self._roots
        for _ in range(REFERRALS):
            got = await self._ask_one_of(servers, name, type, asked)
            if got is None:
                return None
            cut = _referred_to(got.message, zone, name)
            if cut is None:
                return got
            zone, servers = cut, await self._addresses(got.message, cut, depth)
        return None

    async def _ask_one_of(self, servers: Sequence[IP], name: Name, type: RdataType, asked: _Asked) -> _Got | None:
        query = dns.message.make_query(name, type, use_edns=asked.edns, payload=PAYLOAD, want_dnssec=asked.dnssec_ok)
        query.flags = dns.flags.Flag(dns.flags.CD if asked.checking_disabled else 0)
        for seconds in PATIENCE:
            for server in self._random.sample(servers, len(servers)):
                query.id = self._random.getrandbits(16)
                try:
                    place = self._dialer.locate(server, 53)
                except DanelawError:
                    continue  # a zone may name servers that this world does not have
                wire = await exchange(place, query.to_wire(), seconds)
                message = _read_reply(wire, query)
                if wire is not None and message is not None:
                    return _Got(wire, message)
        return None

    async def _addresses(self, referral: dns.message.Message, cut: Name, depth: int) -> tuple[IP, ...]:
        """The addresses of the servers of ``cut``: from the glue, or else by asking for them."""
        targets = {
            r.target
            for rrset in referral.authority
            if rrset.name == cut and rrset.rdtype == RdataType.NS
            for r in rrset
        }
        glue = _addresses_in(referral.additional, targets)
        if glue or depth >= NESTED:
            return glue
        plain = _Asked(edns=True, dnssec_ok=False, checking_disabled=True)
        for target in sorted(targets):
            steps = await self._resolve(target, RdataType.A, plain, depth + 1)
            found = _addresses_in([rrset for step in steps or () for rrset in step.message.answer], None)
            if found:
                return found
        return ()


def _read_reply(wire: bytes | None, query: dns.message.Message) -> dns.message.Message | None:
    """A usable reply to ``query``: malformed records in it are left out, since it only steers the resolution."""
    message = _parsed(wire[2:]) if wire is not None else None
    if message is None or message.question != query.question:
        return None
    return message if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) else None


@lru_cache(maxsize=4096)
def _parsed(body: bytes) -> dns.message.Message | None:
    """A message without its id; it is shared, and nobody changes it."""
    try:
        return dns.message.from_wire(b"\0\0" + body, continue_on_error=True)
    except (dns.exception.DNSException, ValueError):
        return None


def _referred_to(message: dns.message.Message, zone: Name, name: Name) -> Name | None:
    """The zone that a reply refers to, if that leads further down towards ``name``."""
    if message.flags & dns.flags.AA or message.answer:
        return None
    for rrset in message.authority:
        below = rrset.rdtype == RdataType.NS and rrset.name != zone and rrset.name.is_subdomain(zone)
        if below and name.is_subdomain(rrset.name):
            return rrset.name
    return None


def _loose_end(message: dns.message.Message, name: Name, type: RdataType) -> Name | None:
    """The end of a chain of aliases for which this reply has neither the answer nor its denial."""
    if type in (RdataType.CNAME, RdataType.ANY) or message.rcode() != dns.rcode.NOERROR:
        return None
    aliases = {rrset.name: rrset[0].target for rrset in message.answer if rrset.rdtype == RdataType.CNAME}
    end = name
    for _ in range(len(aliases)):
        end = aliases.get(end, end)
    answered = any(rrset.name == end and rrset.rdtype == type for rrset in message.answer)
    denied = any(rrset.rdtype == RdataType.SOA for rrset in message.authority)
    return None if end == name or answered or denied else end


def _proves(rrset: dns.rrset.RRset) -> bool:
    """Whether it belongs to a proof of RFC 4035 §3.1.3.3: the NSEC of a wildcard expansion, or its signature."""
    type = rrset.covers if rrset.rdtype == RdataType.RRSIG else rrset.rdtype
    return type in (RdataType.NSEC, RdataType.NSEC3)


def _addresses_in(section: Sequence[dns.rrset.RRset], of: set[Name] | None) -> tuple[IP, ...]:
    found: list[IP] = []
    for rrset in section:
        if of is None or rrset.name in of:
            if rrset.rdtype == RdataType.A:
                found += [IPv4Address(r.address) for r in rrset]
            elif rrset.rdtype == RdataType.AAAA:
                found += [IPv6Address(r.address) for r in rrset]
    return tuple(found)


def _relay(wire: bytes, query: dns.message.Message) -> bytes:
    """An authority's reply as a recursive server's: the client's id, RD and CD; RA set; AA and AD clear."""
    flags = int.from_bytes(wire[2:4], "big") & ~(dns.flags.AA | dns.flags.AD | dns.flags.RD | dns.flags.CD)
    flags |= dns.flags.RA | (query.flags & (dns.flags.RD | dns.flags.CD))
    return query.id.to_bytes(2, "big") + flags.to_bytes(2, "big") + wire[4:]
