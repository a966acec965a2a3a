"""The roads between the servers: which can be cut, and along which NOTIFY travels late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Final

from danelaw.core.model import IP, DanelawError
from danelaw.ports import Commands
from danelaw.worlds.lab.real.addresses import Place

LIMIT: Final = timedelta(seconds=30)


class Roads:
    """Routing rules of this network namespace: who cannot reach whom. Who sends along a cut road is told at once."""

    def __init__(self, commands: Commands, programs: Mapping[str, str]) -> None:
        self._commands = commands
        self._ip = programs["ip"]
        self._cut: set[tuple[IP | None, IP]] = set()

    async def cut(self, to: Place, source: Place | None = None) -> None:
        """Nothing sent from ``source`` (None: from anywhere) reaches ``to`` any more."""
        for road in _roads(to, source):
            if road not in self._cut:
                await self._rule("add", road)
                self._cut.add(road)

    async def mend(self, to: Place, source: Place | None = None) -> None:
        """Undo ``cut``."""
        for road in _roads(to, source):
            if road in self._cut:
                await self._rule("del", road)
                self._cut.discard(road)

    async def _rule(self, verb: str, road: tuple[IP | None, IP]) -> None:
        source, to = road
        origin = () if source is None else ("from", str(source))
        preference = "10" if source is None else "11"  # of two rules of one preference the kernel may see but one
        argv = (self._ip, f"-{to.version}", "rule", verb, "pref", preference, *origin, "to", str(to), "unreachable")
        done = await self._commands.run(argv, LIMIT)
        if done.status != 0:
            raise DanelawError("ROAD_UNCHANGED", f"{' '.join(argv)} failed", evidence=done.output)


def _roads(to: Place, source: Place | None) -> list[tuple[IP | None, IP]]:
    if source is None:
        return [(None, ip) for ip in to]
    return [(source.v4, to.v4), (source.v6, to.v6)]


class Messenger:
    """Carries the primary's NOTIFY (RFC 1996) to the secondary, ``lag`` seconds later, and the reply back. It takes
    them by UDP and by TCP, as Knot sends them.

    ``loses``: whatever it is given is lost, and the primary hears nothing either. ``last``: what came last, but for
    what the primary only repeats.
    """

    def __init__(self, at: Place, to: Place, lag: float) -> None:
        self.lag = lag
        self.loses = False
        self._at = at
        self._to = (str(to.v4), 53)
        self.last: bytes | None = None
        self._heard: set[bytes] = set()
        self._askers: dict[bytes, Callable[[bytes], None]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    @contextlib.asynccontextmanager
    async def carrying(self) -> AsyncIterator[None]:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Hand(self), local_addr=(str(self._at.v4), 53)
        )
        self._transport = transport
        server = await asyncio.start_server(self._called, str(self._at.v4), 53)
        try:
            yield
        finally:
            server.close()
            self._transport = None
            transport.close()

    def remind(self) -> None:
        """Carry what came last once more, and at once."""
        if self.last is not None:
            self._send(self.last, self._to)

    def received(self, data: bytes, sender: tuple[str, int]) -> None:
        """A datagram."""
        if sender != self._to:
            self._heard_of(data, lambda reply: self._send(reply, sender))
        elif (asker := self._askers.pop(data[:2], None)) is not None:
            asker(data)

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection (RFC 7766 §8)."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                self._heard_of(data, lambda reply: writer.write(len(reply).to_bytes(2, "big") + reply))
        writer.close()

    def _heard_of(self, data: bytes, answer: Callable[[bytes], None]) -> None:
        if data not in self._heard:
            self._heard.add(data)
            self.last = data
        if not self.loses:
            self._askers[data[:2]] = answer
            asyncio.get_running_loop().call_later(self.lag, self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if not self.loses:
            self._send(data, self._to)

    def _send(self, data: bytes, to: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, to)


class _Hand(asyncio.DatagramProtocol):
    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._messenger.received(data, addr)
