"""What ``danelaw check`` looks at in its tests: a signed tree, and servers on loopback that it leads to.

Ports are free ones, so TLSA records stand at them; MX and SRV would lead to assigned ports, where ``--address IP@PORT``
helps.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.dnssec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from danelaw.core.model import Chain
from danelaw.core.tlsa import Combination, associate
from name_servers import answering
from signed_tree import EXAMPLE, EXPIRATION, INCEPTION, Tree, Zone, name
from tlsa_chains import INTERMEDIATE, LEAF, NOW, ROOT

AT: Final = NOW.isoformat()
RIGHT: Final = associate(Combination.from_text("3 1 1"), Chain((LEAF.der,))).to_text()
ABOVE: Final = associate(Combination.from_text("2 1 1"), Chain((LEAF.der, INTERMEDIATE.der))).to_text()
"""``www.example.net`` is what the certificate names."""
WRONG: Final = "3 1 1 " + "00" * 32


@dataclass
class World:
    """``resolver`` and ``anchor``: for the options of these names. ``port``: of a server that presents ``LEAF``;
    ``smtp`` of one that does so after STARTTLS, ``stalled`` of one that never says anything, ``closed`` of none."""

    resolver: str = ""
    anchor: str = ""
    ca: str = ""
    port: int = 0
    smtp: int = 0
    stalled: int = 0
    closed: int = 0
    tree: Tree | None = None

    def queries(self) -> int:
        """How many questions the resolver has had."""
        return len(self.tree.asked) if self.tree is not None else 0

    @property
    def options(self) -> tuple[str, ...]:
        return "--resolver", self.resolver, "--anchor", self.anchor, "--ca", self.ca, "--now", AT

    def zone(self) -> str:
        """Name servers on an address where nothing answers, and at once."""
        return (
            EXAMPLE.replace("ns 600 A 192.0.2.11", "ns 600 A 127.53.53.53").replace("@ 600 MX 10 mail", "")
            + f"""
@ 600 MX 10 mx
@ 600 MX 20 mx2
mx 600 A 127.0.0.1
_25._tcp.mx 600 TLSA {RIGHT}
_{self.smtp}._tcp.mx 600 TLSA {RIGHT}
mx2 600 A 127.0.0.1
_25._tcp.mx2 600 TLSA {RIGHT}
good 600 A 127.0.0.1
_{self.port}._tcp.good 600 TLSA {RIGHT}
better 600 A 127.0.0.1
_{self.port}._tcp.better 600 TLSA {RIGHT}
bad 600 A 127.0.0.1
_{self.port}._tcp.bad 600 TLSA {WRONG}
dual 600 A 127.0.0.1
dual 600 AAAA ::1
_{self.port}._tcp.dual 600 TLSA {RIGHT}
bare 600 A 127.0.0.1
slow 600 A 127.0.0.1
_{self.stalled}._tcp.slow 600 TLSA {RIGHT}
_{self.port}._tcp.www 600 TLSA {ABOVE}
closed 600 A 127.0.0.1
_{self.closed}._tcp.closed 600 TLSA {RIGHT}
nomail 600 MX 0 .
"""
        )


@contextmanager
def standing(folder: Path) -> Iterator[World]:
    """The world, in a thread of its own, until the block ends."""
    world, up, stop = World(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def life() -> None:
        loops.append(asyncio.get_running_loop())
        async with _servers(world, folder):
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(life()))
    thread.start()
    try:
        assert up.wait(30)
        yield world
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(stop.set)
        thread.join(30)


@asynccontextmanager
async def _servers(world: World, folder: Path) -> AsyncIterator[None]:
    context = _context(folder)

    async def shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read()
            writer.close()

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"220 mx.example.net ESMTP\r\n")
            while line := await reader.readline():
                if line.upper().startswith(b"STARTTLS"):
                    writer.write(b"220 go ahead\r\n")
                    await writer.start_tls(context)
                else:
                    writer.write(b"250-mx.example.net\r\n250 STARTTLS\r\n" if line[:4] == b"EHLO" else b"221 bye\r\n")

    servers = [
        await asyncio.start_server(shut, "127.0.0.1", 0, ssl=context),
        await asyncio.start_server(smtp, "127.0.0.1", 0),
        await asyncio.start_server(shut, "127.0.0.1", 0),
        await asyncio.start_server(shut, "127.0.0.1", 0),
    ]
    world.port, world.smtp, world.stalled, world.closed = (one.sockets[0].getsockname()[1] for one in servers)
    servers.pop().close()
    tree = world.tree = _tree(world, folder)

    async with answering(tree.recursive) as resolver:
        world.resolver = f"127.0.0.1@{resolver.address[1]}"
        yield
    for server in servers:
        server.close()


def _tree(world: World, folder: Path) -> Tree:
    tree, apex = Tree(), name("example.net.")
    tree.zones[apex] = Zone.read(apex, world.zone(), tree.keys[apex], INCEPTION, EXPIRATION)
    anchor, ca = folder / "root.ds", folder / "ca.pem"
    anchor.write_text(f". IN DS {dns.dnssec.make_ds(name('.'), tree.keys[name('.')][1], 'SHA256')}\n", encoding="ascii")
    ca.write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    world.anchor, world.ca = str(anchor), str(ca)
    return tree


def _context(folder: Path) -> ssl.SSLContext:
    file = folder / "server.pem"
    key = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [one.certificate.public_bytes(Encoding.PEM) for one in (LEAF, INTERMEDIATE)]
    file.write_bytes(key + b"".join(chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
