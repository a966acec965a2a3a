"""Several forwarders, asked as if they were one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import dns.name
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.connections import unverified, verifying
from danelaw.adapters.resolve.queries import Channel, Patience
from danelaw.adapters.resolve.tls import tls_channel
from danelaw.adapters.resolve.udp_tcp import Do53Channel, UdpTcp
from danelaw.core.model import Do53, DoT, Forwarder, Message, Question, Silence
from danelaw.ports import Dialer

_ROOT_KEYS: Final = Question(dns.name.root, T.DNSKEY)


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
        self._ways = tuple((str(server), _way(server, dialer, patience, ca)) for server in servers)

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """To ask questions that belong together: connections are kept from one to the next, and closed at the end."""
        channels = [(name, open_channel()) for name, open_channel in self._ways]
        try:
            yield Conversation(channels)
        finally:
            await asyncio.gather(*(channel.close() for _, channel in channels))


class Conversation:
    """Asks, and remembers of the forwarders what they have shown.

    One that was silent is asked last from then on: one that hangs does so for each question. One that gave the keys of
    the root without a signature takes signatures away, since the root is signed: it is asked no more, and what it said
    until then would look bogus.
    """

    def __init__(self, channels: Sequence[tuple[str, Channel]]) -> None:
        self._channels = channels
        self._silent: set[int] = set()
        self._stripping: set[int] = set()

    @property
    def exposed(self) -> int:
        """How many forwarders were found to take signatures away. Where this grows, answers before may lack some."""
        return len(self._stripping)

    async def __call__(self, question: Question) -> Message | Silence:
        """The first useful reply; else the last one's error or silence, with what the others gave before it."""
        failures: list[Message | Silence] = []
        for number in sorted(range(len(self._channels)), key=lambda number: number in self._silent):
            reply = await self._asked(number, question)
            if isinstance(reply, Message) and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
                return reply
            if isinstance(reply, Silence):
                self._silent.add(number)
            failures.append(reply)
        if not failures:
            return Silence("UNREACHABLE", "there are no forwarders")
        *others, last = failures
        if not others:
            return last
        code, detail = (last.code, last.detail) if isinstance(last, Silence) else (_error(last), "")
        return Silence(code, "; ".join((detail, *(f"another: {_said(other)}" for other in others))).removeprefix("; "))

    async def _asked(self, number: int, question: Question) -> Message | Silence:
        name, channel = self._channels[number]
        if number not in self._stripping:
            reply = await channel.ask(question)
            if question != _ROOT_KEYS or not isinstance(reply, Message) or not _stripped(reply):
                return reply
            self._stripping.add(number)
        return Silence("NO_SIGNATURES", f"{name}: it takes signatures away, so it cannot be used for DNSSEC")


def _stripped(reply: Message) -> bool:
    types = {record.type for section in (reply.answer, reply.authority, reply.additional) for record in section}
    return T.DNSKEY in types and T.RRSIG not in types


def _said(failure: Message | Silence) -> str:
    return f"{failure.code} {failure.detail}".strip() if isinstance(failure, Silence) else _error(failure)


def _error(reply: Message) -> str:
    return rcode_text(Rcode.make(reply.rcode))


def _way(server: Forwarder, dialer: Dialer, patience: Patience, ca: Path | None) -> Callable[[], Channel]:
    """What makes the way to a forwarder anew for each conversation; trust stores are read once, here."""
    limit = patience.tcp.total_seconds()
    if isinstance(server, Do53):
        return partial(Do53Channel, server, UdpTcp(dialer, patience))
    if isinstance(server, DoT):
        context = unverified() if server.server_name is None else verifying(ca)
        return partial(tls_channel, server, dialer, context, limit)
    from danelaw.adapters.resolve.https import HTTP_2, https_channel  # here, for few resolvers are asked by it

    return partial(https_channel, server, dialer, verifying(ca, HTTP_2), limit)
