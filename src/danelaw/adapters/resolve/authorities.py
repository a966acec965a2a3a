"""What each authoritative server says, by itself; and which servers those are."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import dns.exception
import dns.name
from dns.name import Name
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.forwarders import Forwarders
from danelaw.adapters.resolve.forwarding import zone_of
from danelaw.adapters.resolve.once import Once
from danelaw.adapters.resolve.queries import Ask, Patience
from danelaw.adapters.resolve.udp_tcp import UdpTcp
from danelaw.core.model import IP, DanelawError, Forwarder, Message, Question, Record, Silence
from danelaw.ports import Dialer

_ADDRESS_OCTETS: dict[int, int] = {T.A: 4, T.AAAA: 16}
_A_MINUTE: Final = 60.0
_MOST: Final = 64
"""Name servers of one zone, and addresses of all of them: honest zones stay far below, and whoever lists more wants the
questions sent to somebody else (CVE-2020-12662)."""


class AuthorityAsker:
    """``ports.Authorities``: the servers are found through forwarders, and then asked directly.

    ``warm``: which servers a zone has is found once and holds for a minute, for who looks at much in a short time. What
    they say is asked each time.
    """

    def __init__(
        self,
        forwarders: Sequence[Forwarder],
        dialer: Dialer,
        *,
        patience: Patience | None = None,
        ca: Path | None = None,
        warm: bool = False,
    ) -> None:
        self._transport = UdpTcp(dialer, patience)
        self._forwarders = Forwarders(forwarders, dialer, patience=patience, ca=ca)
        lasting = _A_MINUTE if warm else 0.0
        self._servers = Once(self._find, lasting)
        self._parents = Once(self._parent, lasting)

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        """One query, DO set and RD clear. A referral is a message; an error is silence: REFUSED, SERVFAIL, or LAME for
        a server that answers without authority."""
        reply = await self._transport.ask(server, Question(name, type), recursion_desired=False)
        if isinstance(reply, Silence):
            return reply
        if reply.rcode == Rcode.REFUSED:
            return Silence("REFUSED", str(server))
        if reply.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return Silence("SERVFAIL", f"{server}: {rcode_text(Rcode.make(reply.rcode))}")
        if not reply.authoritative and not _refers(reply, name):
            return Silence("LAME", str(server))
        return reply

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        """Every address of every name server: those that the zone's own NS set and each of the parent's servers name.

        Sorted, without repetition. Raises ``DanelawError("SERVERS_UNKNOWN")`` when something that must be known to
        list them all went unanswered: a list that may lack one would be taken for the whole.
        """
        return await self._servers(zone)

    async def _find(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        async with self._forwarders.conversation() as ask:
            names, glue = await self._names(ask, zone)
            found = {*glue, *await _addresses(ask, zone, names)}
        if not found:
            raise _unknown(zone, f"none of {', '.join(map(str, sorted(names))) or 'its servers'} has an address")
        if len(found) > _MOST:
            raise _unknown(
                zone, f"{len(found)} addresses, of which none can be left out, and {_MOST} are asked at most"
            )
        return sorted(found, key=lambda pair: (pair[0], pair[1].version, pair[1].packed))

    async def _names(self, ask: Ask, zone: Name) -> tuple[set[Name], set[tuple[Name, IP]]]:
        """The names of the servers on both sides of the cut, and the glue."""
        names = await _listed(ask, zone)
        if len(zone) == 1:
            return names, set()
        found = await self._parents(zone.parent())
        if found is None:
            raise _unknown(zone, f"no server tells the zone of {zone.parent()}")
        parent, asked = found
        replies = [
            reply
            for reply in await asyncio.gather(*(self.ask(ip, zone, T.NS) for ip in asked))
            if isinstance(reply, Message)
        ]
        if not replies:
            raise _unknown(zone, f"no server of {parent} answers")
        glue: set[tuple[Name, IP]] = set()
        for reply in replies:
            named = _targets((*reply.answer, *reply.authority), zone)
            names |= named
            glue.update(pair for pair in _located(reply.additional) if pair[0] in named)
        return names, glue

    async def _parent(self, above: Name) -> tuple[Name, Sequence[IP]] | None:
        """The zone that the name above a zone lies in, and where its servers are."""
        async with self._forwarders.conversation() as ask:
            parent = await zone_of(ask, above)
            if parent is None:
                return None
            return parent, sorted({ip for _, ip in await _addresses(ask, parent, await _listed(ask, parent))}, key=str)


async def _listed(ask: Ask, zone: Name) -> set[Name]:
    """The server names in the zone's own NS set."""
    question = Question(zone, T.NS)
    return _targets(_answered(question, await ask(question)).answer, zone)


async def _addresses(ask: Ask, zone: Name, names: Collection[Name]) -> list[tuple[Name, IP]]:
    if len(names) > _MOST:
        raise _unknown(zone, f"{len(names)} names, of which none can be left out, and {_MOST} are asked at most")
    questions = [Question(name, type) for name in sorted(names) for type in _ADDRESS_OCTETS]
    replies = await asyncio.gather(*map(ask, questions))
    return [
        (question.name, ip)
        for question, reply in zip(questions, replies, strict=True)
        for _, ip in _located(_answered(question, reply).answer)
    ]


def _answered(question: Question, reply: Message | Silence) -> Message:
    if isinstance(reply, Message) and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return reply
    said = f"{reply.code} {reply.detail}" if isinstance(reply, Silence) else rcode_text(Rcode.make(reply.rcode))
    raise _unknown(question.name, f"{T.make(question.type).name}: {said}".rstrip())


def _unknown(name: Name, evidence: str) -> DanelawError:
    return DanelawError(
        "SERVERS_UNKNOWN",
        f"The name servers of {name} could not all be found",
        evidence=evidence,
        hint="check the forwarders of [resolver], and the NS and address records of the zone",
    )


def _refers(reply: Message, name: Name) -> bool:
    """Whether a reply points to the servers of a zone below (RFC 1034 §4.3.2 step 3b); upwards is no referral."""
    return not reply.answer and any(
        record.type == T.NS and len(record.owner) > 1 and name.is_subdomain(record.owner) for record in reply.authority
    )


def _targets(records: Iterable[Record], zone: Name) -> set[Name]:
    """The server names in the NS records of a zone. One that cannot be read names no server."""
    names = set()
    for record in records:
        if record.type == T.NS and record.owner == zone:
            try:
                name, used = dns.name.from_wire(record.rdata, 0)
            except dns.exception.DNSException:
                continue
            if used == len(record.rdata):
                names.add(name)
    return names


def _located(records: Iterable[Record]) -> list[tuple[Name, IP]]:
    return [
        (record.owner, ip_address(record.rdata))
        for record in records
        if len(record.rdata) == _ADDRESS_OCTETS.get(record.type)
    ]
