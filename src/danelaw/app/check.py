"""Checking services from outside: from what an operator names to evidence, and from that to a report."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from dns.name import Name

from danelaw.app.eyes import Eyes
from danelaw.app.look import look_at
from danelaw.core.model import (
    IP,
    DanelawError,
    Endpoint,
    Evidence,
    Lookup,
    Named,
    Security,
    Target,
    TargetEvidence,
    Validated,
    named,
)
from danelaw.core.model.servers import naming_question
from danelaw.core.tlsa import Reference
from danelaw.core.verdict import Report, judge

MOST_SERVERS: Final = 24
"""Servers of one service domain that are looked at."""
MOST_KEPT: Final = 1024
"""Endpoints whose evidence is kept for other targets that lead to them."""


async def check(endpoint: Endpoint, eyes: Eyes, reference: Reference) -> Report:
    """Look at one endpoint and judge it by what its clients are known to want. Raises as ``look_at`` does."""
    evidence = await look_at(endpoint, eyes, sweeping=False)
    names = tuple(dict.fromkeys((evidence.base, *reference.names)))
    return judge(evidence, replace(reference, names=names))


Looked: TypeAlias = TargetEvidence | DanelawError


@dataclass(frozen=True, slots=True)
class Looking:
    """How to look. ``addresses``: connect to these instead of to those in the DNS; ``family``: to those of IPv4 or IPv6
    alone. ``at_once``: targets."""

    addresses: tuple[IP, ...] = ()
    family: Literal[4, 6] | None = None
    at_once: int = 32


class Looker:
    """Looks at targets, and at an endpoint that several of them lead to but once."""

    def __init__(self, eyes: Eyes, looking: Looking = Looking()) -> None:
        self._eyes = eyes
        self._looking = looking
        self._seen: OrderedDict[tuple[Endpoint, str, Name | None], asyncio.Task[Evidence]] = OrderedDict()

    async def look(self, target: Target) -> TargetEvidence:
        """Raises ``DanelawError``: ``NAME_TOO_LONG``, ``TRANSPORT_UNSUPPORTED``."""
        began = self._eyes.clock.now()
        if not target.searched:
            evidence = await self._endpoint(target.endpoint, target.application.name, None)
            return TargetEvidence(target, began, None, (evidence,))
        answer = await self._eyes.resolver.resolve(*naming_question(target.application, target.transport, target.name))
        found, left_out = _servers(target, answer)
        parts = await asyncio.gather(*(self._found(target, one, answer.state) for one in found))
        seen = tuple(part for part in parts if part is not None)
        return TargetEvidence(target, began, answer, seen, left_out + len(parts) - len(seen))

    async def look_at_all(self, targets: Iterable[Target]) -> AsyncIterator[tuple[int, Target, Looked]]:
        """Many at once, each with its place in the order given, as they come to their end: a slow one holds up nobody.

        ``targets`` are taken one by one, when there is room. An error that is about one target stands in its place.
        """
        source = iter(enumerate(targets))
        running: dict[asyncio.Task[Looked], tuple[int, Target]] = {}
        try:
            while True:
                while len(running) < self._looking.at_once and (following := next(source, None)) is not None:
                    running[asyncio.create_task(self._outcome(following[1]))] = following
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    place, target = running.pop(task)
                    yield place, target, task.result()
        finally:
            for begun in (*running, *self._seen.values()):
                begun.cancel()

    async def _outcome(self, target: Target) -> Looked:
        try:
            return await self.look(target)
        except DanelawError as error:
            return error

    async def _found(self, target: Target, server: Named, state: Security) -> Evidence | None:
        """The evidence on a server that a record names; None where its name can have no TLSA records."""
        application = target.application
        port = server.port if server.port is not None else application.port
        endpoint = Endpoint(server.host, port, target.transport, application.starttls)
        sni = target.name if application.lookup is Lookup.SRV else None
        try:
            evidence = await self._endpoint(endpoint, application.name, sni)
        except DanelawError as error:
            if error.code not in ("NAME_TOO_LONG", "BAD_ENDPOINT"):
                raise
            return None
        return replace(evidence, service=target.name, service_state=state)

    async def _endpoint(self, endpoint: Endpoint, application: str, sni: Name | None) -> Evidence:
        key = (endpoint, application, sni)
        task = self._seen.get(key)
        if task is None:
            task = self._seen[key] = asyncio.create_task(self._look_at(endpoint, application, sni))
            while len(self._seen) > MOST_KEPT and next(iter(self._seen.values())).done():
                self._seen.popitem(last=False)
        # One who waits may be cancelled while others go on waiting.
        return await asyncio.shield(task)

    def _look_at(self, endpoint: Endpoint, application: str, sni: Name | None) -> Coroutine[Any, Any, Evidence]:
        how = self._looking
        return look_at(
            endpoint, self._eyes, application=application, sni=sni, addresses=how.addresses, family=how.family
        )


def _servers(target: Target, answer: Validated) -> tuple[Sequence[Named], int]:
    """The servers that a client goes on to, preferred ones first, and how many more there are.

    Where there are no records the domain itself is the server: the implicit MX (RFC 5321 §5.1), and the fallback of SRV
    (RFC 2782). An answer that is bogus or did not come leads nowhere (RFC 7672 §2.1.2, RFC 7673 §3.1).
    """
    if answer.state not in (Security.SECURE, Security.INSECURE):
        return (), 0
    if answer.rrset is None:
        return (Named(0, target.name),), 0
    listed, _ = named(answer.rrset)
    distinct: dict[tuple[Name, int | None], Named] = {}
    for server in listed:
        if not server.nobody:
            distinct.setdefault((server.host, server.port), server)
    servers = [server for server in distinct.values() if server.port != 0]  # there is no way to connect to port 0
    looked_at = servers[:MOST_SERVERS]
    return looked_at, len(distinct) - len(looked_at)
