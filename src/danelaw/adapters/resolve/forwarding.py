"""Answers through forwarders, validated here, whoever gives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from dns.name import Name
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.connections import unverified, verifying
from danelaw.adapters.resolve.https import HTTP_2, https_channel
from danelaw.adapters.resolve.queries import Ask, Channel, Patience
from danelaw.adapters.resolve.tls import tls_channel
from danelaw.adapters.resolve.udp_tcp import Do53Channel, UdpTcp
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.message import rrsets
from danelaw.core.dnssec.validate import Validation
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Do53, DoT, Forwarder, Message, Question, Silence, Validated
from danelaw.ports import Clock, Dialer


class Forwarders:
    """Recursive servers, asked in order until one says something.

    ``ca``: a PEM file to check certificates by, instead of the system's trust store. Raises
    ``DanelawError("RESOLVER_CA_UNREADABLE")``.
    """

    def __init__(
        self,
        servers: Sequence[Forwarder],
        dialer: Dialer,
        *,
        patience: Patience | None = None,
        ca: Path | None = None,
    ) -> None:
        patience = patience or Patience()
        self._open = tuple(_opening(server, dialer, patience, ca) for server in servers)

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Ask]:
        """To ask questions that belong together: connections are kept from one to the next, and closed at the end."""
        channels = [open_channel() for open_channel in self._open]
        try:
            yield _Conversation(channels).ask
        finally:
            await asyncio.gather(*(channel.close() for channel in channels))


class _Conversation:
    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._useless: set[int] = set()

    async def ask(self, question: Question) -> Message | Silence:
        """The first useful reply; else the last one's error or silence, with what the others gave before it.

        A forwarder that was silent once is from then on asked last: one that hangs does so for each question.
        """
        failures: list[Message | Silence] = []
        for number in sorted(range(len(self._channels)), key=lambda number: number in self._useless):
            reply = await self._channels[number].ask(question)
            if isinstance(reply, Message) and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
                return reply
            if isinstance(reply, Silence):
                self._useless.add(number)
            failures.append(reply)
        if not failures:
            return Silence("UNREACHABLE", "there are no forwarders")
        *others, last = failures
        if not others:
            return last
        code, detail = (last.code, last.detail) if isinstance(last, Silence) else (_error(last), "")
        return Silence(code, "; ".join((detail, *(f"another: {_said(other)}" for other in others))).removeprefix("; "))


def _said(failure: Message | Silence) -> str:
    return f"{failure.code} {failure.detail}".strip() if isinstance(failure, Silence) else _error(failure)


def _error(reply: Message) -> str:
    return rcode_text(Rcode.make(reply.rcode))


def _opening(server: Forwarder, dialer: Dialer, patience: Patience, ca: Path | None) -> Callable[[], Channel]:
    """What makes the way to a forwarder anew for each conversation; trust stores are read once, here."""
    limit = patience.tcp.total_seconds()
    if isinstance(server, Do53):
        return partial(Do53Channel, server, UdpTcp(dialer, patience))
    if isinstance(server, DoT):
        context = unverified() if server.server_name is None else verifying(ca)
        return partial(tls_channel, server, dialer, context, limit)
    return partial(https_channel, server, dialer, verifying(ca, HTTP_2), limit)


class ForwardingResolver:
    """``ports.Resolver`` on recursive servers that need not be trusted: no AD bit is looked at.

    ``new_cache`` gives the cache of zone keys for one validation. By default each starts with none, so that every
    answer says how things are now; give one that returns the same cache for speed.
    """

    def __init__(
        self,
        forwarders: Sequence[Forwarder],
        dialer: Dialer,
        clock: Clock,
        anchors: Anchors,
        policy: AlgorithmPolicy = DEFAULT_POLICY,
        *,
        patience: Patience | None = None,
        ca: Path | None = None,
        new_cache: Callable[[], ZoneKeyCache] = ZoneKeyCache,
    ) -> None:
        self._forwarders = Forwarders(forwarders, dialer, patience=patience, ca=ca)
        self._clock = clock
        self._anchors = anchors
        self._policy = policy
        self._new_cache = new_cache

    async def resolve(self, name: Name, type: int) -> Validated:
        """Never raises for what servers say or leave unsaid: that is INDETERMINATE, with the reason NO_ANSWER."""
        validation = Validation(name, type, self._anchors, self._policy, self._clock.now(), self._new_cache())
        async with self._forwarders.conversation() as ask:
            while questions := validation.next_queries():
                replies = await asyncio.gather(*map(ask, questions))
                for question, reply in zip(questions, replies, strict=True):
                    validation.receive(question, reply)
        if validation.result is None:
            raise AssertionError("a validation that asks nothing has a result")
        return validation.result

    async def zone_of(self, name: Name) -> Name | None:
        """The apex of the zone that ``name`` lies in, as its SOA says, unvalidated; None where no server says it."""
        async with self._forwarders.conversation() as ask:
            return await zone_of(ask, name)


async def zone_of(ask: Ask, name: Name) -> Name | None:
    """The deepest ancestor of ``name``, or the name itself, that has a SOA record; None where no server says it.

    Denials carry the SOA of the zone (RFC 2308 §2); where an alias hides it, the name above is asked for.
    """
    while True:
        reply = await ask(Question(name, T.SOA))
        if isinstance(reply, Silence) or reply.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return None
        found = rrsets((*reply.answer, *reply.authority))
        aliased = any(rrset.type == T.CNAME for rrset in found)
        zones = [rrset.owner for rrset in found if rrset.type == T.SOA and name.is_subdomain(rrset.owner)]
        if zones and not aliased:
            return max(zones, key=len)
        if len(name) == 1:
            return None
        name = name.parent()
