"""The crowd: its clients, their pace, and the record of what became of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Final

import dns.name
from cryptography import x509

from danelaw.worlds.lab.crowd import tls
from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.client import KINDS, Client, Kind
from danelaw.worlds.lab.crowd.resolver import Cut, Resolver, Resolves, read_anchors
from danelaw.worlds.lab.crowd.stub import Stub
from danelaw.worlds.lab.crowd.tally import Connection, Tally, tally
from danelaw.worlds.lab.crowd.transport import Locate

STAGGER: Final = 2.0
"""Seconds over which the clients set out, so that no two caches are of one age."""


class Crowd:
    """``size`` clients that connect to ``host``:``port`` for as long as the context is open.

    ``root_servers``: IP literals. ``trust_anchor``: the root's DS or DNSKEY records in master-file form.
    ``roots_pem``: the CA certificates that PKIX trusts. ``locate``: where (address, port) is on this machine; it may
    raise OSError for an address that this world does not have. ``pace``: seconds between two connections of a client.

    ``resolvers``: validating resolvers on loopback (IP literals) that the clients share instead of resolving for
    themselves; neighbours share one, and each is first asked at another time. ``smtp``: they are mail servers, who ask
    for TLS by STARTTLS. ``rsa``: they know no certificates but RSA's.

    ``scene`` is set by whoever runs the play; every connection carries the one that it began in.
    """

    def __init__(
        self,
        *,
        host: str,
        root_servers: Sequence[str],
        trust_anchor: str,
        roots_pem: bytes,
        locate: Locate,
        port: int = 443,
        size: int = 20,
        seed: int = 0,
        pace: float = 0.25,
        stagger: float = STAGGER,
        kinds: Sequence[Kind] = KINDS,
        resolvers: Sequence[str] = (),
        smtp: bool = False,
        rsa: bool = False,
    ) -> None:
        self.scene = ""
        self.connections: list[Connection] = []
        self.pace = pace
        self._stagger = stagger
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = 0
        self._ended: Counter[int] = Counter()
        self._pulse = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        root = Cut(dns.name.root, tuple(root_servers), read_anchors(trust_anchor))
        roots = tuple(x509.load_pem_x509_certificates(roots_pem))
        using = tls.context(rsa=rsa)
        self._clients: list[Client] = []
        for number in range(size):
            kind = kinds[number % len(kinds)]
            rng = random.Random(f"{seed}/{number}")  # noqa: S311  # paces and picks; nothing secret hangs on it
            cache = Cache(time.monotonic, kind.stretch)
            resolver: Resolves = (
                Stub(cache, resolvers[number * len(resolvers) // size], locate)
                if resolvers
                else Resolver(cache, root, locate, rng)
            )
            self._clients.append(
                Client(number, kind, dns.name.from_text(host), port, resolver, locate, roots, using, rng, smtp)
            )

    async def __aenter__(self) -> Crowd:
        self._tasks = [asyncio.create_task(self._live(client)) for client in self._clients]
        for task in self._tasks:
            task.add_done_callback(lambda _: self._pulse.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None:
            self._raise_defects()

    async def drain(self) -> None:
        """Holds new connections back until those in flight have ended, then lets the crowd go on.

        Set ``scene`` right after it returns, before anything else is awaited: no connection begins in between.
        """
        self._open.clear()
        try:
            await self._idle.wait()
        finally:
            self._open.set()
        self._raise_defects()

    async def enter(self, scene: str) -> None:
        """Ends one scene and begins the next: ``drain``, then ``scene``."""
        await self.drain()
        self.scene = scene

    async def rounds(self, count: int = 1) -> None:
        """Waits until every client has ended ``count`` more connections."""
        goal = {client.number: self._ended[client.number] + count for client in self._clients}
        while any(self._ended[number] < wanted for number, wanted in goal.items()):
            self._pulse.clear()
            await self._pulse.wait()
            self._raise_defects()

    def tally(self, scene: str) -> Tally:
        """What became of the connections that began in ``scene``."""
        return tally(scene, self.connections)

    async def _live(self, client: Client) -> None:
        await asyncio.sleep(self._stagger * client.number / len(self._clients))
        while True:
            while not self._open.is_set():
                await self._open.wait()
            self._in_flight += 1
            self._idle.clear()
            try:
                self.connections.append(await client.connect(self.scene))
                self._ended[client.number] += 1
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()
                self._pulse.set()
            await asyncio.sleep(self.pace * client.rng.uniform(0.5, 1.5))

    def _raise_defects(self) -> None:
        """A client that died of anything but cancellation would be a witness silently missing."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                failure = task.exception()
                if failure is not None:
                    raise failure
