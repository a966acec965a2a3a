"""The embedded world comes, goes, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dns.zone
import pytest
from unhurried import shortest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.embedded import PRIMARY, WEB4, EmbeddedWorld

pytestmark = pytest.mark.slow


def folder(tmp_path: Path) -> Path:
    """Another one each time."""
    return Path(tempfile.mkdtemp(dir=tmp_path))


def open_sockets() -> set[str]:
    return {target for fd in Path("/proc/self/fd").iterdir() if (target := _target(fd)).startswith("socket:")}


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


def leaves_nothing(run: Callable[[], None]) -> None:
    before = open_sockets()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        run()
    assert open_sockets() <= before


def test_it_is_up_and_gone_within_a_second(tmp_path: Path) -> None:
    async def run() -> None:
        async with EmbeddedWorld(folder(tmp_path)) as world:
            assert world.dialer.locate(*world.forwarder)

    def seconds() -> float:
        began = time.monotonic()
        leaves_nothing(lambda: asyncio.run(run()))
        return time.monotonic() - began

    assert shortest(seconds, 1) < 1


def test_it_goes_at_once_although_connections_hang(tmp_path: Path) -> None:
    soa_query = bytes.fromhex("0001 0100 0001 0000 0000 0000 0b 646f746e78646f6d61696e 03 6e6574 00 0006 0001")

    async def run() -> float:
        hanging: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        async with EmbeddedWorld(folder(tmp_path)) as world:
            world.web.hang(WEB4)
            world.primary.silent = world.secondary.silent = True
            for host, port, octets in (
                (*world.dialer.locate(WEB4, 80), b"GET / HTTP/1.0\r\n\r\n"),  # an address that never answers
                (*world.dialer.locate(PRIMARY, 53), b"\0"),  # half a length
                (
                    *world.dialer.locate(*world.forwarder),
                    len(soa_query).to_bytes(2, "big") + soa_query,
                ),  # no answer yet
            ):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(octets)
                hanging.append((reader, writer))
            async with asyncio.timeout(60):
                while not world.primary.queries + world.secondary.queries:  # noqa: ASYNC110  # a count has no event
                    await asyncio.sleep(0.01)
            began = time.monotonic()
        gone = time.monotonic() - began
        async with asyncio.timeout(60):
            for reader, writer in hanging:
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
        return gone

    assert shortest(lambda: asyncio.run(run()), 0.5) < 0.5


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a ClientHello"])
def test_it_goes_at_once_although_a_client_of_the_ca_stops_in_the_handshake(tmp_path: Path, sent: bytes) -> None:
    async def run() -> float:
        async with EmbeddedWorld(folder(tmp_path)) as world:
            api = urlsplit(world.acme_directory)
            assert api.hostname is not None
            assert api.port is not None
            stopped, writer = await asyncio.open_connection(api.hostname, api.port)
            writer.write(sent)
            _, other = await asyncio.open_connection(  # one that got through: the first has been accepted too
                api.hostname, api.port, ssl=ssl.create_default_context(cafile=world.acme_bundle)
            )
            began = time.monotonic()
        gone = time.monotonic() - began
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionResetError):
                assert await stopped.read() == b""
        writer.close()
        other.transport.abort()
        return gone

    def seconds() -> float:
        gone: list[float] = []
        leaves_nothing(lambda: gone.append(asyncio.run(run())))
        return gone[0]

    assert shortest(seconds, 0.5) < 0.5


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_a_start_that_is_cancelled_half_way_leaves_nothing(tmp_path: Path, steps: int) -> None:
    async def run() -> None:
        async def start() -> None:
            async with EmbeddedWorld(tmp_path / "lab"):
                await asyncio.Event().wait()

        task = asyncio.create_task(start())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    leaves_nothing(lambda: asyncio.run(run()))


def test_two_worlds_live_side_by_side(tmp_path: Path) -> None:
    async def run() -> None:
        async with EmbeddedWorld(tmp_path / "a") as one, EmbeddedWorld(tmp_path / "b") as other:
            assert one.dialer.locate(*one.forwarder) != other.dialer.locate(*other.forwarder)

    asyncio.run(run())


def test_a_directory_where_a_world_has_lived_is_not_taken_again(tmp_path: Path) -> None:
    EmbeddedWorld(tmp_path / "lab")
    with pytest.raises(DanelawError) as caught:
        EmbeddedWorld(tmp_path / "lab")
    assert caught.value.code == "LAB_DIRECTORY_IN_USE"


def test_the_operator_starts_with_an_unsigned_zone_and_nothing_else(tmp_path: Path) -> None:
    world = EmbeddedWorld(tmp_path / "lab")
    source = world.zone_file.read_text(encoding="utf-8")
    assert world.served_zone_file.read_text(encoding="utf-8") == source
    zone = dns.zone.from_text(source, origin=world.zone, relativize=False)
    soa = zone.get_soa()
    assert (soa.serial, soa.minimum) == (2016122202, 1)
    assert {rdataset.ttl for _, rdataset in zone.iterate_rdatasets()} == {2}
    assert zone.get_rdataset(world.host, "A") is not None
    assert zone.get_rdataset(world.host, "AAAA") is not None
    for folder in (world.keys, world.webroot, world.credentials):
        assert list(folder.iterdir()) == []
    assert not world.live.exists()
