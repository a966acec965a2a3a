"""A primary dies of SIGKILL with an update of ours in its hands, and comes back: BIND and Knot. The error says that
nobody knows; what is served is the old RRset or the new one, whole; and the same change, asked for again, is made."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import pytest
from dns.rdatatype import RdataType as T
from ended_processes import stopped
from publish_benches import Bench, by_dns, served_serial
from update_servers import LOOPBACK, ZONE, Server, bind, knot, until

from danelaw.adapters.clock import DirectDialer, SystemClock
from danelaw.adapters.publish import tsig
from danelaw.adapters.publish.rfc2136 import Primary, Rfc2136Publisher
from danelaw.core.model import Absence, DanelawError, RRset
from danelaw.core.rollover.actions import Publish, Receipt

pytestmark = pytest.mark.slow

OWNER = dns.name.from_text("_443._tcp.www.example.net.")
NEW = "3 1 1 " + "11" * 32
NOTHING = Absence(OWNER, T.TLSA, 60)
WANTED = RRset(OWNER, T.TLSA, 60, frozenset({bytes((3, 1, 1)) + bytes([0x11]) * 32}))
UPDATE = 5
PATIENCE = 60.0

Deed = Callable[[Server], Awaitable[None]]


@pytest.fixture(params=["bind", "knot"])
def server(request: pytest.FixtureRequest, tmp_path: Path, require_program: Callable[..., str]) -> Iterator[Server]:
    if request.param == "bind":
        running = bind(require_program("named", package="bind9"), tmp_path)
    else:
        running = knot(require_program("knotd", package="knot"), tmp_path, zone=())
    with running as started:
        yield started


def bench(server: Server, port: int | None = None) -> Bench:
    primary = Primary(LOOPBACK, port or server.port, ZONE, tsig.read_key(server.key_file))
    return by_dns(Rfc2136Publisher(primary, DirectDialer(), SystemClock()), server.port)


@contextmanager
def again(server: Server) -> Iterator[None]:
    """It has been started once more, on what it left."""
    assert server.process.wait(PATIENCE) == -signal.SIGKILL
    with (server.folder / "log").open("ab") as log:
        process = subprocess.Popen(server.process.args, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
    try:
        until(lambda: _answers(server.port), Server(server.folder, server.port, server.key_file, process))
        yield
    finally:
        stopped(process)


def _answers(port: int) -> bool:
    try:
        reply = dns.query.udp(dns.message.make_query(ZONE, T.SOA), str(LOOPBACK), timeout=1, port=port)
    except (dns.exception.DNSException, OSError):
        return False
    return bool(reply.answer)


async def _message(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(2)
    return length + await reader.readexactly(int.from_bytes(length))


async def through(server: Server, before: Deed, after: Deed) -> Receipt:
    """The change is asked for by a road on which the server meets its fate ``before`` it has the update, or once it
    has answered."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _message(reader)
            updates = request[4] >> 3 & 0xF == UPDATE
            if updates:
                await before(server)
            there, to = await asyncio.open_connection(str(LOOPBACK), server.port)
            to.write(request)
            await to.drain()
            if updates and before is _stop:
                server.process.kill()
            reply = await _message(there)
            to.close()
            if updates:
                await after(server)
            writer.write(reply)
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(talk, str(LOOPBACK), 0)
    try:
        port = listener.sockets[0].getsockname()[1]
        async with asyncio.timeout(PATIENCE):
            outcome = await bench(server, port).publisher.publish(Publish(ZONE, NOTHING, WANTED))
        assert isinstance(outcome, Receipt)
        return outcome
    finally:
        listener.close()


async def _stop(server: Server) -> None:
    """What comes from now on is in its socket, and it never reads that."""
    os.kill(server.process.pid, signal.SIGSTOP)
    _, status = await asyncio.to_thread(os.waitpid, server.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


async def _kill(server: Server) -> None:
    server.process.kill()
    server.process.wait(PATIENCE)


async def _unlucky(server: Server) -> None:
    """It kills it, and the reply that it gave is lost with it."""
    await _kill(server)
    raise ConnectionError


async def _nothing(server: Server) -> None:
    del server


@pytest.mark.parametrize(
    ("before", "after", "made"), [(_stop, _nothing, False), (_nothing, _unlucky, True)], ids=["unread", "made"]
)
def test_killed_before_it_replied_it_has_the_change_whole_or_not_at_all_and_takes_it_later(
    server: Server, before: Deed, after: Deed, made: bool
) -> None:
    rest = bench(server).rest()
    first = served_serial(server.port)
    with pytest.raises(DanelawError, match="REPLY_LOST") as caught:
        asyncio.run(through(server, before, after))
    assert "next pass" in caught.value.hint
    new = (60, frozenset({NEW}))
    with again(server):
        then = bench(server)
        assert then.look(OWNER, T.TLSA) == (new if made else None)
        assert (served_serial(server.port) != first) >= made
        assert isinstance(then.publish(NOTHING, WANTED), Receipt)
        assert then.look(OWNER, T.TLSA) == new
        assert then.rest() == rest


def test_killed_after_its_reply_it_is_told_to_be_gone_and_has_the_change_when_it_is_back(server: Server) -> None:
    """The publisher asks what became of its update, and nobody answers."""
    with pytest.raises(DanelawError) as caught:
        asyncio.run(through(server, _nothing, _kill))
    assert caught.value.code in ("PRIMARY_UNREACHABLE", "REPLY_LOST")
    with again(server):
        assert bench(server).look(OWNER, T.TLSA) == (60, frozenset({NEW}))
        assert isinstance(bench(server).publish(NOTHING, WANTED), Receipt)
