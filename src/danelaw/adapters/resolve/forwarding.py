"""Answers through forwarders, validated here, whoever gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.transport import Patience, Transport
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.message import rrsets
from danelaw.core.dnssec.validate import Validation
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import IP, Message, Question, Silence, Validated
from danelaw.ports import Clock, Dialer


class Forwarders:
    """Recursive servers, asked in order until one says something."""

    def __init__(self, servers: Sequence[tuple[IP, int]], transport: Transport) -> None:
        self._servers = tuple(servers)
        self._transport = transport

    async def ask(self, question: Question) -> Message | Silence:
        """The first useful reply; else the last one's error or silence."""
        reply: Message | Silence = Silence("UNREACHABLE", "there are no forwarders")
        for ip, port in self._servers:
            reply = await self._transport.ask(ip, question.name, question.type, recursion_desired=True, port=port)
            if isinstance(reply, Message) and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
                break
        return reply


class ForwardingResolver:
    """``ports.Resolver`` on recursive servers that need not be trusted: no AD bit is looked at.

    ``new_cache`` gives the cache of zone keys for one validation. By default each starts with none, so that every
    answer says how things are now; give one that returns the same cache for speed.
    """

    def __init__(
        self,
        forwarders: Sequence[tuple[IP, int]],
        dialer: Dialer,
        clock: Clock,
        anchors: Anchors,
        policy: AlgorithmPolicy = DEFAULT_POLICY,
        *,
        patience: Patience | None = None,
        new_cache: Callable[[], ZoneKeyCache] = ZoneKeyCache,
    ) -> None:
        self._forwarders = Forwarders(forwarders, Transport(dialer, patience))
        self._clock = clock
        self._anchors = anchors
        self._policy = policy
        self._new_cache = new_cache

    async def resolve(self, name: Name, type: int) -> Validated:
        """Never raises for what servers say or leave unsaid: that is INDETERMINATE, with the reason NO_ANSWER."""
        validation = Validation(name, type, self._anchors, self._policy, self._clock.now(), self._new_cache())
        while questions := validation.next_queries():
            replies = await asyncio.gather(*map(self._forwarders.ask, questions))
            for question, reply in zip(questions, replies, strict=True):
                validation.receive(question, reply)
        if validation.result is None:
            raise AssertionError("a validation that asks nothing has a result")
        return validation.result

    async def zone_of(self, name: Name) -> Name | None:
        """The apex of the zone that ``name`` lies in, as its SOA says, unvalidated; None where no server says it."""
        return await zone_of(self._forwarders, name)


async def zone_of(forwarders: Forwarders, name: Name) -> Name | None:
    """The deepest ancestor of ``name``, or the name itself, that has a SOA record; None where no server says it.

    Denials carry the SOA of the zone (RFC 2308 §2); where an alias hides it, the name above is asked for.
    """
    while True:
        reply = await forwarders.ask(Question(name, T.SOA))
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
