"""Answers through forwarders, validated here, whoever gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.forwarders import Forwarders
from danelaw.adapters.resolve.queries import Ask, Patience
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.message import rrsets
from danelaw.core.dnssec.validate import Validation
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Forwarder, Question, Silence, Validated
from danelaw.ports import Clock, Dialer


class ForwardingResolver:
    """``ports.Resolver`` on recursive servers that need not be trusted: no AD bit is looked at.

    ``new_cache`` gives the cache of zone keys for one validation. By default each starts with none, so that every
    answer says how things are now; give one that returns the same cache for speed. ``thorough``: as
    ``Validation`` has it.
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
        thorough: bool = False,
    ) -> None:
        self._forwarders = Forwarders(forwarders, dialer, patience=patience, ca=ca)
        self._clock = clock
        self._anchors = anchors
        self._policy = policy
        self._new_cache = new_cache
        self._thorough = thorough

    async def resolve(self, name: Name, type: int) -> Validated:
        """Never raises for what servers say or leave unsaid: that is INDETERMINATE, with the reason NO_ANSWER."""
        async with self._forwarders.conversation() as conversation:
            while True:
                exposed = conversation.exposed
                result = await self._validated(conversation, name, type)
                if conversation.exposed == exposed:
                    return result

    async def _validated(self, ask: Ask, name: Name, type: int) -> Validated:
        now, cache = self._clock.now(), self._new_cache()
        validation = Validation(name, type, self._anchors, self._policy, now, cache, thorough=self._thorough)
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
